// One listener on a port of its own, with services to serve: what tests of the server's edge start from.
#pragma once

#include <poll.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/plugin/async_push.h"
#include "server/listen/listener.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/test_socket.h"

namespace logboom {

/// Lines become events with a prefix; gives an unfinished line back when it is replaced.
class LineService final : public StreamService {
 public:
  explicit LineService(std::string prefix) : prefix_(std::move(prefix)) {}
  Awaitable<void> serve(ByteStream& peer, EventSink& sink) override {
    std::string unfinished;
    for (;;) {
      const Buffer received = co_await peer.read_some();
      if (received.empty()) break;
      unfinished += received.view();
      ChunkPtr chunk = sink.new_chunk(received);
      std::size_t begin = 0;
      for (std::size_t end = unfinished.find('\n'); end != std::string::npos; end = unfinished.find('\n', begin)) {
        add(unfinished.substr(begin, end - begin), *chunk);
        begin = end + 1;
      }
      unfinished.erase(0, begin);
      if (chunk->events().empty()) continue;
      const bool is_taken = co_await push_chunk(sink, std::move(chunk));
      if (!is_taken) co_return;
    }
    if (peer.is_rebinding()) {
      peer.unread(unfinished);
    } else if (!unfinished.empty()) {
      ChunkPtr chunk = sink.new_chunk({});
      add(unfinished, *chunk);
      co_await push_chunk(sink, std::move(chunk));
    }
  }

 private:
  void add(const std::string& line, Chunk& chunk) const {
    Event& event = chunk.new_event();
    event.fields().set(chunk.arena(), well_known().message, Value::string(chunk.arena().copy(prefix_ + line)));
    event.add_defaults(chunk.now());
  }
  std::string prefix_;
};

/// Answers with the method, the target and the size and start of the body.
class EchoService final : public HttpService {
 public:
  explicit EchoService(std::string name) : name_(std::move(name)) {}
  Awaitable<HttpResponse> answer(HttpRequest request, EventSink&) override {
    HttpResponse response(200, name_ + " " + request.method + " " + request.target + " " +
                                   std::to_string(request.body.size()) + " " +
                                   std::string(request.body.view().substr(0, 20)) + "\n" + std::string(padding, 'x'));
    co_return response;
  }
  std::size_t padding = 0;

 private:
  std::string name_;
};

inline Endpoint line_endpoint(std::string prefix = "") {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.stream = std::make_shared<LineService>(std::move(prefix));
  return endpoint;
}

inline Endpoint echo_endpoint(std::string name = "echo") {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.http = std::make_shared<EchoService>(std::move(name));
  return endpoint;
}

/// One listener on a port of its own.
struct Fixture {
  explicit Fixture(const Endpoint& endpoint) {
    auto opened = Listener::open(network, endpoint, sink, "input tcp", metrics);
    REQUIRE(opened.has_value());
    listener = *opened;
  }
  TestSocket connect() const { return TestSocket(listener->port()); }
  std::uint64_t count(const char* name) { return metrics.counter(name).value(); }
  /// Waits for something that another thread does.
  static bool eventually(const std::function<bool()>& is_true) {
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
         std::chrono::steady_clock::now() < end; ::poll(nullptr, 0, 1))
      if (is_true()) return true;
    return false;
  }

  std::shared_ptr<CollectingSink> sink = std::make_shared<CollectingSink>();
  MetricScope metrics;
  NetworkThreads network{2};
  std::shared_ptr<Listener> listener;
};

}  // namespace logboom
