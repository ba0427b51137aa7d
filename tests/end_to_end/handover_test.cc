// What a reload does to a listening endpoint: the successor pipeline gets the socket and the live connections, its
// predecessor ends in order, and no line is lost, doubled or cut in two.
#include "tests/support/compiled_plan.h"
#include "tests/support/listener_fixture.h"
#include "tests/support/pipeline_under_test.h"

namespace logboom {
namespace {

/// A pipeline with a listening input, without a socket of its own.
struct Life {
  explicit Life(const std::string& text)
      : compiled(text, 2),
        pipeline(compiled.plan, quick_settings(2), std::make_unique<MemoryQueue>(MemoryQueueLimits{}), compiled.metrics),
        endpoints(pipeline.take_endpoints()) {
    REQUIRE(pipeline.start_outputs());
    pipeline.start_workers();
  }
  std::vector<std::string> lines() { return compiled.output().lines(); }

  CompiledPlan compiled;
  Pipeline pipeline;
  std::vector<WantedEndpoint> endpoints;
};

std::string config_of(const std::string& inputs, const std::string& mark) {
  return "input { " + inputs + " } filter { mutate { add_field => { \"by\" => \"" + mark +
         "\" } } } output { test_output {} }";
}

bool says(const std::vector<std::string>& lines, const std::string& text, const std::string& by) {
  for (const std::string& line : lines)
    if (line.find("\"" + text + "\"") != std::string::npos && line.find("\"by\":\"" + by + "\"") != std::string::npos)
      return true;
  return false;
}

TEST_CASE("a live connection goes from one pipeline to its successor between two lines", "[handover][threads]") {
  const std::string input = "tcp { port => 0 host => \"127.0.0.1\" dns_reverse_lookup_enabled => false }";
  Life first(config_of(input, "first"));
  Life second(config_of(input, "second"));
  NetworkThreads network{2};
  auto opened = Listener::open(network, first.endpoints.at(0).endpoint, first.endpoints.at(0).sink, "input tcp",
                               first.compiled.metrics);
  REQUIRE(opened.has_value());
  Listener& listener = **opened;
  TestSocket client(listener.port());
  REQUIRE(client.send("one\nbegun under the first, "));
  REQUIRE(Fixture::eventually([&] { return first.lines().size() == 1; }));

  listener.rebind(second.endpoints.at(0).endpoint, second.endpoints.at(0).sink);
  first.pipeline.request_stop();
  first.pipeline.drain();  // the predecessor is gone while the connection lives
  REQUIRE(client.send("ended under the second\nthree\n"));
  CHECK(Fixture::eventually([&] { return second.lines().size() == 2; }));
  CHECK(says(first.lines(), "one", "first"));
  CHECK(says(second.lines(), "begun under the first, ended under the second", "second"));
  CHECK(says(second.lines(), "three", "second"));
  CHECK(first.lines().size() == 1);

  // New connections are the successor's too.
  TestSocket late(listener.port());
  REQUIRE(late.send("four\n"));
  CHECK(Fixture::eventually([&] { return says(second.lines(), "four", "second"); }));
  listener.drain();
  second.pipeline.request_stop();
  second.pipeline.drain();
  CHECK(second.lines().size() == 3);
}

TEST_CASE("an HTTP connection is answered by the first pipeline, then by its successor, each when it has delivered",
          "[handover][threads]") {
  const std::string input = "http { port => 0 host => \"127.0.0.1\" }";
  Life first(config_of(input, "first"));
  Life second(config_of(input, "second"));
  NetworkThreads network{2};
  auto opened = Listener::open(network, first.endpoints.at(0).endpoint, first.endpoints.at(0).sink, "input http",
                               first.compiled.metrics);
  REQUIRE(opened.has_value());
  Listener& listener = **opened;
  TestSocket client(listener.port());
  const auto post = [&](const std::string& text) {
    return client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: " +
                       std::to_string(text.size()) + "\r\n\r\n" + text);
  };
  first.compiled.output().hold();
  REQUIRE(post("held"));
  REQUIRE(Fixture::eventually([&] { return first.lines().size() == 1; }));
  listener.rebind(second.endpoints.at(0).endpoint, second.endpoints.at(0).sink);
  // The request under way is still the first one's: it is answered when that has delivered it.
  first.compiled.output().release();
  CHECK(client.read_until("ok").find("200 OK") != std::string::npos);
  first.pipeline.request_stop();
  first.pipeline.drain();
  REQUIRE(post("after"));
  CHECK(client.read_until("ok").find("200 OK") != std::string::npos);
  CHECK(says(first.lines(), "held", "first"));
  CHECK(says(second.lines(), "after", "second"));
  listener.drain();
  second.pipeline.request_stop();
  second.pipeline.drain();
  CHECK(second.lines().size() == 1);
}

}  // namespace
}  // namespace logboom
