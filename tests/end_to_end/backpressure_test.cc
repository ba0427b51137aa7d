// Nothing grows without bound behind an output that does not answer, and everything flows again when it does.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <numeric>
#include <thread>

#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

constexpr const char* kSourceToOutput = "input { test_source {} } output { test_output {} }";

TEST_CASE("an output that never answers stalls the senders at the limits; its answer makes everything flow again",
          "[backpressure]") {
  constexpr std::size_t kChunks = 1000;
  constexpr std::size_t kEventsPerChunk = 5;
  PipelineSettings settings = quick_settings(2);
  settings.batch_size = 5;
  settings.output_limits.max_events = 20;
  PipelineUnderTest running(kSourceToOutput, settings, {10, 1024 * 1024});
  running.output().hold();
  running.start();
  std::vector<ChunkPtr> chunks;
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (std::size_t i = 0; i < kChunks; ++i) {
    chunks.push_back(numbered_chunk(static_cast<std::int64_t>(i * kEventsPerChunk), kEventsPerChunk));
    receivers.push_back(follow(*chunks.back()));
  }

  // Pushes until everybody behind stands still: the output's buffer full, the workers waiting for it, the queue full.
  std::size_t pushed = 0;
  while (pushed < kChunks) {
    if (running.sink().try_push(chunks[pushed])) {
      ++pushed;
    } else {
      // Elsewhere: a batch for each worker, already in its hands.
      const std::size_t queued = running.pipeline().queue().fill().events;
      const std::size_t undelivered = running.pipeline().undelivered_events();
      if (queued == 10 && undelivered == 20 && pushed * kEventsPerChunk == 20 + 10 + 2 * 5) break;
      std::this_thread::yield();
    }
  }
  REQUIRE(pushed < kChunks);
  CHECK_FALSE(running.sink().try_push(chunks[pushed]));
  bool has_room = false;
  running.sink().call_when_room([&] { has_room = true; });
  CHECK_FALSE(has_room);
  CHECK(running.output().lines().size() == 20);
  for (const auto& receiver : receivers) CHECK_FALSE(receiver->is_finished());

  // A sender that waits comes through when the output answers.
  std::thread sender([&] {
    for (; pushed < kChunks; ++pushed)
      if (!running.push(std::move(chunks[pushed]))) return;
  });
  running.output().release();
  sender.join();
  CHECK(pushed == kChunks);
  running.drain();
  CHECK(has_room);
  for (const auto& receiver : receivers) CHECK(receiver->results() == std::vector<AckResult>{AckResult::Delivered});
  auto numbers = running.output().numbers();
  std::sort(numbers.begin(), numbers.end());
  std::vector<std::int64_t> expected(kChunks * kEventsPerChunk);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(numbers == expected);
}

TEST_CASE("a line of 64 MB among small ones passes alone, and nothing else passes the limits of bytes", "[backpressure]") {
  constexpr std::size_t kLimit = 1024 * 1024;
  constexpr std::size_t kHuge = 64 * 1024 * 1024;
  constexpr int kSmall = 300;
  PipelineSettings settings = quick_settings(1);
  settings.batch_size = 125;
  settings.output_limits.max_bytes = 2 * kLimit;
  PipelineUnderTest running(kSourceToOutput, settings, {std::numeric_limits<std::size_t>::max(), kLimit});
  running.output().hold();
  Counter& undelivered = running.compiled().plan->output_sites[0].metrics->counter("undelivered.bytes");
  std::size_t most_of_small = 0, most_of_huge = 0, most_beside_huge = 0;
  running.output().on_deliver = [&](const Delivery& delivery) {
    bool is_huge = false;
    for (const Event* event : delivery.events()) is_huge |= number_of(*event) == 1000;
    std::size_t& most = is_huge ? most_of_huge : most_of_small;
    most = std::max<std::size_t>(most, undelivered.value());
    if (is_huge) most_beside_huge = running.pipeline().undelivered_events() - 1;
  };
  running.start();

  std::size_t most_queued_with_others = 0;
  const auto look_at_queue = [&] {
    const auto fill = running.pipeline().queue().fill();
    if (fill.events > 1) most_queued_with_others = std::max(most_queued_with_others, fill.bytes);
  };
  std::size_t pushed = 0;
  const std::string text(20'000, 'x');
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  const auto push = [&](ChunkPtr chunk) {
    receivers.push_back(follow(*chunk));
    while (!running.sink().try_push(chunk)) {
      // Held up: let the output answer what it has.
      for (const DeliveryPtr& delivery : running.output().take_held()) delivery->report_all(Outcome::delivered());
      std::this_thread::yield();
    }
    ++pushed;
    look_at_queue();
  };
  for (int i = 0; i < kSmall; ++i) {
    push(chunk_of("{\"n\":" + std::to_string(i) + ",\"text\":\"" + text + "\"}"));
    if (i != kSmall / 2) continue;
    auto huge = std::make_shared<Chunk>(Buffer::allocate(kHuge), Timestamp{1'700'000'000, 0});
    huge->new_event().set(FieldRef::of_name("n"), Value::integer(1000));
    push(std::move(huge));
  }
  running.output().release();
  running.drain();
  for (const auto& receiver : receivers) CHECK(receiver->results() == std::vector<AckResult>{AckResult::Delivered});
  CHECK(running.output().lines().size() == kSmall + 1);
  CHECK(most_of_small <= 2 * kLimit);
  CHECK(most_of_small > kLimit / 2);  // the limit was reached, not just never met
  CHECK(most_of_huge > kHuge);
  CHECK(most_beside_huge == 0);
  CHECK(most_queued_with_others <= kLimit);
  CHECK(running.pipeline().queue().fill().bytes == 0);
  CHECK(undelivered.value() == 0);
}

TEST_CASE("a batch gathers no more bytes than its queue may hold, however fast huge lines come", "[backpressure]") {
  constexpr std::size_t kLimit = 100'000;
  MemoryQueue queue({1000, kLimit});
  std::vector<ChunkPtr> chunks;
  for (int i = 0; i < 20; ++i) {
    chunks.push_back(std::make_shared<Chunk>(Buffer::allocate(30'000), Timestamp{}));
    chunks.back()->new_event();
    chunks.back()->token().arm(1);
  }
  // Refills the queue as soon as there is room, while the batch is being gathered.
  std::size_t next = 0;
  std::function<void()> refill = [&] {
    while (next < chunks.size() && queue.try_push(chunks[next])) ++next;
    if (next < chunks.size()) queue.call_when_room(refill);
  };
  refill();
  std::size_t events = 0;
  while (events < chunks.size()) {
    Batch batch;
    // A minute's linger: a batch that is full must not wait for it.
    REQUIRE(queue.pop(batch, 125, events + 3 < chunks.size() ? std::chrono::minutes(1) : std::chrono::milliseconds(0),
                      std::chrono::steady_clock::now() + std::chrono::minutes(1)));
    std::size_t bytes = 0;
    for (const ChunkPtr& chunk : batch.chunks()) bytes += chunk->memory_bytes();
    CHECK(bytes <= kLimit);
    events += batch.size();
  }
  CHECK(events == chunks.size());
}

}  // namespace
}  // namespace logboom
