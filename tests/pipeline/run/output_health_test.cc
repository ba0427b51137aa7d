#include "pipeline/run/output_health.h"

#include <catch2/catch.hpp>

#include "pipeline/run/retry.h"
#include "tests/support/json_events.h"
#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

TEST_CASE("an output's state follows what is heard of its destination and whether workers wait", "[output_health]") {
  MetricScope metrics;
  OutputHealth health(metrics);
  const auto shown = [&] { return static_cast<OutputState>(metrics.counter("state").value()); };
  CHECK(shown() == OutputState::Ok);
  health.retried("HTTP 503");
  CHECK(shown() == OutputState::Retrying);
  CHECK(metrics.note("last_error").content().text == "HTTP 503");
  CHECK(metrics.note("last_error").content().epoch_seconds > 1'700'000'000);
  {
    OutputHealth::Waiting waiting(health);
    CHECK(shown() == OutputState::Retrying);  // an output that is merely busy makes its workers wait, too
    waiting.is_long();
    CHECK(shown() == OutputState::Blocked);
    health.delivered();
    CHECK(shown() == OutputState::Blocked);
  }
  CHECK(shown() == OutputState::Ok);
  health.rejected("too old");
  CHECK(shown() == OutputState::Ok);
  REQUIRE(metrics.notes().size() == 1);
  CHECK(metrics.notes()[0].content.text == "too old");
}

TEST_CASE("pauses follow the output's policy", "[retry]") {
  const RetryPolicy policy{std::chrono::seconds(2), std::chrono::seconds(64)};
  for (int attempt = 0; attempt < 10; ++attempt) {
    const auto longest = std::min(std::chrono::milliseconds(2000) * (1 << attempt), std::chrono::milliseconds(64'000));
    for (const std::uint64_t dice : {0ULL, 999ULL, 123'456'789ULL, ~0ULL}) {
      CHECK(retry_pause(policy, attempt, dice) >= longest / 2);
      CHECK(retry_pause(policy, attempt, dice) <= longest);
    }
    CHECK(retry_pause(policy, attempt, 0) != retry_pause(policy, attempt, 777));
  }
  const RetryPolicy odd{std::chrono::milliseconds(0), std::chrono::milliseconds(0)};
  CHECK(retry_pause(odd, 3, 5) == std::chrono::milliseconds(0));
}

TEST_CASE("of three outputs a dead one keeps its own events and leaves the others theirs; afterwards nothing is missing",
          "[output_health]") {
  PipelineSettings settings = quick_settings(1);
  settings.output_limits.max_events = 1000;
  PipelineUnderTest running("input { test_source {} } output { test_output {} test_output {} test_output {} }", settings);
  FakeOutput& dead = running.output(1);
  dead.hold();
  running.start();
  const auto push = [&](std::int64_t first, std::size_t count) {
    const ChunkPtr chunk = numbered_chunk(first, count);
    const auto receiver = follow(*chunk);
    REQUIRE(running.push(chunk));
    return receiver;
  };
  const auto first = push(0, 300);
  REQUIRE(running.output(0).wait_for_events(300));
  REQUIRE(running.output(2).wait_for_events(300));
  REQUIRE(dead.wait_for_events(300));
  for (const DeliveryPtr& delivery : dead.take_held()) delivery->report_all(Outcome::retry("dead"));
  const auto second = push(300, 300);  // the others go on
  REQUIRE(running.output(0).wait_for_events(600));
  REQUIRE(running.output(2).wait_for_events(600));
  CHECK(running.compiled().output_counter("state", 0) == 0);
  CHECK(running.compiled().output_counter("state", 1) == 1);
  CHECK(running.compiled().output_counter("state", 2) == 0);
  CHECK_FALSE(first->is_finished());
  dead.release();
  running.drain();
  CHECK(first->results() == std::vector<AckResult>{AckResult::Delivered});
  CHECK(second->results() == std::vector<AckResult>{AckResult::Delivered});
  CHECK(running.compiled().output_counter("state", 1) == 0);
  CHECK(running.output(0).lines().size() == 600);
  CHECK(running.output(2).lines().size() == 600);
}

}  // namespace
}  // namespace logboom
