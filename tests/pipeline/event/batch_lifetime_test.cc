// What keeps a chunk alive, and who is told when it goes.
#include <catch2/catch.hpp>
#include <span>
#include <string>

#include "pipeline/event/batch.h"
#include "tests/support/json_events.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

const std::vector<AckResult> kDelivered = {AckResult::Delivered};
const std::vector<AckResult> kNotDelivered = {AckResult::NotDelivered};

TEST_CASE("the events of one chunk in several batches finish one token", "[batch]") {
  for (const auto tracking : {AckTracking::Whole, AckTracking::Prefix}) {
    const ChunkPtr chunk = numbered_chunk(0, 5);
    const auto receiver = follow_armed(*chunk, tracking);
    Batch first, second;
    for (std::size_t i = 0; i < 5; ++i) (i < 2 ? first : second).take(chunk, chunk->events()[i]);
    Batch::complete(second.events());
    CHECK_FALSE(receiver->is_finished());
    Batch::complete(first.events());
    CHECK(receiver->results() == kDelivered);
  }
}

TEST_CASE("whoever lets go of a batch with unfinished events tells their senders", "[batch]") {
  ChunkPtr done = numbered_chunk(0, 2), open = numbered_chunk(2, 2);
  const auto of_done = follow_armed(*done);
  const auto of_open = follow_armed(*open);
  BatchPtr batch = batch_of({done, open});
  Batch::complete(done->events());
  done.reset();
  open.reset();
  CHECK_FALSE(of_open->is_finished());  // the batch keeps its chunks
  batch.reset();
  CHECK(of_done->results() == kDelivered);
  CHECK(of_open->results() == kNotDelivered);
}

TEST_CASE("a chunk that is let go of before any batch has it tells its sender", "[batch]") {
  ChunkPtr chunk = numbered_chunk(0, 2);
  const auto receiver = follow_armed(*chunk);
  chunk.reset();
  CHECK(receiver->results() == kNotDelivered);
}

TEST_CASE("a clone changes alone", "[batch]") {
  const ChunkPtr chunk = chunk_of(R"({"message":"one","user":{"name":"ann"}})");
  const BatchPtr batch = batch_of({chunk});
  const Event* parent = batch->events()[0];
  Event* child = batch->clone(*parent);
  CHECK(child->set(*FieldRef::parse("[user][name]"), Value::string("bob")));
  CHECK(child->set(*FieldRef::parse("[@metadata][copy]"), Value::boolean(true)));
  CHECK(json_of(*parent) == R"({"message":"one","user":{"name":"ann"}})");
  CHECK(json_of(*child) == R"({"message":"one","user":{"name":"bob"}})");
  CHECK(parent->metadata_if_any() == nullptr);
}

TEST_CASE("copied-out events free their chunk and batch, and their token still works, also for copies of copies",
          "[batch]") {
  const std::string text(100'000, 'x');
  ChunkPtr chunk = chunk_of("{\"n\":1,\"deep\":{\"list\":[\"a\",{\"k\":\"v\"}]}}\n{\"n\":2,\"long\":\"" + text + "\"}");
  chunk->keep(Buffer::allocate(1000));
  chunk->events()[0]->set(*FieldRef::parse("[@metadata][target]"), Value::string(chunk->received().view().substr(2, 1)));
  const std::weak_ptr<Chunk> chunk_gone = chunk;
  const auto receiver = follow_armed(*chunk, AckTracking::Prefix);
  BatchPtr batch = batch_of({chunk});
  const std::weak_ptr<Batch> batch_gone = batch;
  chunk.reset();

  auto copies = std::make_shared<Batch>();
  const Event* copy = copies->adopt_copy(*batch->events()[0], *batch);
  Batch::complete(batch->events());
  CHECK_FALSE(receiver->is_finished());
  batch.reset();
  REQUIRE(batch_gone.expired());
  REQUIRE(chunk_gone.expired());  // with it the 100 kB of the other event
  CHECK(copies->memory_bytes() < 10'000);
  CHECK(json_of(*copy) == R"({"n":1,"deep":{"list":["a",{"k":"v"}]}})");
  CHECK(copy->string_at(*FieldRef::parse("[@metadata][target]")) == "n");

  auto later = std::make_shared<Batch>();
  const Event* second = later->adopt_copy(*copy, *copies);
  Batch::complete(copies->events());
  copies.reset();
  CHECK_FALSE(receiver->is_finished());
  CHECK(json_of(*second) == R"({"n":1,"deep":{"list":["a",{"k":"v"}]}})");
  CHECK(receiver->prefixes().empty());
  Batch::complete(later->events());
  CHECK(receiver->prefixes() == std::vector<std::size_t>{2});
  CHECK(receiver->results() == kDelivered);
}

TEST_CASE("copied-out events that are let go of tell their sender", "[batch]") {
  ChunkPtr chunk = numbered_chunk(0, 3);
  const auto receiver = follow_armed(*chunk);
  BatchPtr batch = batch_of({chunk});
  chunk.reset();
  auto copies = std::make_shared<Batch>();
  for (const Event* event : batch->events()) copies->adopt_copy(*event, *batch);
  Batch::complete(batch->events());
  batch.reset();
  Batch::complete(std::span<Event* const>(copies->events()).subspan(1));
  CHECK_FALSE(receiver->is_finished());
  copies.reset();
  CHECK(receiver->results() == kNotDelivered);
}

}  // namespace
}  // namespace logboom
