#include "pipeline/queue/gated_queue.h"

#include <catch2/catch.hpp>

#include "pipeline/queue/memory_queue.h"

namespace logboom {
namespace {

ChunkPtr chunk_of_one() {
  auto chunk = std::make_shared<Chunk>(Buffer::copy_of("x"), Timestamp());
  chunk->new_event();
  chunk->token().arm(1);
  return chunk;
}

std::size_t popped(GatedQueue& queue) {
  Batch batch;
  queue.pop(batch, 10, std::chrono::milliseconds(0), std::chrono::steady_clock::now());
  const std::size_t count = batch.events().size();
  Batch::complete(batch.events());
  return count;
}

}  // namespace

TEST_CASE("a shut gate lets nothing in, and what is inside out", "[queue]") {
  GatedQueue queue(std::make_unique<MemoryQueue>(MemoryQueueLimits{}));
  ChunkPtr first = chunk_of_one();
  REQUIRE(queue.try_push(first));
  queue.shut();
  ChunkPtr second = chunk_of_one();
  CHECK_FALSE(queue.try_push(second));
  REQUIRE(second);
  int told = 0;
  queue.call_when_room([&] { ++told; });
  CHECK(popped(queue) == 1);
  CHECK(told == 0);
  queue.open();
  CHECK(told == 1);
  CHECK(queue.try_push(second));
  CHECK(popped(queue) == 1);
}

TEST_CASE("closing or throwing away opens the gate for those that wait", "[queue]") {
  for (const bool is_thrown_away : {false, true}) {
    GatedQueue queue(std::make_unique<MemoryQueue>(MemoryQueueLimits{}));
    queue.shut();
    int told = 0;
    queue.call_when_room([&] { ++told; });
    is_thrown_away ? queue.discard() : queue.close();
    CHECK(told == 1);
    CHECK(queue.is_closed());
    queue.shut();
    CHECK_FALSE(queue.is_shut());
  }
}

}  // namespace logboom
