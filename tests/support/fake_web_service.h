// A web service in the test's process, on a port of its own: what it answers is the test's.
#pragma once

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/listen/listener.h"
#include "tests/support/collecting_sink.h"

namespace logboom {

inline HttpResponse json_answer(int status, std::string body) {
  HttpResponse response(status, std::move(body));
  response.headers.emplace_back("content-type", "application/json");
  return response;
}

class FakeWebService {
 public:
  /// Called for each request, one at a time, on the service's thread.
  using Answer = std::function<HttpResponse(const HttpRequest&)>;

  explicit FakeWebService(Answer answer, std::shared_ptr<const TlsContext> tls = nullptr) : is_tls_(tls != nullptr) {
    service_->answer_with = std::move(answer);
    Endpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.http = service_;
    endpoint.tls = std::move(tls);
    auto opened = Listener::open(threads_, endpoint, std::make_shared<CollectingSink>(), "test", metrics_);
    REQUIRE(opened.has_value());
    listener_ = *opened;
  }
  ~FakeWebService() { stop(); }
  FakeWebService(const FakeWebService&) = delete;
  FakeWebService& operator=(const FakeWebService&) = delete;

  /// The port refuses connections from now on.
  void stop() {
    if (is_stopped_) return;
    is_stopped_ = true;
    listener_->drain();
  }
  std::uint16_t port() const { return listener_->port(); }
  std::string url(std::string_view path = "", std::string_view host = "127.0.0.1") const {
    return fmt::format("{}://{}:{}{}", is_tls_ ? "https" : "http", host, listener_->port(), path);
  }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(service_->mutex);
    return service_->requests;
  }

 private:
  class Service final : public HttpService {
   public:
    Awaitable<HttpResponse> answer(HttpRequest request, EventSink&) override {
      const std::lock_guard lock(mutex);
      requests.push_back(request);
      co_return answer_with(request);
    }
    mutable std::mutex mutex;
    std::vector<HttpRequest> requests;
    Answer answer_with;
  };

  std::shared_ptr<Service> service_ = std::make_shared<Service>();
  MetricScope metrics_;
  NetworkThreads threads_{1};
  const bool is_tls_;
  bool is_stopped_ = false;
  std::shared_ptr<Listener> listener_;
};

}  // namespace logboom
