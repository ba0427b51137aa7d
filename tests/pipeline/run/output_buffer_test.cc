#include "pipeline/run/output_buffer.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "tests/support/fake_output.h"
#include "tests/support/manual_retry_timer.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

using std::chrono::milliseconds;

const std::vector<AckResult> kDelivered = {AckResult::Delivered};
const std::vector<AckResult> kNotDelivered = {AckResult::NotDelivered};

/// One output with its buffer, fed as a worker does.
struct BufferRig {
  explicit BufferRig(OutputBufferLimits limits = {}, DeliveryOptions delivery = {}) {
    site.id = "out";
    site.delivery = std::move(delivery);
    site.count_in(metrics);
    buffer = std::make_shared<OutputBuffer>(output, site, limits, timer);
    output.hold();
  }
  bool deliver(const BatchPtr& batch) {
    for (Event* event : batch->events()) event->open_outcomes.store(1);
    return buffer->deliver(batch, batch->events());
  }
  std::uint64_t counter(std::string_view name) { return metrics.counter(name).value(); }

  MetricScope metrics;
  PluginSite site;
  FakeOutput output;
  ManualRetryTimer timer;
  std::shared_ptr<OutputBuffer> buffer;
};

std::vector<std::int64_t> numbers_of(const Delivery& delivery) {
  std::vector<std::int64_t> numbers;
  for (const Event* event : delivery.events()) numbers.push_back(number_of(*event));
  return numbers;
}

TEST_CASE("retried events come back, rejected ones are counted, and the token ends with the last of them",
          "[output_buffer]") {
  BufferRig rig;
  const ChunkPtr chunk = numbered_chunk(0, 5);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.deliver(batch_of({chunk})));
  DeliveryPtr delivery = rig.output.take_one();
  CHECK(delivery->earlier_attempts() == 0);
  std::thread([&] {  // out of order, not on the worker's thread
    delivery->report(3, Outcome::delivered());
    delivery->report(0, Outcome::retry("busy", 429));
    delivery->report(4, Outcome::permanent("too old", 400));
    delivery->report(1, Outcome::delivered());
  })
      .join();
  CHECK(rig.buffer->undelivered_events() == 5);
  CHECK(rig.timer.pauses().empty());  // the delivery is still open
  delivery->report(2, Outcome::retry("busy", 429));
  delivery.reset();
  CHECK(chunk->token().remaining() == 2);
  CHECK(rig.buffer->undelivered_events() == 2);
  CHECK(rig.output.lines().size() == 5);  // nothing comes back before the pause is over

  CHECK(rig.timer.fire() == 1);
  delivery = rig.output.take_one();
  CHECK(numbers_of(*delivery) == std::vector<std::int64_t>{0, 2});
  CHECK(delivery->earlier_attempts() == 1);
  delivery->report(1, Outcome::permanent("never", 400));
  delivery->report(0, Outcome::retry("busy"));
  CHECK_FALSE(receiver->is_finished());

  CHECK(rig.timer.fire() == 1);
  delivery = rig.output.take_one();
  CHECK(numbers_of(*delivery) == std::vector<std::int64_t>{0});
  CHECK(delivery->earlier_attempts() == 2);
  CHECK_FALSE(receiver->is_finished());
  delivery->report_all(Outcome::delivered());
  CHECK(receiver->results() == kDelivered);
  CHECK(rig.buffer->undelivered_events() == 0);
  CHECK(rig.timer.fire() == 0);
  CHECK(rig.counter("events.in") == 5);
  CHECK(rig.counter("events.out") == 3);
  CHECK(rig.counter("rejected") == 2);
  CHECK(rig.counter("retries") == 3);
  CHECK(rig.counter("undelivered.bytes") == 0);
}

TEST_CASE("an event counts once, however often an output reports it", "[output_buffer]") {
  BufferRig rig;
  const ChunkPtr chunk = numbered_chunk(0, 3);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.deliver(batch_of({chunk})));
  const DeliveryPtr delivery = rig.output.take_one();
  delivery->report(1, Outcome::delivered());
  delivery->report(1, Outcome::permanent("on second thought"));
  CHECK(chunk->token().remaining() == 2);
  delivery->report_all(Outcome::delivered());
  delivery->report_all(Outcome::retry("too late"));
  delivery->report(0, Outcome::retry("too late"));
  CHECK(receiver->results() == kDelivered);
  CHECK(rig.counter("events.out") == 3);
  CHECK(rig.counter("rejected") == 0);
  CHECK(rig.counter("retries") == 0);
  CHECK(rig.buffer->undelivered_events() == 0);
}

TEST_CASE("the pause between attempts doubles up to half a minute", "[output_buffer]") {
  BufferRig rig;
  const ChunkPtr chunk = numbered_chunk(0, 1);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.deliver(batch_of({chunk})));
  for (int attempt = 0; attempt < 9; ++attempt) {
    rig.output.take_one()->report_all(Outcome::retry("down"));
    CHECK(rig.timer.fire() == 1);
  }
  const std::vector<int> longest = {250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
  const auto pauses = rig.timer.pauses();
  REQUIRE(pauses.size() == longest.size());
  for (std::size_t i = 0; i < longest.size(); ++i) {  // at least half of it: what failed together comes back apart
    CHECK(pauses[i] >= milliseconds(longest[i] / 2));
    CHECK(pauses[i] <= milliseconds(longest[i]));
  }
  rig.output.take_one()->report_all(Outcome::delivered());
  CHECK(receiver->results() == kDelivered);
}

TEST_CASE("an event that was offered as often as retry allows is given up, unless the end is the reason",
          "[output_buffer]") {
  DeliveryOptions options;
  options.retry.max_attempts = 3;
  for (const bool is_end : {false, true}) {
    BufferRig rig({}, options);
    const ChunkPtr chunk = numbered_chunk(0, 2);
    const auto receiver = follow_armed(*chunk);
    REQUIRE(rig.deliver(batch_of({chunk})));
    for (int attempt = 0; attempt < 2; ++attempt) {
      DeliveryPtr delivery = rig.output.take_one();
      CHECK(delivery->earlier_attempts() == attempt);
      delivery->report_all(Outcome::retry("no"));
      CHECK(rig.timer.fire() == 1);
    }
    if (is_end) rig.buffer->close();
    const DeliveryPtr last = rig.output.take_one();
    last->report(0, Outcome::retry("no", 503));
    last->report_all(Outcome::retry("no", 503));
    CHECK(rig.timer.fire() == 0);
    CHECK(rig.counter("rejected") == (is_end ? 0 : 2));
    CHECK(rig.buffer->undelivered_events() == 0);
    if (!is_end) CHECK(receiver->results() == kDelivered);  // counted as rejected: finished
  }
}

TEST_CASE("an output's own limits stand in for those of the settings", "[output_buffer]") {
  DeliveryOptions options;
  options.buffer.max_events = 2;
  BufferRig rig({}, options);
  REQUIRE(rig.deliver(batch_of({numbered_chunk(0, 2)})));
  std::thread worker([&] { CHECK(rig.deliver(batch_of({numbered_chunk(2, 1)}))); });
  const DeliveryPtr first = rig.output.take_one();
  CHECK(numbers_of(*first) == std::vector<std::int64_t>{0, 1});
  first->report_all(Outcome::delivered());
  worker.join();
  CHECK(numbers_of(*rig.output.take_one()) == std::vector<std::int64_t>{2});
}

TEST_CASE("a delivery that an output drops unreported says not delivered and gives its room back", "[output_buffer]") {
  BufferRig rig;
  ChunkPtr done = numbered_chunk(0, 1), open = numbered_chunk(1, 2);
  const auto of_done = follow_armed(*done);
  const auto of_open = follow_armed(*open);
  REQUIRE(rig.deliver(batch_of({done, open})));
  done.reset();
  open.reset();
  DeliveryPtr delivery = rig.output.take_one();
  delivery->report(0, Outcome::delivered());
  delivery->report(2, Outcome::retry("busy"));
  CHECK_FALSE(of_open->is_finished());
  delivery.reset();
  CHECK(of_done->results() == kDelivered);
  CHECK(of_open->results() == kNotDelivered);
  CHECK(rig.buffer->undelivered_events() == 0);
  CHECK(rig.timer.fire() == 0);
}

TEST_CASE("events that wait for a retry free their chunk and batch", "[output_buffer]") {
  BufferRig rig;
  ChunkPtr chunk = chunk_of("{\"n\":7}\n{\"n\":8,\"long\":\"" + std::string(1'000'000, 'x') + "\"}");
  const std::weak_ptr<Chunk> gone = chunk;
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.deliver(batch_of({chunk})));
  chunk.reset();
  CHECK(rig.counter("undelivered.bytes") > 1'000'000);
  DeliveryPtr delivery = rig.output.take_one();
  delivery->report(0, Outcome::retry("busy"));
  CHECK_FALSE(gone.expired());
  delivery->report(1, Outcome::delivered());
  delivery.reset();
  CHECK(gone.expired());
  CHECK(rig.buffer->undelivered_events() == 1);
  CHECK(rig.counter("undelivered.bytes") < 10'000);
  CHECK_FALSE(receiver->is_finished());
  CHECK(rig.timer.fire() == 1);
  CHECK(rig.output.lines().back() == R"({"n":7})");
  rig.output.take_one()->report_all(Outcome::delivered());
  CHECK(receiver->results() == kDelivered);
  CHECK(rig.counter("undelivered.bytes") == 0);
}

TEST_CASE("the few of many retried events that fail again are copied out once more", "[output_buffer]") {
  BufferRig rig;
  const ChunkPtr chunk = numbered_chunk(0, 10);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.deliver(batch_of({chunk})));
  rig.output.take_one()->report_all(Outcome::retry("busy"));
  rig.timer.fire();
  DeliveryPtr delivery = rig.output.take_one();
  const Event* eighth = delivery->events()[8];
  for (std::size_t i = 0; i < 10; ++i) delivery->report(i, i == 3 || i == 8 ? Outcome::retry("busy") : Outcome::delivered());
  rig.timer.fire();
  const DeliveryPtr last = rig.output.take_one();
  CHECK(numbers_of(*last) == std::vector<std::int64_t>{3, 8});
  CHECK(last->events()[1] != eighth);  // does not keep the other eight
  CHECK(chunk->token().remaining() == 2);
  last->report_all(Outcome::delivered());
  CHECK(receiver->results() == kDelivered);
}

TEST_CASE("an event that two outputs hold ends with the later of them, also when one of them retries", "[output_buffer]") {
  BufferRig first, second;
  const ChunkPtr chunk = numbered_chunk(0, 2);
  const auto receiver = follow_armed(*chunk);
  const BatchPtr batch = batch_of({chunk});
  for (Event* event : batch->events()) event->open_outcomes.store(2);
  REQUIRE(first.buffer->deliver(batch, batch->events()));
  REQUIRE(second.buffer->deliver(batch, batch->events()));
  first.output.take_one()->report_all(Outcome::retry("busy"));
  second.output.take_one()->report_all(Outcome::delivered());
  CHECK(chunk->token().remaining() == 2);
  first.timer.fire();
  first.output.take_one()->report_all(Outcome::permanent("no"));
  CHECK(receiver->results() == kDelivered);
  CHECK(second.counter("events.out") == 2);
  CHECK(first.counter("rejected") == 2);
}

TEST_CASE("nothing is called delivered while a source is still being told", "[output_buffer]") {
  BufferRig rig;
  const ChunkPtr slow = numbered_chunk(0, 1), quick = numbered_chunk(1, 1);
  const auto of_slow = follow_armed(*slow);
  const auto of_quick = follow_armed(*quick);
  std::mutex mutex;
  std::condition_variable changed;
  bool is_inside = false, may_leave = false;
  of_slow->on_finished = [&] {
    std::unique_lock lock(mutex);
    is_inside = true;
    changed.notify_all();
    changed.wait(lock, [&] { return may_leave; });
  };
  REQUIRE(rig.deliver(batch_of({slow, quick})));
  const DeliveryPtr delivery = rig.output.take_one();
  std::thread reporter([&] { delivery->report(0, Outcome::delivered()); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return is_inside; });
  }
  delivery->report(1, Outcome::delivered());
  const std::size_t undelivered = rig.buffer->undelivered_events();
  {
    const std::lock_guard lock(mutex);
    may_leave = true;
  }
  changed.notify_all();
  reporter.join();
  CHECK(undelivered == 2);
  CHECK(rig.buffer->undelivered_events() == 0);
  CHECK(of_quick->results() == kDelivered);
}

TEST_CASE("a full buffer makes its worker wait, one batch alone passes any limit", "[output_buffer]") {
  constexpr std::size_t kMaxEvents = 10;
  BufferRig rig({kMaxEvents, 64 * 1024 * 1024});
  std::size_t most_of_small = 0, most_of_huge = 0;
  rig.output.on_deliver = [&](const Delivery& delivery) {
    std::size_t& most = delivery.events().size() > kMaxEvents ? most_of_huge : most_of_small;
    most = std::max(most, rig.buffer->undelivered_events());
  };
  std::vector<ChunkPtr> chunks;
  for (int i = 0; i < 50; ++i) chunks.push_back(numbered_chunk(i * 4, 4));
  const ChunkPtr huge = numbered_chunk(1000, 3 * kMaxEvents);
  for (const ChunkPtr& chunk : chunks) chunk->token().arm(4);
  huge->token().arm(3 * kMaxEvents);
  std::thread worker([&] {
    for (const ChunkPtr& chunk : chunks) rig.deliver(batch_of({chunk}));
    rig.deliver(batch_of({huge}));
  });
  for (std::size_t seen = 0; seen < 50 * 4;) {
    for (const DeliveryPtr& delivery : rig.output.take_held()) {
      seen += delivery->events().size();
      delivery->report_all(Outcome::delivered());
    }
    std::this_thread::yield();
  }
  worker.join();  // the huge batch was taken although it is over the limit
  CHECK(rig.buffer->undelivered_events() == 3 * kMaxEvents);
  rig.output.take_one()->report_all(Outcome::delivered());
  CHECK(most_of_small <= kMaxEvents);
  CHECK(most_of_huge == 3 * kMaxEvents);  // alone
  CHECK(huge->token().remaining() == 0);
}

TEST_CASE("closing wakes a waiting worker, gives up retries and tells the senders", "[output_buffer]") {
  BufferRig rig({1, 64 * 1024 * 1024});
  ChunkPtr retried = numbered_chunk(0, 1), waiting = numbered_chunk(1, 1);
  const auto of_retried = follow_armed(*retried);
  const auto of_waiting = follow_armed(*waiting);
  REQUIRE(rig.deliver(batch_of({retried})));
  retried.reset();
  rig.output.take_one()->report_all(Outcome::retry("down"));
  bool is_taken = true;
  std::thread worker([&] {
    is_taken = rig.deliver(batch_of({waiting}));
    waiting.reset();
  });
  rig.buffer->close();
  worker.join();
  CHECK_FALSE(is_taken);
  CHECK(of_waiting->results() == kNotDelivered);
  rig.buffer->wait_until_idle();  // a closed buffer is waited for no longer
  CHECK(rig.timer.fire() == 1);
  CHECK(of_retried->results() == kNotDelivered);
  CHECK(rig.output.lines().size() == 1);
  CHECK(rig.buffer->undelivered_events() == 0);
}

TEST_CASE("events that are retried after the close are given up", "[output_buffer]") {
  BufferRig rig;
  ChunkPtr chunk = numbered_chunk(0, 2);
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.deliver(batch_of({chunk})));
  chunk.reset();
  rig.buffer->close();
  rig.output.take_one()->report_all(Outcome::retry("down"));
  CHECK(receiver->results() == kNotDelivered);
  CHECK(rig.timer.pauses().empty());
  CHECK(rig.buffer->undelivered_events() == 0);
}

TEST_CASE("whatever several threads report in whatever order, every event is settled once and every token ends once",
          "[output_buffer]") {
  constexpr std::size_t kChunks = 40;
  constexpr std::size_t kEventsPerChunk = 25;
  constexpr std::size_t kThreads = 3;
  BufferRig rig;
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  std::vector<BatchPtr> batches;
  for (std::size_t c = 0; c < kChunks; c += 2) {  // two chunks in each batch
    const ChunkPtr one = numbered_chunk(static_cast<std::int64_t>(c * kEventsPerChunk), kEventsPerChunk);
    const ChunkPtr other = numbered_chunk(static_cast<std::int64_t>((c + 1) * kEventsPerChunk), kEventsPerChunk);
    receivers.push_back(follow_armed(*one));
    receivers.push_back(follow_armed(*other, AckTracking::Prefix));
    batches.push_back(batch_of({one, other}));
  }
  for (const BatchPtr& batch : batches) REQUIRE(rig.deliver(batch));
  batches.clear();

  std::vector<std::atomic<int>> settled(kChunks * kEventsPerChunk);  // Delivered or Permanent
  std::atomic<std::uint64_t> delivered{0}, rejected{0}, retried{0};
  int rounds = 0;
  for (auto held = rig.output.take_held(); !held.empty(); held = rig.output.take_held(), ++rounds) {
    // All threads share all deliveries: each reports its own events of each.
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(static_cast<unsigned>(rounds * 100 + static_cast<int>(t)));
        std::vector<std::pair<std::size_t, std::size_t>> mine;
        for (std::size_t d = 0; d < held.size(); ++d)
          for (std::size_t i = t; i < held[d]->events().size(); i += kThreads) mine.emplace_back(d, i);
        std::shuffle(mine.begin(), mine.end(), random);
        for (const auto& [d, i] : mine) {
          const auto number = static_cast<std::size_t>(number_of(*held[d]->events()[i]));
          const unsigned draw = random() % 10;
          if (draw < 5) {
            ++retried;
            held[d]->report(i, Outcome::retry("busy"));
          } else if (draw < 6) {
            ++rejected;
            ++settled[number];
            held[d]->report(i, Outcome::permanent("bad"));
          } else {
            ++delivered;
            ++settled[number];
            held[d]->report(i, Outcome::delivered());
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    held.clear();
    std::size_t open = 0;
    for (std::size_t c = 0; c < kChunks; ++c) {
      bool is_open = false;
      for (std::size_t i = 0; i < kEventsPerChunk; ++i)
        if (settled[c * kEventsPerChunk + i] == 0) is_open = true, ++open;
      CHECK(receivers[c]->is_finished() == !is_open);
    }
    CHECK(rig.buffer->undelivered_events() == open);
    rig.timer.fire();
  }
  CHECK(rounds > 3);
  for (const auto& count : settled) CHECK(count.load() == 1);
  for (const auto& receiver : receivers) CHECK(receiver->results() == kDelivered);
  for (std::size_t c = 1; c < kChunks; c += 2) {
    const auto prefixes = receivers[c]->prefixes();
    CHECK(*std::max_element(prefixes.begin(), prefixes.end()) == kEventsPerChunk);
  }
  CHECK(rig.counter("events.out") == delivered.load());
  CHECK(rig.counter("rejected") == rejected.load());
  CHECK(rig.counter("retries") == retried.load());
  CHECK(rig.counter("undelivered.events") == 0);
}

}  // namespace
}  // namespace logboom
