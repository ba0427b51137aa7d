#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "pipeline/run/output_buffer.h"
#include "tests/support/fake_output.h"
#include "tests/support/manual_retry_timer.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

using Numbers = std::vector<std::int64_t>;

/// One output's buffer; both of a replaced output count in the same scope.
struct OneOutput {
  OneOutput(MetricScope& metrics, RetryTimer& timer, DeadLetterSink* dead_letters, OutputBufferLimits limits = {}) {
    site.id = "out";
    site.count_in(metrics);
    buffer = std::make_shared<OutputBuffer>(output, site, limits, timer, dead_letters);
  }
  bool deliver(const BatchPtr& batch) {
    for (Event* event : batch->events()) event->open_outcomes.store(1);
    return buffer->deliver(batch, batch->events());
  }
  PluginSite site;
  FakeOutput output;
  std::shared_ptr<OutputBuffer> buffer;
};

class KeptLetters final : public DeadLetterSink {
 public:
  Taken put(const Event& event, const DeadLetterCause& cause, OnSafe on_safe) override {
    if (refuses) return Taken::Refused;
    numbers.push_back(number_of(event));
    reason = cause.reason;
    on_safe(true);
    return Taken::Taken;
  }
  std::string problem() const override { return "the disk is full"; }
  bool wait_until_writable(std::chrono::milliseconds) override { return !refuses; }
  void give_up() override {}
  bool refuses = false;
  Numbers numbers;
  std::string reason;
};

struct Rig {
  explicit Rig(DeadLetterSink* dead_letters = nullptr, OutputBufferLimits limits = {})
      : old(metrics, timer, dead_letters, limits), next(metrics, timer, dead_letters) {
    old.output.hold();
  }
  MetricScope metrics;
  ManualRetryTimer timer;
  OneOutput old;
  OneOutput next;
};

TEST_CASE("what waits for a retry goes to the successor at once", "[hand_over]") {
  Rig rig;
  const ChunkPtr chunk = numbered_chunk(0, 3);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.old.deliver(batch_of({chunk})));
  rig.old.output.take_one()->report_all(Outcome::retry("the destination is dead"));
  REQUIRE(rig.old.buffer->undelivered_events() == 3);
  rig.old.buffer->retire(rig.next.buffer);
  CHECK(rig.next.output.numbers() == Numbers{0, 1, 2});
  CHECK(receiver->results() == std::vector{AckResult::Delivered});
  CHECK(rig.old.buffer->undelivered_events() == 0);
  CHECK(rig.timer.fire() == 1);
  CHECK(rig.next.output.numbers().size() == 3);  // the old pause is over, and nothing comes twice
  CHECK(rig.next.buffer->balance().gap == 0);
  CHECK(rig.metrics.counter("undelivered.events").value() == 0);
}

TEST_CASE("what is on the wire stays with the old output until it says what became of it", "[hand_over]") {
  Rig rig;
  const ChunkPtr chunk = numbered_chunk(0, 4);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.old.deliver(batch_of({chunk})));
  rig.old.buffer->retire(rig.next.buffer);
  CHECK(rig.next.output.numbers().empty());
  const DeliveryPtr delivery = rig.old.output.take_one();
  delivery->report(0, Outcome::delivered());
  delivery->report(1, Outcome::retry("the output stops"));
  delivery->report(2, Outcome::delivered());
  CHECK(receiver->results().empty());
  delivery->report(3, Outcome::retry("the output stops"));
  CHECK(rig.next.output.numbers() == Numbers{1, 3});
  CHECK(receiver->results() == std::vector{AckResult::Delivered});
}

TEST_CASE("a worker that waits for room goes on with the successor", "[hand_over]") {
  Rig rig(nullptr, {2, 1024 * 1024});
  const ChunkPtr first = numbered_chunk(0, 2);
  const ChunkPtr second = numbered_chunk(2, 2);
  const auto receiver = follow_armed(*second);
  follow_armed(*first);
  REQUIRE(rig.old.deliver(batch_of({first})));
  const BatchPtr waiting = batch_of({second});
  auto worker = std::async(std::launch::async, [&] { return rig.old.deliver(waiting); });
  rig.old.buffer->retire(rig.next.buffer);
  CHECK(worker.get());
  CHECK(rig.next.output.numbers() == Numbers{2, 3});
  CHECK(receiver->results() == std::vector{AckResult::Delivered});
  rig.old.output.release();
}

TEST_CASE("what a chain of replaced outputs gives back ends at the last one", "[hand_over]") {
  Rig rig;
  OneOutput last(rig.metrics, rig.timer, nullptr);
  const ChunkPtr chunk = numbered_chunk(0, 2);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.old.deliver(batch_of({chunk})));
  rig.old.buffer->retire(rig.next.buffer);
  rig.next.buffer->retire(last.buffer);
  rig.old.output.stop();
  CHECK(last.output.numbers() == Numbers{0, 1});
  CHECK(receiver->results() == std::vector{AckResult::Delivered});
}

TEST_CASE("an output that is gone leaves its events to the dead-letter queue", "[hand_over]") {
  KeptLetters letters;
  Rig rig(&letters);
  const ChunkPtr chunk = numbered_chunk(0, 3);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.old.deliver(batch_of({chunk})));
  rig.old.output.take_one()->report_all(Outcome::retry("the destination is dead"));
  rig.old.buffer->retire(nullptr);
  CHECK(letters.numbers == Numbers{0, 1, 2});
  CHECK(letters.reason == "the output was taken out of the configuration");
  CHECK(receiver->results() == std::vector{AckResult::Delivered});
  CHECK(rig.old.buffer->balance().dead_lettered == 3);
  CHECK(rig.old.buffer->balance().gap == 0);
}

TEST_CASE("events of an output that is gone wait for a dead-letter queue that cannot be written", "[hand_over]") {
  KeptLetters letters;
  letters.refuses = true;
  Rig rig(&letters);
  const ChunkPtr chunk = numbered_chunk(0, 2);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.old.deliver(batch_of({chunk})));
  rig.old.buffer->retire(nullptr);
  rig.old.output.take_one()->report_all(Outcome::retry("the output stops"));
  CHECK(receiver->results().empty());
  CHECK(rig.old.buffer->undelivered_events() == 2);
  letters.refuses = false;
  rig.timer.fire();
  CHECK(letters.numbers == Numbers{0, 1});
  CHECK(receiver->results() == std::vector{AckResult::Delivered});
  CHECK(rig.old.buffer->undelivered_events() == 0);
}

TEST_CASE("without a dead-letter queue the senders of a gone output's events are told", "[hand_over]") {
  Rig rig;
  ChunkPtr chunk = numbered_chunk(0, 3);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.old.deliver(batch_of({chunk})));
  chunk.reset();
  rig.old.output.take_one()->report_all(Outcome::retry("the destination is dead"));
  rig.old.buffer->retire(nullptr);
  CHECK(receiver->results() == std::vector{AckResult::NotDelivered});
  CHECK(rig.old.buffer->balance().returned == 3);
  CHECK(rig.old.buffer->balance().gap == 0);
}

TEST_CASE("a gone output that is well still gets what workers bring, until it ends", "[hand_over]") {
  KeptLetters letters;
  Rig rig(&letters);
  rig.old.output.release();
  rig.old.buffer->retire(nullptr);
  const ChunkPtr late = numbered_chunk(0, 2);
  const auto receiver = follow_armed(*late);
  REQUIRE(rig.old.deliver(batch_of({late})));
  CHECK(rig.old.output.numbers() == Numbers{0, 1});
  rig.old.buffer->end(std::chrono::milliseconds(0));
  const ChunkPtr too_late = numbered_chunk(2, 1);
  follow_armed(*too_late);
  REQUIRE(rig.old.deliver(batch_of({too_late})));
  CHECK(rig.old.output.numbers().size() == 2);
  CHECK(letters.numbers == Numbers{2});
}

}  // namespace
}  // namespace logboom
