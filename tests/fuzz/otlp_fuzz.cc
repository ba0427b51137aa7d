// Hostile requests to the otlp input. The first byte chooses the encoding, the rest is the body.
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/hostile_requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace logboom;
  static HostileRequests input("otlp", {});
  if (size == 0) return 0;
  HttpRequest request;
  request.method = "POST";
  request.target = "/v1/logs";
  request.version = "HTTP/1.1";
  request.headers.emplace_back("content-type", data[0] == 'j' ? "application/json" : "application/x-protobuf");
  request.body = Buffer::copy_of({reinterpret_cast<const char*>(data) + 1, size - 1});
  const HttpResponse response = input.ask(std::move(request));
  if (response.status != 200 && response.status != 400 && response.status != 413) std::abort();
  return 0;
}
