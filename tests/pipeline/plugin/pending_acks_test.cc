// Answers in the order of what was handed over, wherever and whenever tokens finish.
#include "pipeline/plugin/pending_acks.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "tests/support/memory_stream.h"

namespace logboom {
namespace {

using Kind = PendingAcks::Progress::Kind;
constexpr auto kLong = std::chrono::hours(1);
constexpr auto kShort = std::chrono::milliseconds(1);

ChunkPtr chunk_of(std::size_t events) {
  auto chunk = std::make_shared<Chunk>(Buffer(), Timestamp{});
  for (std::size_t i = 0; i < events; ++i) chunk->new_event();
  return chunk;
}

/// Registers and arms a chunk, as a session and its pipeline do.
ChunkPtr add(PendingAcks& pending, std::uint64_t label, std::size_t events, AckTracking tracking = AckTracking::Prefix) {
  ChunkPtr chunk = chunk_of(events);
  pending.add(*chunk, label, tracking);
  chunk->token().arm(events);
  return chunk;
}
void complete(Chunk& chunk, std::uint32_t first, std::uint32_t end) {
  for (std::uint32_t i = first; i < end; ++i) chunk.token().complete(i);
}

PendingAcks::Progress next(const std::shared_ptr<PendingAcks>& pending, std::chrono::milliseconds patience = kLong,
                           std::chrono::milliseconds idle = PendingAcks::kForever) {
  PendingAcks::Progress found;
  const auto wait = [](std::shared_ptr<PendingAcks> acks, std::chrono::milliseconds patience, std::chrono::milliseconds idle,
                       PendingAcks::Progress& found) -> Awaitable<void> { found = co_await acks->next(patience, idle); };
  run_to_end(wait(pending, patience, idle, found));
  return found;
}

}  // namespace

TEST_CASE("chunks are reported in order, whichever finishes first", "[pending_acks]") {
  const auto pending = PendingAcks::make();
  const auto first = add(*pending, 1, 2);
  const auto second = add(*pending, 2, 1);
  complete(*second, 0, 1);
  CHECK_FALSE(pending->poll().has_value());
  CHECK(next(pending, kShort).kind == Kind::Silence);
  complete(*first, 0, 2);
  CHECK(next(pending).label == 1);
  CHECK(pending->size() == 1);
  const auto last = pending->poll();
  REQUIRE(last.has_value());
  CHECK(last->kind == Kind::Finished);
  CHECK(last->label == 2);
  CHECK(pending->size() == 0);
}

TEST_CASE("the oldest chunk's prefix is told once for each growth", "[pending_acks]") {
  const auto pending = PendingAcks::make();
  const auto chunk = add(*pending, 7, 4);
  complete(*chunk, 1, 2);
  CHECK(next(pending, kShort).kind == Kind::Silence);
  complete(*chunk, 0, 1);
  const auto progress = next(pending, kShort);
  CHECK(progress.kind == Kind::Prefix);
  CHECK(progress.label == 7);
  CHECK(progress.events == 2);
  CHECK(next(pending, kShort).kind == Kind::Silence);
}

TEST_CASE("a chunk that is let go of is not delivered", "[pending_acks]") {
  const auto pending = PendingAcks::make();
  auto chunk = add(*pending, 3, 2, AckTracking::Whole);
  chunk.reset();
  CHECK(next(pending).kind == Kind::NotDelivered);
}

TEST_CASE("a closed session ends when everything is answered, an abandoned one at once", "[pending_acks]") {
  const auto pending = PendingAcks::make();
  const auto chunk = add(*pending, 1, 1);
  pending->close();
  CHECK(next(pending, kShort).kind == Kind::Silence);
  complete(*chunk, 0, 1);
  CHECK(next(pending).kind == Kind::Finished);
  CHECK(next(pending).kind == Kind::Closed);
  const auto left = PendingAcks::make();
  const auto late = add(*left, 1, 1);
  left->abandon();
  CHECK(next(left).kind == Kind::Closed);
  complete(*late, 0, 1);
}

TEST_CASE("idleness counts while nothing is pending", "[pending_acks]") {
  const auto pending = PendingAcks::make();
  CHECK(next(pending, kLong, kShort).kind == Kind::Idle);
  const auto chunk = add(*pending, 1, 1);
  CHECK(next(pending, std::chrono::milliseconds(5), kShort).kind == Kind::Silence);
}

TEST_CASE("waiting for room ends when enough was taken out, or nobody will be answered", "[pending_acks]") {
  const bool is_abandoned = GENERATE(false, true);
  const auto pending = PendingAcks::make();
  const auto first = add(*pending, 1, 1);
  const auto second = add(*pending, 2, 1);
  boost::asio::io_context context;
  bool has_room = false;
  const auto wait = [](std::shared_ptr<PendingAcks> acks, bool& has_room) -> Awaitable<void> {
    co_await acks->until_at_most(1);
    has_room = true;
  };
  boost::asio::co_spawn(context, wait(pending, has_room), boost::asio::detached);
  context.poll();
  CHECK_FALSE(has_room);
  if (is_abandoned) {
    pending->abandon();
  } else {
    complete(*first, 0, 1);
    CHECK(pending->poll().has_value());
  }
  context.run();
  CHECK(has_room);
}

TEST_CASE("tokens that finish on other threads wake the one who waits", "[pending_acks][threads]") {
  constexpr std::uint64_t kChunks = 3000;
  const auto pending = PendingAcks::make();
  std::vector<ChunkPtr> chunks;
  for (std::uint64_t i = 0; i < kChunks; ++i) chunks.push_back(add(*pending, i, 3));
  pending->close();
  std::vector<std::uint64_t> labels;
  const auto collect = [](std::shared_ptr<PendingAcks> acks, std::vector<std::uint64_t>& labels) -> Awaitable<void> {
    for (;;) {
      const PendingAcks::Progress progress = co_await acks->next(kLong);
      if (progress.kind == Kind::Closed) co_return;
      labels.push_back(progress.label);
    }
  };
  std::vector<ChunkPtr> shuffled = chunks;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(1));
  std::vector<std::thread> workers;
  for (std::size_t worker = 0; worker < 3; ++worker)
    workers.emplace_back([&shuffled, worker] {
      for (const ChunkPtr& chunk : shuffled) chunk->token().complete(static_cast<std::uint32_t>(worker));
    });
  run_to_end(collect(pending, labels));
  for (std::thread& worker : workers) worker.join();
  REQUIRE(labels.size() == kChunks);
  CHECK(std::is_sorted(labels.begin(), labels.end()));
}

TEST_CASE("a token may finish after the session and its threads are gone", "[pending_acks]") {
  ChunkPtr chunk;
  {
    const auto pending = PendingAcks::make();
    chunk = add(*pending, 1, 1);
    boost::asio::io_context context;
    const auto wait = [](std::shared_ptr<PendingAcks> acks) -> Awaitable<void> { co_await acks->next(kLong); };
    boost::asio::co_spawn(context, wait(pending), boost::asio::detached);
    context.poll();
  }
  complete(*chunk, 0, 1);
  CHECK(chunk->token().remaining() == 0);
}

}  // namespace logboom
