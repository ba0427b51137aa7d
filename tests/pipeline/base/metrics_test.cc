#include "pipeline/base/metrics.h"

#include <catch2/catch.hpp>

namespace logboom {

using namespace std::chrono_literals;

TEST_CASE("a histogram counts by powers of two of microseconds, and nothing is too long or too short for it", "[metrics]") {
  Histogram histogram;
  for (const auto duration : {0ns, 999ns, 1000ns, 1999ns, 2000ns, 4095999ns}) histogram.observe(duration);
  histogram.observe(-5ns);
  histogram.observe(std::chrono::hours(100));
  CHECK(histogram.count(0) == 3);   // below 1 µs
  CHECK(histogram.count(1) == 2);   // 1 µs
  CHECK(histogram.count(2) == 1);   // 2 and 3 µs
  CHECK(histogram.count(12) == 1);  // 2,048 to 4,095 µs
  CHECK(histogram.count(Histogram::kBuckets - 1) == 1);
  CHECK(histogram.total() == 8);
  CHECK(histogram.sum_microseconds() == 1 + 1 + 2 + 4095 + 360'000'000'000);
}

TEST_CASE("a scope gives the same counter for the same name and lists all below it", "[metrics]") {
  MetricScope root;
  root.child("pipelines").counter("in").add(2);
  root.child("pipelines").counter("in").add(3);
  root.histogram("latency").observe(7us);
  std::vector<std::pair<std::string, std::uint64_t>> found;
  for (const auto& sample : root.samples()) found.emplace_back(sample.path, sample.value);
  CHECK(found == std::vector<std::pair<std::string, std::uint64_t>>{
                     {"latency.count", 1}, {"latency.sum_microseconds", 7}, {"pipelines.in", 5}});
}

}  // namespace logboom
