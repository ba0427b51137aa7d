#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_sink.h"

using namespace logboom;

TEST_CASE("generator makes its rounds of all lines and returns", "[input][generator]") {
  PluginHarness<Input> input("input", R"(generator { lines => ["a", "b"] count => 200 })", EcsMode::Disabled);
  REQUIRE(input.plugin != nullptr);
  RecordingSink sink;
  StopSignal stop;
  REQUIRE(input.plugin->run(sink, stop).has_value());
  const auto messages = sink.messages();
  REQUIRE(messages.size() == 400);
  CHECK(messages[0] == "a");
  CHECK(messages[399] == "b");
  CHECK(sink.lines()[2].find("\"sequence\":1") != std::string::npos);
  CHECK(sink.lines()[0].find("\"host\":\"") != std::string::npos);
}

TEST_CASE("generator names its fields by ECS and decorates its events", "[input][generator]") {
  PluginHarness<Input> input(
      "input", R"(generator { count => 1 message => "m" type => "t" tags => ["x"] add_field => { "f" => "%{message}" } })");
  RecordingSink sink;
  StopSignal stop;
  REQUIRE(input.plugin->run(sink, stop).has_value());
  REQUIRE(sink.lines().size() == 1);
  const std::string line = sink.lines()[0];
  for (const std::string part :
       {"\"sequence\":0", "\"host\":{\"name\":", "\"type\":\"t\"", "\"tags\":[\"x\"]", "\"f\":\"m\"", "\"original\":\"m\""})
    CHECK(line.find(part) != std::string::npos);
}

TEST_CASE("generator without a count goes on until it is stopped", "[input][generator]") {
  PluginHarness<Input> input("input", "generator {}");
  RecordingSink sink;
  RunningInput running(*input.plugin, sink);
  sink.wait_for_events(1000);
}

TEST_CASE("generator makes all rounds on each of its threads", "[input][generator]") {
  PluginHarness<Input> input("input", "generator { count => 300 threads => 3 }");
  RecordingSink sink;
  StopSignal stop;
  REQUIRE(input.plugin->run(sink, stop).has_value());
  CHECK(sink.messages().size() == 900);
}
