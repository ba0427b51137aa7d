#include "server/pipelines/postponed_starts.h"

#include <catch2/catch.hpp>

namespace logboom {

TEST_CASE("what is postponed is tried after 1 s, then after pauses that double up to a minute", "[pipelines]") {
  MetricScope metrics;
  const auto pipeline = std::make_shared<RunningPipeline>(WantedPipeline{"main", Settings()}, metrics);
  PostponedStarts postponed;
  PostponedStarts::Time now{};
  postponed.add(pipeline, nullptr, now);
  postponed.add(pipeline, nullptr, now);
  CHECK(postponed.size() == 1);
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    CHECK(postponed.take_due(now + std::chrono::seconds(seconds) - std::chrono::milliseconds(1)).empty());
    now += std::chrono::seconds(seconds);
    REQUIRE(postponed.take_due(now).size() == 1);
    postponed.add(pipeline, nullptr, now);  // it was refused again
  }
  postponed.remove(*pipeline);
  CHECK(postponed.take_due(now + std::chrono::hours(1)).empty());
}

}  // namespace logboom
