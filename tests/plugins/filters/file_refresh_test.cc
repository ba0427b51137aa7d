// Filters that read a file again when it has changed, under a clock that stands still until told otherwise.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

class SetClock final : public Clock {
 public:
  std::int64_t wall_nanoseconds() const override { return 1'700'000'000'000'000'000; }
  std::chrono::steady_clock::time_point steady_now() const override { return now; }
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
};

class WatchedFile {
 public:
  explicit WatchedFile(const std::string& ending) : path("file_refresh_test_" + std::to_string(getpid()) + ending) {}
  ~WatchedFile() { std::remove(path.c_str()); }
  void write(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }
  const std::string path;
};

/// One instance of a filter, fed event by event.
class FilterUnderClock {
 public:
  FilterUnderClock(const std::string& text, const Clock& clock) {
    parse_logstash(std::make_shared<SourceText>("test.conf", "filter { " + text + " }"), {}, graph_, diagnostics_);
    surroundings_.clock = &clock;
    const auto& node = std::get<PluginNode>(graph_.filters.at(0).node);
    context_ = std::make_unique<PluginContext>(node, "test", surroundings_, metrics_, slot_, diagnostics_);
    filter_ = Registry<Filter>::instance().find(node.name)->make.make(node, *context_, diagnostics_);
    INFO(diagnostics_.render());
    REQUIRE(filter_ != nullptr);
  }

  std::string apply(const std::string& json) {
    Batch batch;
    JsonReader reader;
    Event* event = batch.new_event();
    event->adopt_fields(&reader.parse_unpadded(json, batch.arena()).value().as_object(), {});
    event->fields().erase(well_known().timestamp);
    event->fields().erase(well_known().version);
    std::vector<Event*> events{event}, dropped;
    FilterBatch work{batch, events, dropped};
    filter_->apply(work);
    std::string out;
    write_json(event->fields(), out);
    return out;
  }

 private:
  Graph graph_;
  Diagnostics diagnostics_;
  MetricScope metrics_;
  SharedSlot slot_;
  PluginContext::Surroundings surroundings_;
  std::unique_ptr<PluginContext> context_;
  std::unique_ptr<Filter> filter_;
};

TEST_CASE("cidr reads its networks again when the file has changed and the interval has passed", "[filter][cidr]") {
  SetClock clock;
  const WatchedFile file(".txt");
  file.write("10.0.0.0/8\n");
  FilterUnderClock cidr(
      "cidr { address => \"%{ip}\" network_path => \"" + file.path + "\" refresh_interval => 60 add_tag => [\"in\"] }",
      clock);
  const std::string inside = R"({"ip":"192.168.0.1","tags":["in"]})", outside = R"({"ip":"192.168.0.1"})";
  file.write("192.168.0.0/16\n172.16.0.0/12\n");
  CHECK(cidr.apply(outside) == outside);
  clock.now += std::chrono::seconds(61);
  CHECK(cidr.apply(outside) == inside);
  file.write("nothing of use\n");
  clock.now += std::chrono::seconds(61);
  CHECK(cidr.apply(outside) == inside);
}

/// What the filter answers once the reader's thread has done its work: the first answer that is not `earlier`.
std::string answer_after(FilterUnderClock& filter, const std::string& event, const std::string& earlier) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);  // only a broken reader gets there
  std::string answer = filter.apply(event);
  while (answer == earlier && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
    answer = filter.apply(event);
  }
  return answer;
}

TEST_CASE("translate reads its dictionary again beside the running pipeline", "[filter][translate]") {
  for (const bool keeps_removed : {true, false}) {
    SetClock clock;
    const WatchedFile file(".csv");
    file.write("a,1\nb,2\n");
    FilterUnderClock translate("translate { source => \"s\" target => \"t\" dictionary_path => \"" + file.path +
                                   "\" refresh_interval => 60 refresh_behaviour => " +
                                   (keeps_removed ? "merge" : "replace") + " }",
                               clock);
    const std::string one = R"({"s":"a","t":"1"})";
    file.write("a,changed\n");
    CHECK(translate.apply(R"({"s":"a"})") == one);
    clock.now += std::chrono::seconds(61);
    CHECK(answer_after(translate, R"({"s":"a"})", one) == R"({"s":"a","t":"changed"})");
    CHECK(translate.apply(R"({"s":"b"})") == (keeps_removed ? R"({"s":"b","t":"2"})" : R"({"s":"b"})"));
  }
}

}  // namespace
}  // namespace logboom
