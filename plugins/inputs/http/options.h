// The options of the http input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/event/field_ref.h"
#include "pipeline/plugin/http_gate.h"

namespace logboom {

struct HttpInputOptions : HttpServerOptions {
  CodecChoice codec{"plain", nullptr, {}};
  std::uint64_t threads = 0;
  std::uint64_t response_code = 200;
  TextHash response_headers = {{"Content-Type", "text/plain"}};
  TextHash additional_codecs = {{"application/json", "json"}};
  std::optional<FieldRef> remote_host_target_field;
  std::optional<FieldRef> request_headers_target_field;
  bool elasticsearch_api = false;
  std::string elasticsearch_version = "8.19.0";
  // Spellings of earlier Logstash versions; http.cc makes ssl_ options of them.
  std::optional<std::string> ssl_verify_mode;
  std::optional<double> tls_min_version;
  std::optional<double> tls_max_version;
};

}  // namespace logboom
