#include "pipeline/plugin/async_push.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "tests/support/json_events.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {
namespace net = boost::asio;

/// A queue of so many chunks, emptied by hand. Any thread.
class NarrowSink final : public EventSink {
 public:
  explicit NarrowSink(std::size_t room) : room_(room) {}

  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp{1'700'000'000, 0});
  }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    const std::lock_guard lock(mutex_);
    if (!chunk->token().is_armed()) chunk->token().arm(chunk->events().size());
    if (is_stopping_ || taken_.size() >= room_) return false;
    taken_.push_back(std::move(chunk));
    return true;
  }
  void call_when_room(std::function<void()> callback) override {
    {
      const std::lock_guard lock(mutex_);
      if (!is_stopping_ && taken_.size() >= room_) {
        waiting_.push_back(std::move(callback));
        return;
      }
    }
    callback();
  }
  bool is_stopping() const override {
    const std::lock_guard lock(mutex_);
    return is_stopping_;
  }

  std::size_t taken() const {
    const std::lock_guard lock(mutex_);
    return taken_.size();
  }
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  /// Takes the oldest chunk out and calls whoever waits.
  ChunkPtr pop() {
    std::unique_lock lock(mutex_);
    ChunkPtr oldest = std::move(taken_.front());
    taken_.erase(taken_.begin());
    wake(lock);
    return oldest;
  }
  void stop() {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    wake(lock);
  }

 private:
  void wake(std::unique_lock<std::mutex>& lock) {
    auto woken = std::exchange(waiting_, {});
    lock.unlock();
    for (auto& callback : woken) callback();
  }

  const std::size_t room_;
  mutable std::mutex mutex_;
  std::vector<ChunkPtr> taken_;
  std::vector<std::function<void()>> waiting_;
  bool is_stopping_ = false;
};

/// Runs one coroutine; `result` is set when it has returned.
template <class T>
struct Spawned {
  Spawned(net::io_context& io, Awaitable<T> coroutine) {
    net::co_spawn(io, std::move(coroutine), [this](std::exception_ptr error, T value) {
      if (error == nullptr) result = value;
      thread = std::this_thread::get_id();
    });
  }
  std::optional<T> result;
  std::thread::id thread;
};

TEST_CASE("a coroutine that pushes into a full queue waits without its thread", "[async_push]") {
  net::io_context io;
  NarrowSink sink(1);
  ChunkPtr first = numbered_chunk(0, 1);
  REQUIRE(sink.try_push(first));
  Spawned<bool> one(io, push_chunk(sink, numbered_chunk(1, 1)));
  Spawned<bool> other(io, push_chunk(sink, numbered_chunk(2, 1)));
  io.poll();  // returns although both wait
  CHECK(sink.waiting() == 2);
  CHECK_FALSE(one.result.has_value());
  CHECK_FALSE(io.stopped());  // they keep the context alive

  CHECK(number_of(*sink.pop()->events()[0]) == 0);
  io.poll();
  CHECK(one.result == true);
  CHECK_FALSE(other.result.has_value());  // was woken, found no room, waits again
  CHECK(sink.waiting() == 1);
  CHECK(number_of(*sink.pop()->events()[0]) == 1);
  io.poll();
  CHECK(other.result == true);
  CHECK(number_of(*sink.pop()->events()[0]) == 2);
}

TEST_CASE("a coroutine goes on where it ran, whoever makes room", "[async_push]") {
  net::io_context io;
  NarrowSink sink(1);
  ChunkPtr first = numbered_chunk(0, 1);
  REQUIRE(sink.try_push(first));
  Spawned<bool> pushed(io, push_chunk(sink, numbered_chunk(1, 1)));
  io.poll();
  REQUIRE(sink.waiting() == 1);
  std::thread worker([&] { sink.pop(); });
  io.run();  // until the coroutine has returned
  worker.join();
  CHECK(pushed.result == true);
  CHECK(pushed.thread == std::this_thread::get_id());
}

TEST_CASE("a waiting push ends when the sink stops, and the chunk's source is told", "[async_push]") {
  net::io_context io;
  NarrowSink sink(0);
  ChunkPtr chunk = numbered_chunk(0, 2);
  const auto receiver = follow(*chunk);
  Spawned<bool> pushed(io, push_chunk(sink, std::move(chunk)));
  io.poll();
  CHECK_FALSE(receiver->is_finished());
  sink.stop();
  io.run();
  CHECK(pushed.result == false);
  CHECK(receiver->results() == std::vector<AckResult>{AckResult::NotDelivered});
}

TEST_CASE("awaiting an acknowledgement ends when the last event is done, on whatever thread", "[async_push]") {
  net::io_context io;
  NarrowSink sink(1);
  Spawned<AckResult> acknowledged(io, push_and_await_ack(sink, numbered_chunk(0, 3)));
  io.poll();
  const ChunkPtr chunk = sink.pop();
  chunk->token().complete_many(2);
  io.poll();
  CHECK_FALSE(acknowledged.result.has_value());
  std::thread worker([&] { chunk->token().complete_many(1); });
  io.run();
  worker.join();
  CHECK(acknowledged.result == AckResult::Delivered);
  CHECK(acknowledged.thread == std::this_thread::get_id());
}

TEST_CASE("awaiting an acknowledgement says not delivered when the chunk is let go of, or never taken", "[async_push]") {
  net::io_context io;
  NarrowSink sink(1);
  Spawned<AckResult> dropped(io, push_and_await_ack(sink, numbered_chunk(0, 3)));
  io.poll();
  Spawned<AckResult> refused(io, push_and_await_ack(sink, numbered_chunk(3, 1)));
  io.poll();
  CHECK_FALSE(dropped.result.has_value());
  sink.stop();
  sink.pop().reset();
  io.run();
  CHECK(dropped.result == AckResult::NotDelivered);
  CHECK(refused.result == AckResult::NotDelivered);
}

TEST_CASE("a chunk without events is acknowledged as soon as it is taken", "[async_push]") {
  net::io_context io;
  NarrowSink sink(1);
  Spawned<AckResult> acknowledged(io, push_and_await_ack(sink, numbered_chunk(0, 0)));
  io.run();
  CHECK(acknowledged.result == AckResult::Delivered);
}

TEST_CASE("many coroutines on two threads push through a narrow queue, each acknowledged once", "[async_push]") {
  constexpr int kCoroutines = 300;
  net::io_context io;
  NarrowSink sink(2);
  std::vector<ChunkPtr> chunks;
  for (int i = 0; i < kCoroutines; ++i) chunks.push_back(numbered_chunk(i, 2));
  std::atomic<int> delivered{0};
  for (ChunkPtr& chunk : chunks) {
    net::co_spawn(io, push_and_await_ack(sink, std::move(chunk)), [&](std::exception_ptr, AckResult result) {
      if (result == AckResult::Delivered) ++delivered;
    });
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) threads.emplace_back([&] { io.run(); });
  while (delivered < kCoroutines) {
    if (sink.taken() == 0) {
      std::this_thread::yield();
      continue;
    }
    sink.pop()->token().complete_many(2);
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(sink.taken() == 0);
  CHECK(sink.waiting() == 0);
}

}  // namespace
}  // namespace logboom
