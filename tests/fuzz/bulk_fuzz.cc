// Hostile requests to the http input as an Elasticsearch server. Up to the first line end the target, then the body.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/hostile_requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace logboom;
  static HostileRequests input("http", "elasticsearch_api");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return 0;
  HttpRequest request;
  request.method = "POST";
  request.target = std::string(text.substr(0, end));
  request.version = "HTTP/1.1";
  request.body = Buffer::copy_of(text.substr(end + 1));
  const HttpResponse response = input.ask(std::move(request));
  if (response.status < 200 || response.status > 405 || response.body.empty()) std::abort();
  return 0;
}
