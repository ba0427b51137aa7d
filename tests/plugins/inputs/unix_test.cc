// The unix input's streams as events; sockets are tested in tests/server/.
#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/memory_stream.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

std::vector<std::string> serve(std::string_view text, MemoryStream& stream, EcsMode ecs = EcsMode::Disabled) {
  PluginHarness<Input> harness("input", text, ecs);
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  CollectingSink sink;
  const auto endpoints = harness.plugin->endpoints();
  REQUIRE(endpoints.size() == 1);
  run_to_end(endpoints[0].stream->serve(stream, sink));
  return sink.events();
}

Endpoint endpoint_of(std::string_view text) {
  PluginHarness<Input> harness("input", text);
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  return harness.plugin->endpoints().at(0);
}

std::string refusals(std::string_view text) {
  PluginHarness<Input> harness("input", text);
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

}  // namespace

TEST_CASE("unix makes an event of each line and names the socket", "[input][unix]") {
  MemoryStream stream({"one\ntw", "o\nrest"});
  const auto events = serve("unix { path => \"/run/x.sock\" }", stream);
  REQUIRE(events.size() == 3);
  CHECK_THAT(events[1], Contains(R"({"message":"two","host":")") && Contains(R"("path":"/run/x.sock"})"));
  CHECK_THAT(events[2], Contains("\"rest\""));
}

TEST_CASE("unix names machine and file under ECS, and keeps what an event brings", "[input][unix]") {
  MemoryStream stream({R"({"host":{"name":"mine"}})"
                       "\n"});
  const auto events = serve("unix { path => \"/run/x.sock\" codec => json }", stream, EcsMode::V1);
  REQUIRE(events.size() == 1);
  CHECK_THAT(events[0], Contains(R"("host":{"name":"mine"})") && Contains(R"("file":{"path":"/run/x.sock"})"));
}

TEST_CASE("unix gives an unfinished line back when it is replaced", "[input][unix][reload]") {
  MemoryStream stream({"one\nhal"});
  stream.ends_by_rebinding = true;
  CHECK(serve("unix { path => \"/run/x.sock\" }", stream).size() == 1);
  CHECK(stream.given_back == "hal");
}

TEST_CASE("unix declares what it listens on or connects to", "[input][unix]") {
  const Endpoint server = endpoint_of("unix { path => \"/run/x.sock\" data_timeout => 30 force_unlink => true }");
  CHECK(server.mode == Endpoint::Mode::Listen);
  CHECK(server.unix_path == "/run/x.sock");
  CHECK(server.idle_seconds == 30);
  CHECK(server.takes_unix_path_over);
  const Endpoint client =
      endpoint_of("unix { path => \"/run/y.sock\" mode => client socket_not_present_retry_interval_seconds => 2 }");
  CHECK(client.mode == Endpoint::Mode::Connect);
  CHECK(client.unix_path == "/run/y.sock");
  CHECK(client.reconnect_seconds == 2);
  CHECK(client.idle_seconds == 0);
  CHECK(!client.takes_unix_path_over);
}

TEST_CASE("unix takes five seconds for a pause that is no pause, and says so", "[input][unix]") {
  PluginHarness<Input> harness("input",
                               "unix { path => \"/x\" mode => client socket_not_present_retry_interval_seconds => -1 }");
  REQUIRE(harness.plugin != nullptr);
  CHECK(harness.plugin->endpoints().at(0).reconnect_seconds == 5);
  CHECK_THAT(harness.diagnostics.render(), Contains("must be above 0"));
}

TEST_CASE("unix refuses what it cannot do", "[input][unix]") {
  CHECK_THAT(refusals("unix { path => \"/x\" codec => rubydebug }"), Contains("cannot read"));
  CHECK_THAT(refusals("unix { path => \"/x\" mode => both }"), Contains("both"));
  CHECK_THAT(refusals("unix { }"), Contains("path"));
}

}  // namespace logboom
