#include "pipeline/event/batch.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace logboom {
namespace {

FieldRef field(std::string_view text) { return *FieldRef::parse(text); }

/// Writes down what a token tells.
class Receiver final : public AckReceiver {
 public:
  void prefix_finished(std::size_t finished_events) override { prefix = std::max(prefix, finished_events); }
  void finished(AckResult result) override { results.push_back(result); }
  std::size_t prefix = 0;
  std::vector<AckResult> results;
};

TEST_CASE("a token says delivered once, after the last event and the last child", "[ack]") {
  const auto receiver = std::make_shared<Receiver>();
  AckToken token;
  token.set_receiver(receiver, AckTracking::Prefix);
  token.arm(3);
  token.add_child(0);
  token.complete(1);
  token.complete(0);
  CHECK(receiver->prefix == 0);  // a child of the first event is still on its way
  token.complete(0);
  CHECK(receiver->prefix == 2);
  CHECK(receiver->results.empty());
  token.complete(2);
  CHECK(receiver->prefix == 3);
  CHECK(receiver->results == std::vector<AckResult>{AckResult::Delivered});
  CHECK(token.remaining() == 0);
}

TEST_CASE("a token that dies with unfinished events says not delivered", "[ack]") {
  const auto receiver = std::make_shared<Receiver>();
  {
    AckToken token;
    token.set_receiver(receiver, AckTracking::Whole);
    token.arm(2);
    token.complete_many(1);
  }
  CHECK(receiver->results == std::vector<AckResult>{AckResult::NotDelivered});
  const auto unarmed = std::make_shared<Receiver>();
  {
    AckToken token;
    token.set_receiver(unarmed, AckTracking::Whole);
  }
  CHECK(unarmed->results.empty());
  const auto empty = std::make_shared<Receiver>();
  {
    AckToken token;
    token.set_receiver(empty, AckTracking::Whole);
    token.arm(0);
  }
  CHECK(empty->results == std::vector<AckResult>{AckResult::Delivered});
}

TEST_CASE("a batch completes events of several chunks and their clones by the right tokens", "[batch]") {
  const auto make_chunk = [](std::size_t events, AckTracking tracking) {
    auto chunk = std::make_shared<Chunk>(Buffer::copy_of("bytes"), Timestamp{1, 0});
    for (std::size_t i = 0; i < events; ++i) chunk->new_event().add_defaults(chunk->now());
    auto receiver = std::make_shared<Receiver>();
    chunk->token().set_receiver(receiver, tracking);
    chunk->token().arm(events);
    return std::make_pair(chunk, receiver);
  };
  const auto [first, first_receiver] = make_chunk(2, AckTracking::Whole);
  const auto [second, second_receiver] = make_chunk(2, AckTracking::Prefix);
  auto batch = std::make_shared<Batch>();
  for (const auto& chunk : {first, second})
    for (Event* event : chunk->events()) batch->take(chunk, event);
  CHECK(batch->chunks().size() == 2);
  CHECK(batch->events()[3]->order == 3);
  Event* clone = batch->clone(*batch->events()[3]);
  CHECK(&clone->arena() == &batch->arena());
  Batch::complete(batch->events());
  CHECK(first_receiver->results == std::vector<AckResult>{AckResult::Delivered});
  CHECK(second_receiver->results.empty());
  CHECK(second_receiver->prefix == 1);
  Batch::complete(std::span<Event* const>(&clone, 1));
  CHECK(second_receiver->results == std::vector<AckResult>{AckResult::Delivered});
  Event* orphan = batch->new_event();
  Batch::complete(std::span<Event* const>(&orphan, 1));  // nobody waits for it
}

TEST_CASE("an adopted copy keeps the token and nothing else of the batch it came from", "[batch]") {
  const auto receiver = std::make_shared<Receiver>();
  auto keeper = std::make_shared<Batch>();
  Event* copy = nullptr;
  {
    auto chunk = std::make_shared<Chunk>(Buffer::copy_of("received text"), Timestamp{1, 0});
    Event& event = chunk->new_event();
    event.set(field("message"), Value::string(chunk->received().view()));
    chunk->token().set_receiver(receiver, AckTracking::Whole);
    chunk->token().arm(1);
    Batch batch;
    batch.take(chunk, &event);
    copy = keeper->adopt_copy(event, batch);
    Batch::complete(batch.events());
  }
  CHECK(receiver->results.empty());
  CHECK(copy->string_at(field("message")) == "received text");
  Batch::complete(keeper->events());
  CHECK(receiver->results == std::vector<AckResult>{AckResult::Delivered});
}

}  // namespace
}  // namespace logboom
