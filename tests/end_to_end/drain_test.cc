// How a pipeline ends: everything is delivered, or given up when told so, and every sender knows which.
#include <catch2/catch.hpp>
#include <numeric>
#include <thread>

#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

const std::vector<AckResult> kDelivered = {AckResult::Delivered};
const std::vector<AckResult> kNotDelivered = {AckResult::NotDelivered};

/// output { test_flaky {} }: refuses every event until its n-th attempt.
struct FlakyOptions {
  std::int64_t failures = 1;
};
OptionTable<FlakyOptions> flaky_options() {
  OptionTable<FlakyOptions> table;
  table.optional("failures", &FlakyOptions::failures, "How often every event is put off.");
  return table;
}
class Flaky final : public Output {
 public:
  Flaky(FlakyOptions options, const PluginContext&) : failures_(options.failures) {}
  void deliver(DeliveryPtr delivery) override {
    {
      const std::lock_guard lock(mutex_);
      ++attempts_;
    }
    changed_.notify_all();
    if (delivery->earlier_attempts() < failures_) {
      delivery->report_all(Outcome::retry("not now"));
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      for (const Event* event : delivery->events()) numbers_.push_back(number_of(*event));
    }
    delivery->report_all(Outcome::delivered());
  }
  bool wait_for_attempts(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return attempts_ >= count; });
  }
  std::vector<std::int64_t> sorted_numbers() {
    const std::lock_guard lock(mutex_);
    std::sort(numbers_.begin(), numbers_.end());
    return numbers_;
  }

 private:
  const std::int64_t failures_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int attempts_ = 0;
  std::vector<std::int64_t> numbers_;
};
const RegisterOutput flaky_registered({.name = "test_flaky",
                                       .summary = "Fails at first.",
                                       .make = make_output<Flaky, flaky_options>});

TEST_CASE("a pipeline of real plugins ends by itself when its input does", "[drain]") {
  CompiledPlan compiled(R"(
    input { generator { message => "line" count => 1000 } }
    filter { if [event][sequence] < 10 { drop {} } mutate { add_field => { "seen" => "yes" } } }
    output { test_output {} })",
                        2);
  Pipeline pipeline(compiled.plan, quick_settings(2), std::make_unique<MemoryQueue>(MemoryQueueLimits{}), compiled.metrics);
  REQUIRE(pipeline.start_outputs());
  pipeline.start_workers();
  pipeline.start_inputs();
  pipeline.drain();  // waits for the input
  const auto lines = compiled.output().lines();
  CHECK(lines.size() == 990);
  for (const std::string& line : lines) CHECK_THAT(line, Catch::Contains("\"seen\":\"yes\""));
  CHECK(pipeline.queue().is_drained());
}

TEST_CASE("a drain waits for events that have to be offered again", "[drain]") {
  PipelineUnderTest running("input { test_source {} } output { test_flaky { failures => 1 } test_output {} }");
  running.start();
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (int i = 0; i < 20; ++i) {
    ChunkPtr chunk = numbered_chunk(i * 3, 3);
    receivers.push_back(follow(*chunk));
    REQUIRE(running.push(std::move(chunk)));
  }
  running.drain();
  for (const auto& receiver : receivers) CHECK(receiver->results() == kDelivered);
  std::vector<std::int64_t> expected(60);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(dynamic_cast<Flaky&>(*running.compiled().plan->outputs[0]).sorted_numbers() == expected);
  CHECK(running.pipeline().undelivered_events() == 0);
}

TEST_CASE("abandoning ends a drain that waits for a dead output, and tells the senders", "[drain]") {
  PipelineUnderTest running("input { test_source {} } output { test_flaky { failures => 1000000 } }");
  running.start();
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (int i = 0; i < 20; ++i) {
    ChunkPtr chunk = numbered_chunk(i, 1);
    receivers.push_back(follow(*chunk));
    REQUIRE(running.push(std::move(chunk)));
  }
  REQUIRE(dynamic_cast<Flaky&>(*running.compiled().plan->outputs[0]).wait_for_attempts(1));
  std::thread drainer([&] { running.drain(); });
  running.pipeline().abandon();
  drainer.join();
  running.destroy();
  for (const auto& receiver : receivers) CHECK(receiver->results() == kNotDelivered);
}

TEST_CASE("what an output still holds when it is told to stop counts as not delivered", "[drain]") {
  PipelineUnderTest running("input { test_source {} } output { test_output {} }");
  running.output().hold();
  running.start();
  ChunkPtr held = numbered_chunk(0, 4), queued = numbered_chunk(4, 200);
  const auto of_held = follow(*held);
  const auto of_queued = follow(*queued);
  REQUIRE(running.push(std::move(held)));
  REQUIRE(running.output().wait_for_events(4));
  REQUIRE(running.push(std::move(queued)));
  running.pipeline().abandon();
  ChunkPtr late = numbered_chunk(300, 1);
  CHECK(running.sink().is_stopping());  // from now on, not from the end of the drain
  CHECK_FALSE(running.sink().try_push(late));
  running.drain();
  CHECK(running.output().stops() == 1);
  CHECK(of_held->results() == kNotDelivered);
  CHECK(of_queued->results() == kNotDelivered);
}

TEST_CASE("a session's sink outlives its pipeline and refuses from then on", "[drain]") {
  PipelineUnderTest running("input { test_source {} } output { test_output {} }");
  running.start();
  running.destroy();
  CHECK(running.sink().is_stopping());
  ChunkPtr late = numbered_chunk(0, 1);
  CHECK_FALSE(running.sink().try_push(late));
  bool is_called = false;
  running.sink().call_when_room([&] { is_called = true; });
  CHECK(is_called);
}

}  // namespace
}  // namespace logboom
