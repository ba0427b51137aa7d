// One HTTP request and its answer, on the server's side.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/net/byte_stream.h"

namespace logboom {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;  // names in lower case, in order

struct HttpRequest {
  std::string method;
  std::string target;   // path with query
  std::string version;  // "HTTP/1.1"
  HttpHeaders headers;
  Buffer body;  // decoded (gzip, deflate) and complete
  PeerAddress peer;
  PeerAddress local;

  /// Value of a header (name in lower case) or an empty view.
  std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
};

struct HttpResponse {
  HttpResponse() = default;
  HttpResponse(int status_code, std::string text) : status(status_code), body(std::move(text)) {}
  int status = 200;
  HttpHeaders headers;
  std::string body;
};

}  // namespace logboom
