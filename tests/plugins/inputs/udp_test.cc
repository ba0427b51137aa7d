// The udp input's datagrams as events; sockets are tested in tests/server/udp_listener_test.cc.
#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/memory_datagrams.h"
#include "tests/support/memory_stream.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using Sent = std::vector<std::pair<std::string, std::string>>;

/// Sends datagrams, in one batch, through `udp { … }`.
std::vector<std::string> take(std::string_view text, const Sent& sent, EcsMode ecs = EcsMode::Disabled) {
  PluginHarness<Input> harness("input", text, ecs);
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  CollectingSink sink;
  const auto endpoints = harness.plugin->endpoints();
  REQUIRE(endpoints.size() == 1);
  MemoryDatagrams batch(sent);
  run_to_end(endpoints[0].datagram->take(batch, sink));
  return sink.events();
}

std::string refusals(std::string_view text) {
  PluginHarness<Input> harness("input", text);
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

}  // namespace

TEST_CASE("udp makes an event of each datagram and says whom it came from", "[input][udp]") {
  const auto events =
      take("udp { port => 1 }", {{"10.0.0.1", "one\ntwo"}, {"10.0.0.1", "three"}, {"fe80::1", "four"}, {"10.0.0.1", ""}});
  REQUIRE(events.size() == 3);
  CHECK(events[0] == R"({"message":"one\ntwo","host":"10.0.0.1"})");
  CHECK(events[1] == R"({"message":"three","host":"10.0.0.1"})");
  CHECK(events[2] == R"({"message":"four","host":"fe80::1"})");
}

TEST_CASE("udp puts the sender's address where ECS or the option wants it", "[input][udp]") {
  CHECK_THAT(take("udp { port => 1 }", {{"10.0.0.1", "a"}}, EcsMode::V1).at(0), Contains(R"("host":{"ip":"10.0.0.1"})"));
  const auto renamed = take("udp { port => 1 source_ip_fieldname => \"[peer][ip]\" }", {{"10.0.0.1", "a"}}, EcsMode::V1);
  CHECK_THAT(renamed.at(0), Contains(R"("peer":{"ip":"10.0.0.1"})"));
  CHECK_THAT(renamed.at(0), !Contains(R"("host")"));
  const auto brought = take("udp { port => 1 codec => json }", {{"10.0.0.1", R"({"host":"mine"})"}});
  CHECK(brought.at(0) == R"({"host":"mine"})");
}

TEST_CASE("a datagram is a stream of its own for the codec", "[input][udp]") {
  const auto lines = take("udp { port => 1 codec => line }", {{"10.0.0.1", "a\nb"}, {"10.0.0.2", "c\n"}});
  REQUIRE(lines.size() == 3);
  CHECK(lines[1] == R"({"message":"b","host":"10.0.0.1"})");
  CHECK(lines[2] == R"({"message":"c","host":"10.0.0.2"})");
  const auto documents = take("udp { port => 1 codec => json_lines }", {{"10.0.0.1", "{\"a\":1}\n{\"a\":2}\n"}});
  CHECK(documents.size() == 2);
}

TEST_CASE("udp decorates every event once", "[input][udp]") {
  const auto events = take("udp { port => 1 type => tt tags => [\"x\"] add_field => { \"f\" => \"%{message}\" } }",
                           {{"10.0.0.1", "a"}, {"10.0.0.1", "b"}});
  REQUIRE(events.size() == 2);
  CHECK_THAT(events[1], Contains(R"("f":"b")") && Contains(R"("tags":["x"])") && Contains(R"("type":"tt")"));
}

TEST_CASE("udp declares what it listens on", "[input][udp]") {
  PluginHarness<Input> harness("input",
                               "udp { host => \"::1\" port => 5140 buffer_size => 9000 receive_buffer_bytes => 1000000 "
                               "queue_size => 1 workers => 8 }");
  REQUIRE(harness.plugin != nullptr);
  const Endpoint endpoint = harness.plugin->endpoints().at(0);
  CHECK(endpoint.host == "::1");
  CHECK(endpoint.port == 5140);
  CHECK(endpoint.max_datagram_bytes == 9000);
  CHECK(endpoint.receive_buffer_bytes == 1'000'000);
  CHECK(endpoint.stream == nullptr);
}

TEST_CASE("udp refuses what it cannot do", "[input][udp]") {
  CHECK_THAT(refusals("udp { port => 1 codec => rubydebug }"), Contains("cannot read"));
  CHECK_THAT(refusals("udp { port => 70000 }"), Contains("70000"));
  CHECK_THAT(refusals("udp { port => 1 buffer_size => 0 }"), Contains("below the minimum 1"));
  CHECK_THAT(refusals("udp { }"), Contains("port"));
}

}  // namespace logboom
