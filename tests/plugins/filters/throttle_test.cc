#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

/// Which of the events, given as "key second", are throttled: one character each, 'x' for yes.
std::string throttled(const std::string& options, const std::vector<std::pair<std::string, std::string>>& key_and_time) {
  std::string events;
  for (const auto& [key, time] : key_and_time)
    events += R"({"k":")" + key + R"(","@timestamp":"2016-07-09T)" + time + "Z\"}\n";
  const std::string out = run_filter("throttle { key => \"%{k}\" add_tag => [\"slow\"] " + options + " }", events);
  std::string marks;
  for (std::size_t start = 0; start < out.size();) {
    const std::size_t end = std::min(out.find('\n', start), out.size());
    marks += out.substr(start, end - start).find("slow") != std::string::npos ? 'x' : '-';
    start = end + 1;
  }
  return marks;
}

TEST_CASE("throttle marks events before and after its counts", "[filter][throttle]") {
  CHECK(throttled("before_count => 2 after_count => 3",
                  {{"a", "00:05:00"}, {"a", "00:05:01"}, {"a", "00:05:02"}, {"a", "00:05:03"}}) == "x--x");
  CHECK(throttled("after_count => 0", {{"a", "00:05:00"}}) == "x");
  CHECK(throttled("", {{"a", "00:05:00"}}) == "-");
}

TEST_CASE("throttle counts each key by itself", "[filter][throttle]") {
  CHECK(throttled("after_count => 1",
                  {{"a", "00:05:00"}, {"b", "00:05:01"}, {"a", "00:05:02"}, {"b", "00:05:03"}, {"c", "00:05:04"}}) ==
        "--xx-");
}

TEST_CASE("throttle anchors its slots at the first event of a key", "[filter][throttle]") {
  CHECK(throttled("after_count => 1", {{"a", "00:01:10"}, {"a", "00:02:09"}, {"a", "00:02:10"}}) == "-x-");
  CHECK(throttled("after_count => 1", {{"a", "00:01:00"}, {"a", "00:00:30"}, {"a", "00:01:59"}, {"a", "00:00:59"}}) ==
        "--xx");
}

TEST_CASE("throttle takes its period from the event and sixty seconds when that is no number", "[filter][throttle]") {
  const std::string events =
      "{\"p\":\"10\",\"@timestamp\":\"2016-07-09T00:01:00Z\"}\n{\"p\":\"10\",\"@timestamp\":\"2016-07-09T00:01:10Z\"}";
  CHECK_THAT(run_filter(R"(throttle { key => "k" period => "%{p}" after_count => 1 add_tag => ["slow"] })", events),
             !Contains("slow"));
  CHECK_THAT(run_filter(R"(throttle { key => "k" period => "%{none}" after_count => 1 add_tag => ["slow"] })", events),
             Contains("slow"));
}

TEST_CASE("throttle forgets slots that are too old and keys that are too many", "[filter][throttle]") {
  CHECK(throttled("after_count => 1 max_age => 60",
                  {{"a", "00:00:00"}, {"a", "00:10:00"}, {"a", "00:00:01"}, {"a", "00:00:02"}}) == "----");
  CHECK(throttled("after_count => 1 max_counters => 2",
                  {{"a", "00:00:00"}, {"b", "00:00:00"}, {"c", "00:00:00"}, {"a", "00:00:01"}, {"c", "00:00:01"}}) ==
        "----x");
}

TEST_CASE("throttle needs a key", "[filter][throttle]") {
  CHECK_THAT(check_config("filter { throttle { after_count => 1 } }"), Contains("needs the option \"key\""));
}

}  // namespace
}  // namespace logboom
