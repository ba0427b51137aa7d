#include "pipeline/plugin/delivery_options.h"

#include <catch2/catch.hpp>

#include "pipeline/config/logstash_parser.h"

namespace logboom {
namespace {

using Catch::Contains;

/// The options of an output as users write them.
struct Reading {
  explicit Reading(const std::string& options) {
    Graph graph;
    source = std::make_shared<SourceText>("test.conf", "output { null { " + options + " } }");
    parse_logstash(source, {}, graph, diagnostics);
    REQUIRE_FALSE(diagnostics.has_errors());
    made = DeliveryOptions::read(std::get<PluginNode>(graph.outputs.at(0).node), diagnostics);
  }
  std::string errors() const { return diagnostics.render(); }
  std::shared_ptr<const SourceText> source;
  Diagnostics diagnostics;
  DeliveryOptions made;
};

TEST_CASE("buffer and retry say what is said, and leave the rest to output and settings", "[delivery_options]") {
  const Reading nothing("");
  CHECK(nothing.errors().empty());
  CHECK_FALSE(nothing.made.buffer.is_on_disk());
  const RetryPolicy own{std::chrono::milliseconds(7), std::chrono::milliseconds(70)};
  CHECK(nothing.made.retry.over(own).first_pause == own.first_pause);
  CHECK(nothing.made.retry.over(own).longest_pause == own.longest_pause);
  CHECK(nothing.made.retry.over(own).max_attempts == 0);

  const Reading all(
      R"(id => "x" buffer => { "type" => "disk" max_bytes => "2gb" max_events => 500 path => "/var/b" sync => "interval"
    compression => "zstd" flush_at_shutdown => true } retry => { initial_interval => "500ms" max_interval => "2 minutes" max_attempts => 5 })");
  CHECK(all.errors().empty());
  CHECK(all.made.buffer.is_on_disk());
  CHECK(all.made.buffer.max_bytes->bytes == 2'000'000'000);
  CHECK(all.made.buffer.max_events == 500);
  CHECK(all.made.buffer.path == "/var/b");
  CHECK(all.made.buffer.sync == "interval");
  CHECK(all.made.buffer.compression == "zstd");
  CHECK(all.made.buffer.flush_at_shutdown);
  const RetryPolicy policy = all.made.retry.over(own);
  CHECK(policy.first_pause == std::chrono::milliseconds(500));
  CHECK(policy.longest_pause == std::chrono::minutes(2));
  CHECK(policy.max_attempts == 5);
}

TEST_CASE("what is wrong with buffer and retry is told at its place, with a way out", "[delivery_options]") {
  struct Case {
    const char* options;
    std::vector<const char*> told;
  };
  const Case cases[] = {
      {R"(buffer => { type => "disk" })", {"a disk buffer needs the output's id", "add id => "}},
      {R"(buffer => { type => "file" } )", {"\"file\" is not one of", "memory, disk"}},
      {R"(buffer => { tipe => "disk" })", {"buffer: there is no \"tipe\"", "did you mean \"type\"?"}},
      {R"(buffer => { path => "/x" })", {"buffer: path is for a disk buffer", "add type => \"disk\""}},
      {R"(buffer => { type => "disk" path => "" })", {"buffer: path is empty"}},
      {R"(buffer => "disk")", {"wants a hash"}},
      {R"(buffer => { max_events => 0 })", {"0 is below the minimum 1"}},
      {R"(buffer => { max_bytes => "many" })", {"\"many\" is not a size"}},
      {R"(id => "x" buffer => { type => "disk" sync => "often" })", {"\"often\"", "always, interval, never"}},
      {R"(retry => { max_interval => 1 initial_interval => 5 })", {"initial_interval is longer than max_interval"}},
      {R"(retry => { initial_interval => 0 })", {"0 is below the minimum"}},
      {R"(retry => { max_attempts => -1 })", {"max_attempts"}},
      {R"(retry => { limit => 3 })", {"retry: there is no \"limit\"", "max_attempts"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.options);
    const Reading reading(one.options);
    CHECK(reading.diagnostics.has_errors());
    for (const char* told : one.told) CHECK_THAT(reading.errors(), Contains(told));
  }
}

}  // namespace
}  // namespace logboom
