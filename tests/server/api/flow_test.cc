// Rates over windows of time, and what they are made of.
#include "server/api/flow_sampler.h"
#include "tests/server/api/api_fixture.h"

namespace logboom {
namespace {

FlowRow row_at(std::int64_t seconds, std::uint64_t value) {
  FlowRow row;
  row.milliseconds = seconds * 1000;
  row.values[0] = value;
  return row;
}

std::vector<std::string> names(const FlowHistory& history) {
  std::vector<std::string> all;
  for (const auto& window : history.windows()) all.emplace_back(window.name);
  return all;
}

}  // namespace

TEST_CASE("windows appear when they are full, current and lifetime at once", "[api][flow]") {
  FlowHistory history;
  CHECK(history.windows().empty());
  history.add(row_at(0, 0));
  CHECK(history.windows().empty());
  history.add(row_at(1, 10));
  CHECK(names(history) == std::vector<std::string>{"current", "lifetime"});
  for (int second = 2; second <= 59; ++second) history.add(row_at(second, 10));
  CHECK(names(history) == std::vector<std::string>{"current", "lifetime"});
  history.add(row_at(60, 10));
  CHECK(names(history) == std::vector<std::string>{"current", "last_1_minute", "lifetime"});
}

TEST_CASE("a window's rate is of its own time alone", "[api][flow]") {
  FlowHistory history;
  // Ten a second for two minutes, then a hundred a second for one.
  std::uint64_t count = 0;
  for (int second = 0; second <= 180; ++second) {
    history.add(row_at(second, count));
    count += second < 120 ? 10 : 100;
  }
  const auto rate = [&](std::string_view name) {
    const auto window = history.window(name);
    REQUIRE(window);
    return window->growth(0) / window->seconds();
  };
  CHECK(rate("current") == 100);
  CHECK(rate("last_1_minute") == 100);
  CHECK(rate("lifetime") == 40);
}

TEST_CASE("a week of samples takes no more memory than a day", "[api][flow]") {
  FlowHistory history;
  std::size_t after_a_day = 0;
  for (int second = 0; second < 7 * 86400; second += 1) {
    history.add(row_at(second, static_cast<std::uint64_t>(second)));
    if (second == 2 * 86400) after_a_day = history.rows();
  }
  CHECK(history.rows() <= after_a_day + 2);
  CHECK(history.rows() < 300);
  CHECK(names(history).size() == 7);
  CHECK(history.window("last_24_hours")->growth(0) / history.window("last_24_hours")->seconds() == 1);
}

TEST_CASE("a counter that was set back grew by nothing", "[api][flow]") {
  FlowHistory history;
  history.add(row_at(0, 1000));
  history.add(row_at(1, 5));
  CHECK(history.window("current")->growth(0) == 0);
  CHECK(history.window("current")->change(0) == -995);
}

TEST_CASE("a pipeline's flow has Logstash's names and the numbers of its counters", "[api][flow]") {
  ApiFixture fixture;
  MetricScope& scope = *fixture.pipelines.views[0].metrics;
  FlowSampler flow;
  flow.sample(fixture.pipelines.views, 1000);
  scope.counter("events.in").add(500);
  scope.counter("events.filtered").add(300);
  scope.counter("events.dropped").add(100);
  scope.child("ledger").counter("completed").add(200);
  scope.counter("events.duration_nanoseconds").add(10'000'000'000);  // of two workers in ten seconds
  MetricScope& input = scope.child("plugins").child("inputs").child("in");
  input.counter("blocked_microseconds").add(5'000'000);
  scope.child("plugins").child("filters").child("mark").counter("events.in").add(500);
  scope.child("plugins").child("filters").child("mark").counter("events.duration_nanoseconds").add(1'000'000'000);
  flow.sample(fixture.pipelines.views, 11000);
  const auto pipeline = flow.pipeline_flow("main", 2, false);
  CHECK(pipeline["input_throughput"]["current"] == 50);
  CHECK(pipeline["filter_throughput"]["current"] == 40);
  CHECK(pipeline["output_throughput"]["lifetime"] == 20);
  CHECK(pipeline["queue_backpressure"]["current"] == 0.5);
  CHECK(pipeline["worker_concurrency"]["current"] == 1);
  CHECK(pipeline["worker_utilization"]["current"] == 50);
  CHECK_FALSE(pipeline.contains("queue_persisted_growth_events"));
  CHECK(flow.pipeline_flow("", 0, false)["input_throughput"]["current"] == 50);
  const auto filter = flow.worker_flow("main", "filters", "mark", 2);
  CHECK(filter["worker_utilization"]["current"] == 5);
  CHECK(filter["worker_millis_per_event"]["current"] == 2);
  fixture.pipelines.views.clear();
  flow.sample({}, 12000);
  CHECK_FALSE(flow.pipeline_window("main", "current"));
}

}  // namespace logboom
