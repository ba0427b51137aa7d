#include "pipeline/event/event_identity.h"

#include <catch2/catch.hpp>
#include <set>

#include "pipeline/event/batch.h"

namespace logboom {
namespace {

struct Received {
  Received(std::string stream, std::vector<std::uint64_t> positions) {
    for (std::size_t i = 0; i < positions.size(); ++i) chunk->new_event().add_defaults(Timestamp{});
    const std::size_t count = positions.size();
    if (!stream.empty())
      chunk->token().set_source(std::make_unique<EventSource>(EventSource{std::move(stream), std::move(positions)}));
    chunk->token().arm(count);
    for (Event* event : chunk->events()) batch.take(chunk, event);
  }
  std::string id(std::size_t number) const { return std::string(event_identity(*batch_events()[number])->text()); }
  std::vector<Event*> batch_events() const { return const_cast<Batch&>(batch).events(); }
  ChunkPtr chunk = std::make_shared<Chunk>(Buffer(), Timestamp{});
  Batch batch;
};

TEST_CASE("an event's identity is written down: it must never change", "[event_identity]") {
  const Received received("kafka/c/t/0", {5, 6, 6});
  // Documents of years carry these. A failure here means duplicates after an update.
  CHECK(received.id(0) == "ILwbrFn4DSwAhzoJTrWV1A");
  CHECK(received.id(2) == "YmpT5f4V17UjovebxYyUVC");
}

TEST_CASE("identities differ by stream, position, place in the message and line of descent", "[event_identity]") {
  const Received received("s", {1, 2, 2, 2, 3});
  const Received other("t", {1});
  std::set<std::string> ids;
  for (std::size_t i = 0; i < 5; ++i) ids.insert(received.id(i));
  ids.insert(other.id(0));
  Batch batch;
  const Event* parent = received.batch_events()[0];
  const Event* first = batch.clone(*parent);
  ids.insert(std::string(event_identity(*first)->text()));
  ids.insert(std::string(event_identity(*batch.clone(*parent))->text()));
  ids.insert(std::string(event_identity(*batch.clone(*first))->text()));
  CHECK(ids.size() == 9);
}

TEST_CASE("an identity without a lasting source holds for copies that wait for a retry, and for nothing else",
          "[event_identity]") {
  const Received received("", {0, 0});
  Batch copies;
  const Event* copy = copies.adopt_copy(*received.batch_events()[1], received.batch);
  CHECK_FALSE(event_identity(*copy)->is_lasting);
  CHECK(event_identity(*copy)->text() == received.id(1));
  CHECK(received.id(0) != received.id(1));
  CHECK(Received("", {0}).id(0) != received.id(0));
  CHECK_FALSE(event_identity(*copies.new_event()).has_value());
}

}  // namespace
}  // namespace logboom
