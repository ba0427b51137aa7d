// An input that is an HTTP server, its sink, and requests to it, as the listener would bring them.
#pragma once

#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/memory_stream.h"

namespace logboom {

class HttpServiceFixture {
 public:
  explicit HttpServiceFixture(std::string_view text, EcsMode ecs = EcsMode::Disabled,
                              CollectingSink::Answer answer = CollectingSink::Answer::Delivered)
      : sink(answer), harness_("input", text, ecs) {
    INFO(harness_.diagnostics.render());
    REQUIRE(harness_.plugin != nullptr);
    endpoint = harness_.plugin->endpoints().at(0);
  }
  static HttpRequest request(std::string method, std::string target, std::string_view body = {}, HttpHeaders headers = {}) {
    HttpRequest made;
    made.method = std::move(method);
    made.target = std::move(target);
    made.version = "HTTP/1.1";
    made.headers = std::move(headers);
    made.body = Buffer::copy_of(body);
    made.peer.ip = "10.0.0.9";
    return made;
  }
  HttpResponse send(HttpRequest request) {
    HttpResponse response;
    run_to_end(ask(std::move(request), response));
    return response;
  }
  HttpResponse send(std::string method, std::string target, std::string_view body = {}, HttpHeaders headers = {}) {
    return send(request(std::move(method), std::move(target), body, std::move(headers)));
  }
  /// The head first, then all of it.
  Awaitable<void> ask(HttpRequest request, HttpResponse& response) {
    if (auto refusal = endpoint.http->refuse_early(request)) {
      response = *std::move(refusal);
    } else {
      response = co_await endpoint.http->answer(std::move(request), sink);
    }
  }
  std::uint64_t count(const char* name) { return harness_.metrics.counter(name).value(); }

  CollectingSink sink;
  Endpoint endpoint;

 private:
  PluginHarness<Input> harness_;
};

inline std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

}  // namespace logboom
