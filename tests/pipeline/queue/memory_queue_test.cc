#include "pipeline/queue/memory_queue.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace logboom {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr auto kForever = hours(1);

std::chrono::steady_clock::time_point far() { return std::chrono::steady_clock::now() + kForever; }

const FieldRef& number_field() {
  static const FieldRef field = *FieldRef::parse("n");
  return field;
}

std::int64_t number_of(const Event& event) { return event.get(number_field())->as_integer(); }

/// A chunk of events numbered from `first`, with an armed token and a buffer of this size.
ChunkPtr numbered_chunk(std::int64_t first, std::size_t events, std::size_t buffer_bytes = 16) {
  auto chunk = std::make_shared<Chunk>(Buffer::allocate(buffer_bytes), Timestamp{});
  for (std::size_t i = 0; i < events; ++i)
    chunk->new_event().set(number_field(), Value::integer(first + static_cast<std::int64_t>(i)));
  chunk->token().arm(events);
  return chunk;
}

bool push(MemoryQueue& queue, ChunkPtr chunk) { return queue.try_push(chunk); }

/// What one pop without lingering gives.
std::vector<std::int64_t> pop_numbers(MemoryQueue& queue, std::size_t max_events) {
  Batch batch;
  std::vector<std::int64_t> numbers;
  const bool has_events = queue.pop(batch, max_events, milliseconds(0), std::chrono::steady_clock::now());
  CHECK(has_events == (batch.size() > 0));
  for (const Event* event : batch.events()) numbers.push_back(number_of(*event));
  return numbers;
}

std::vector<std::int64_t> counted(std::int64_t first, std::size_t count) {
  std::vector<std::int64_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = first + static_cast<std::int64_t>(i);
  return numbers;
}

class Receiver final : public AckReceiver {
 public:
  void finished(AckResult result) override {
    const std::lock_guard lock(mutex_);
    results_.push_back(result);
  }
  std::vector<AckResult> results() {
    const std::lock_guard lock(mutex_);
    return results_;
  }

 private:
  std::mutex mutex_;
  std::vector<AckResult> results_;
};

/// A gate that another thread opens; waiting for it is no sleep.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      is_open_ = true;
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

TEST_CASE("events leave in the order in which they came, cut into batches over the borders of chunks", "[queue]") {
  MemoryQueue queue({1000, 1 << 20});
  REQUIRE(push(queue, numbered_chunk(0, 3)));
  REQUIRE(push(queue, numbered_chunk(3, 5)));
  REQUIRE(push(queue, numbered_chunk(8, 2)));
  CHECK(pop_numbers(queue, 4) == counted(0, 4));
  CHECK(pop_numbers(queue, 1) == counted(4, 1));
  CHECK(pop_numbers(queue, 4) == counted(5, 4));
  CHECK(pop_numbers(queue, 4) == counted(9, 1));
  CHECK(pop_numbers(queue, 4).empty());
}

TEST_CASE("a queue does what a list of events does under any run of pushes and pops", "[queue]") {
  const auto seed = GENERATE(1u, 2u, 3u, 4u);
  std::mt19937 random(seed);
  const std::size_t max_events = 1 + random() % 60;
  MemoryQueue queue({max_events, 1 << 30});
  std::vector<std::int64_t> model;
  std::int64_t next = 0;
  for (int step = 0; step < 2'000; ++step) {
    if (random() % 2 == 0) {
      const std::size_t count = 1 + random() % 20;
      const bool has_room = model.size() < max_events;
      REQUIRE(push(queue, numbered_chunk(next, count)) == has_room);
      if (has_room) {
        for (const std::int64_t number : counted(next, count)) model.push_back(number);
        next += static_cast<std::int64_t>(count);
      }
    } else {
      const std::size_t wanted = 1 + random() % 30;
      const std::size_t taken = std::min(wanted, model.size());
      REQUIRE(pop_numbers(queue, wanted) ==
              std::vector<std::int64_t>(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(taken)));
      model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(taken));
    }
    REQUIRE(queue.fill().events == model.size());
    REQUIRE((queue.fill().bytes == 0) == model.empty());
  }
}

TEST_CASE("a chunk enters while fewer events wait than the limit says, even past it", "[queue]") {
  MemoryQueue queue({10, 1 << 20});
  CHECK(push(queue, numbered_chunk(0, 9)));
  CHECK(push(queue, numbered_chunk(9, 50)));
  CHECK_FALSE(push(queue, numbered_chunk(59, 1)));
  CHECK(queue.fill().events == 59);
  CHECK(pop_numbers(queue, 49).size() == 49);
  CHECK_FALSE(push(queue, numbered_chunk(59, 1)));
  CHECK(pop_numbers(queue, 1).size() == 1);
  CHECK(push(queue, numbered_chunk(59, 1)));
}

TEST_CASE("a refused chunk stays with its sender", "[queue]") {
  MemoryQueue queue({1, 1 << 20});
  REQUIRE(push(queue, numbered_chunk(0, 1)));
  ChunkPtr refused = numbered_chunk(1, 1);
  const Chunk* address = refused.get();
  CHECK_FALSE(queue.try_push(refused));
  REQUIRE(refused.get() == address);
  CHECK(pop_numbers(queue, 1) == counted(0, 1));
  CHECK(queue.try_push(refused));
  CHECK(refused == nullptr);
  CHECK(pop_numbers(queue, 1) == counted(1, 1));
}

TEST_CASE("bytes of received buffers are bounded until the last event of a chunk has left", "[queue]") {
  constexpr std::size_t kLimit = 100'000;
  MemoryQueue queue({1'000'000, kLimit});
  REQUIRE(push(queue, numbered_chunk(0, 2, 60'000)));
  CHECK(queue.fill().bytes >= 60'000);
  CHECK_FALSE(push(queue, numbered_chunk(2, 1, 60'000)));
  CHECK(push(queue, numbered_chunk(2, 1, 10'000)));
  CHECK(pop_numbers(queue, 1) == counted(0, 1));
  CHECK_FALSE(push(queue, numbered_chunk(3, 1, 60'000)));  // the buffer is kept by the second event
  CHECK(pop_numbers(queue, 1) == counted(1, 1));
  CHECK(push(queue, numbered_chunk(3, 1, 60'000)));
  CHECK(queue.fill().bytes <= kLimit);
}

TEST_CASE("a chunk larger than the limit enters alone and keeps the others out", "[queue]") {
  constexpr std::size_t kHuge = 64 * 1024 * 1024;
  MemoryQueue queue({1000, 1024 * 1024});
  REQUIRE(push(queue, numbered_chunk(0, 1)));
  ChunkPtr huge = numbered_chunk(1, 2, kHuge);
  CHECK_FALSE(queue.try_push(huge));
  CHECK(pop_numbers(queue, 10) == counted(0, 1));
  CHECK(queue.try_push(huge));
  CHECK(queue.fill().bytes >= kHuge);
  CHECK_FALSE(push(queue, numbered_chunk(3, 1)));
  CHECK(pop_numbers(queue, 1) == counted(1, 1));
  CHECK_FALSE(push(queue, numbered_chunk(3, 1)));
  CHECK(pop_numbers(queue, 1) == counted(2, 1));
  CHECK(push(queue, numbered_chunk(3, 1)));
  CHECK(queue.fill().bytes < 1024 * 1024);
}

TEST_CASE("a chunk without events is taken and leaves nothing", "[queue]") {
  MemoryQueue queue({10, 1 << 20});
  CHECK(push(queue, numbered_chunk(0, 0)));
  CHECK(queue.fill().events == 0);
  CHECK(queue.fill().bytes == 0);
  CHECK(pop_numbers(queue, 1).empty());
}

TEST_CASE("who waits for room is called at once when there is some, else when a pop makes some, once", "[queue]") {
  MemoryQueue queue({2, 1 << 20});
  int calls = 0;
  queue.call_when_room([&] { ++calls; });
  CHECK(calls == 1);
  REQUIRE(push(queue, numbered_chunk(0, 4)));
  REQUIRE_FALSE(push(queue, numbered_chunk(4, 1)));
  queue.call_when_room([&] { ++calls; });
  queue.call_when_room([&] { ++calls; });
  CHECK(calls == 1);
  CHECK(pop_numbers(queue, 1).size() == 1);  // three events still wait: no room
  CHECK(calls == 1);
  CHECK(pop_numbers(queue, 2).size() == 2);
  CHECK(calls == 3);
  CHECK(pop_numbers(queue, 1).size() == 1);
  CHECK(calls == 3);
}

TEST_CASE("a callback may push from inside", "[queue]") {
  MemoryQueue queue({1, 1 << 20});
  REQUIRE(push(queue, numbered_chunk(0, 1)));
  bool is_pushed = false;
  queue.call_when_room([&] { is_pushed = push(queue, numbered_chunk(1, 1)); });
  CHECK(pop_numbers(queue, 1) == counted(0, 1));
  CHECK(is_pushed);
  CHECK(pop_numbers(queue, 1) == counted(1, 1));
}

TEST_CASE("a closed queue takes nothing more, gives what is left, then says that it is empty", "[queue]") {
  MemoryQueue queue({2, 1 << 20});
  REQUIRE(push(queue, numbered_chunk(0, 3)));
  int calls = 0;
  queue.call_when_room([&] { ++calls; });
  CHECK_FALSE(queue.is_closed());
  queue.close();
  CHECK(calls == 1);
  queue.call_when_room([&] { ++calls; });
  CHECK(calls == 2);
  CHECK(queue.is_closed());
  CHECK_FALSE(queue.is_drained());
  CHECK_FALSE(push(queue, numbered_chunk(3, 1)));
  Batch batch;
  CHECK(queue.pop(batch, 2, kForever, far()));  // neither the linger nor the deadline holds it up
  CHECK(batch.size() == 2);
  Batch rest;
  CHECK(queue.pop(rest, 100, kForever, far()));
  CHECK(rest.size() == 1);
  CHECK(queue.is_drained());
  Batch none;
  CHECK_FALSE(queue.pop(none, 1, kForever, far()));
}

TEST_CASE("discarding tells senders that nothing was delivered and wakes who waits for room", "[queue]") {
  const auto receiver = std::make_shared<Receiver>();
  MemoryQueue queue({1, 1 << 20});
  {
    ChunkPtr chunk = std::make_shared<Chunk>(Buffer(), Timestamp{});
    chunk->new_event();
    chunk->token().set_receiver(receiver, AckTracking::Whole);
    chunk->token().arm(1);
    REQUIRE(queue.try_push(chunk));
  }
  int calls = 0;
  queue.call_when_room([&] { ++calls; });
  CHECK(receiver->results().empty());
  queue.discard();
  CHECK(receiver->results() == std::vector<AckResult>{AckResult::NotDelivered});
  CHECK(calls == 1);
  CHECK(queue.is_closed());
  CHECK(queue.is_drained());
  CHECK(queue.fill().events == 0);
  CHECK(queue.fill().bytes == 0);
  CHECK(pop_numbers(queue, 1).empty());
}

TEST_CASE("a queue that is destroyed says not delivered for what is in it", "[queue]") {
  const auto receiver = std::make_shared<Receiver>();
  {
    MemoryQueue queue({10, 1 << 20});
    ChunkPtr chunk = std::make_shared<Chunk>(Buffer(), Timestamp{});
    chunk->new_event();
    chunk->token().set_receiver(receiver, AckTracking::Whole);
    chunk->token().arm(1);
    REQUIRE(queue.try_push(chunk));
  }
  CHECK(receiver->results() == std::vector<AckResult>{AckResult::NotDelivered});
}

TEST_CASE("a pop gives up at its deadline", "[queue]") {
  MemoryQueue queue({10, 1 << 20});
  Batch batch;
  CHECK_FALSE(queue.pop(batch, 1, kForever, std::chrono::steady_clock::now()));
  CHECK_FALSE(queue.pop(batch, 1, kForever, std::chrono::steady_clock::time_point::min()));
  CHECK(batch.size() == 0);
}

TEST_CASE("a pop lingers for more events until its batch is full", "[queue]") {
  MemoryQueue queue({100, 1 << 20});
  REQUIRE(push(queue, numbered_chunk(0, 2)));
  Batch batch;
  bool has_events = false;
  std::thread worker([&] { has_events = queue.pop(batch, 5, kForever, far()); });
  // The worker takes the first two and lingers: each further push finds room and is taken by the same pop.
  REQUIRE(push(queue, numbered_chunk(2, 1)));
  REQUIRE(push(queue, numbered_chunk(3, 4)));
  worker.join();
  CHECK(has_events);
  REQUIRE(batch.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(number_of(*batch.events()[i]) == static_cast<std::int64_t>(i));
  CHECK(pop_numbers(queue, 10) == counted(5, 2));
}

TEST_CASE("a lingering pop gathers no more bytes than the queue may hold", "[queue]") {
  MemoryQueue queue({100, 100'000});
  REQUIRE(push(queue, numbered_chunk(0, 1, 60'000)));
  bool is_pushed = false;
  queue.call_when_room([&] { is_pushed = push(queue, numbered_chunk(1, 1, 60'000)); });
  Batch batch;
  CHECK(queue.pop(batch, 10, kForever, far()));  // would wait an hour for more
  CHECK(is_pushed);
  CHECK(batch.size() == 1);
  CHECK(pop_numbers(queue, 10) == counted(1, 1));
}

TEST_CASE("a lingering pop ends when the queue is closed", "[queue]") {
  MemoryQueue queue({100, 1 << 20});
  REQUIRE(push(queue, numbered_chunk(0, 2)));
  Gate is_taken;
  Batch batch;
  queue.call_when_room([&] { is_taken.open(); });
  bool has_events = false;
  std::thread worker([&] { has_events = queue.pop(batch, 5, kForever, far()); });
  is_taken.wait();
  queue.close();
  worker.join();
  CHECK(has_events);
  CHECK(batch.size() == 2);
}

TEST_CASE("a pop does not linger while a sender waits for its acknowledgement", "[queue]") {
  MemoryQueue queue({100, 1 << 20});
  ChunkPtr chunk = std::make_shared<Chunk>(Buffer(), Timestamp{});
  chunk->new_event();
  chunk->token().set_receiver(std::make_shared<Receiver>(), AckTracking::Whole);
  chunk->token().arm(1);
  REQUIRE(queue.try_push(chunk));
  Batch batch;
  CHECK(queue.pop(batch, 5, kForever, far()));  // would wait an hour
  CHECK(batch.size() == 1);
}

TEST_CASE("a pop without linger takes what is there", "[queue]") {
  MemoryQueue queue({100, 1 << 20});
  REQUIRE(push(queue, numbered_chunk(0, 2)));
  Batch batch;
  CHECK(queue.pop(batch, 5, milliseconds(0), far()));
  CHECK(batch.size() == 2);
}

TEST_CASE("a waiting pop wakes for the first push", "[queue]") {
  MemoryQueue queue({100, 1 << 20});
  Batch batch;
  bool has_events = false;
  std::thread worker([&] { has_events = queue.pop(batch, 1, milliseconds(0), far()); });
  REQUIRE(push(queue, numbered_chunk(7, 1)));
  worker.join();
  CHECK(has_events);
  REQUIRE(batch.size() == 1);
  CHECK(number_of(*batch.events()[0]) == 7);
}

TEST_CASE("close wakes every waiting consumer", "[queue]") {
  MemoryQueue queue({100, 1 << 20});
  std::atomic<int> empty_handed{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i)
    workers.emplace_back([&] {
      Batch batch;
      if (!queue.pop(batch, 1, kForever, far())) ++empty_handed;
    });
  queue.close();
  for (std::thread& worker : workers) worker.join();
  CHECK(empty_handed == 3);
}

TEST_CASE("many senders and consumers lose nothing, double nothing and keep each sender's order", "[queue][threads]") {
  constexpr int kSenders = 3;
  constexpr int kConsumers = 3;
  constexpr std::int64_t kEvents = 6'000;
  constexpr std::int64_t kStride = 1'000'000;
  MemoryQueue queue({50, 256 * 1024});
  std::mutex mutex;
  std::vector<std::vector<std::int64_t>> popped;  // batches, each in order
  std::vector<std::thread> consumers;
  for (int i = 0; i < kConsumers; ++i)
    consumers.emplace_back([&, i] {
      while (!queue.is_drained()) {
        auto batch = std::make_shared<Batch>();
        if (!queue.pop(*batch, 17 + static_cast<std::size_t>(i), milliseconds(i), far())) continue;
        std::vector<std::int64_t> numbers;
        for (const Event* event : batch->events()) numbers.push_back(number_of(*event));
        Batch::complete(batch->events());
        const std::lock_guard lock(mutex);
        popped.push_back(std::move(numbers));
      }
    });
  std::vector<std::thread> senders;
  std::vector<std::shared_ptr<Receiver>> receivers;
  std::mutex receivers_mutex;
  for (int s = 0; s < kSenders; ++s)
    senders.emplace_back([&, s] {
      std::mt19937 random(static_cast<unsigned>(s));
      for (std::int64_t sent = 0; sent < kEvents;) {
        const auto count = std::min<std::int64_t>(kEvents - sent, 1 + static_cast<std::int64_t>(random() % 30));
        auto chunk = std::make_shared<Chunk>(Buffer::allocate(64), Timestamp{});
        for (std::int64_t i = 0; i < count; ++i)
          chunk->new_event().set(number_field(), Value::integer(s * kStride + sent + i));
        if (random() % 2 == 0) {
          const auto receiver = std::make_shared<Receiver>();
          chunk->token().set_receiver(receiver, AckTracking::Prefix);
          const std::lock_guard lock(receivers_mutex);
          receivers.push_back(receiver);
        }
        chunk->token().arm(static_cast<std::size_t>(count));
        while (!queue.try_push(chunk)) {
          auto gate = std::make_shared<Gate>();
          queue.call_when_room([gate] { gate->open(); });
          gate->wait();
        }
        sent += count;
      }
    });
  for (std::thread& sender : senders) sender.join();
  queue.close();
  for (std::thread& consumer : consumers) consumer.join();

  std::vector<std::int64_t> all;
  for (const auto& numbers : popped) {
    std::vector<std::int64_t> last(kSenders, -1);
    for (const std::int64_t number : numbers) {
      auto& previous = last[static_cast<std::size_t>(number / kStride)];
      REQUIRE(number > previous);
      previous = number;
      all.push_back(number);
    }
  }
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> expected;
  for (int s = 0; s < kSenders; ++s)
    for (const std::int64_t number : counted(s * kStride, kEvents)) expected.push_back(number);
  CHECK(all == expected);
  for (const auto& receiver : receivers) REQUIRE(receiver->results() == std::vector<AckResult>{AckResult::Delivered});
  CHECK(queue.fill().bytes == 0);
}

}  // namespace
}  // namespace logboom
