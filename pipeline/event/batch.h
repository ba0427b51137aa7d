// Chunk: what one read delivered. Batch: what a worker works on. Events of a chunk may end in several batches, and a batch
// holds events of any chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/event/ack.h"
#include "pipeline/event/event.h"

namespace logboom {

/// Received bytes, the events cut from them and one acknowledgement token. Filled by one thread (the codec), then handed
/// over; after that nothing allocates in it. Lives until the last batch or output lets go of it.
class Chunk {
 public:
  /// `now` becomes the @timestamp of events that bring none.
  Chunk(Buffer received, Timestamp now) : received_(std::move(received)), now_(now) {}

  const Buffer& received() const { return received_; }
  Timestamp now() const { return now_; }
  Arena& arena() { return arena_; }

  /// A fresh event without fields; the codec sets them and then calls add_defaults() or adopt_fields().
  Event& new_event() {
    auto* made = new (arena_.allocate(sizeof(Event), alignof(Event)))
        Event(arena_, token_.get(), static_cast<std::uint32_t>(events_.size()));
    events_.push_back(made);
    return *made;
  }
  /// Takes the last new_event() back.
  void discard_last_event() { events_.pop_back(); }
  /// Keeps other received bytes alive as long as the chunk (a codec that joins lines over several reads).
  void keep(Buffer other) {
    kept_bytes_ += other.owned_bytes();
    kept_.push_back(std::move(other));
  }

  /// The same for whatever else the events' texts lie in; `bytes` is the memory that this keeps alive.
  void keep(std::shared_ptr<const void> owner, std::size_t bytes) {
    owner_ = std::move(owner);
    kept_bytes_ += bytes;
  }

  std::vector<Event*>& events() { return events_; }
  const std::vector<Event*>& events() const { return events_; }
  AckToken& token() { return *token_; }
  const std::shared_ptr<AckToken>& shared_token() const { return token_; }
  /// Memory that the chunk keeps alive: received buffers and arena.
  std::size_t memory_bytes() const {
    return received_.owned_bytes() + kept_bytes_ + arena_.reserved_bytes() + sizeof(Chunk);
  }

 private:
  Buffer received_;
  std::vector<Buffer> kept_;
  std::shared_ptr<const void> owner_;
  std::size_t kept_bytes_ = 0;
  Timestamp now_;
  Arena arena_;
  std::vector<Event*> events_;
  std::shared_ptr<AckToken> token_ = std::make_shared<AckToken>();
};
using ChunkPtr = std::shared_ptr<Chunk>;

/// Events on their way through one worker, with the arena that they grow in. One owner at a time; outputs that deliver later
/// share it, read-only. Whoever destroys a batch with unfinished events makes their tokens report NotDelivered.
class Batch {
 public:
  Arena& arena() { return arena_; }
  /// Live events in order.
  std::vector<Event*>& events() { return events_; }
  std::size_t size() const { return events_.size(); }

  /// Takes an event of a chunk; from now on it grows in this batch's arena.
  void take(const ChunkPtr& chunk, Event* event) {
    if (chunks_.empty() || chunks_.back() != chunk) chunks_.push_back(chunk);
    event->set_arena(arena_);
    event->order = static_cast<std::uint32_t>(events_.size());
    events_.push_back(event);
  }
  const std::vector<ChunkPtr>& chunks() const { return chunks_; }

  /// A child of an event (split, clone): counted by the same token, placed by the caller.
  Event* clone(const Event& event) {
    Event* made = event.copy_into(arena_, CopyStrings::Share);
    made->descend_from(event);
    if (made->token() != nullptr) made->token()->add_child(made->origin());
    return made;
  }
  /// A copy of an event of another batch that needs nothing of that batch or its chunk any more: what a slow output keeps,
  /// so that one event does not keep a whole received buffer alive. Counted as a child by the event's token.
  Event* adopt_copy(const Event& event, const Batch& from);
  /// An event that stems from no chunk (aggregate, flush): nobody waits for it.
  Event* new_event() { return new (arena_.allocate(sizeof(Event), alignof(Event))) Event(arena_, nullptr, 0); }

  /// Reports events as done to their tokens, run by run. Any thread that owns them.
  static void complete(std::span<Event* const> events);

  /// Keeps something alive as long as the batch: the plan, whose literals its events point at.
  void keep(std::shared_ptr<const void> owner) { owner_ = std::move(owner); }
  const std::shared_ptr<const void>& kept() const { return owner_; }

  /// Memory that the batch itself added (its chunks count for themselves).
  std::size_t memory_bytes() const { return arena_.reserved_bytes() + sizeof(Batch); }

 private:
  Arena arena_;
  std::vector<Event*> events_;
  std::vector<ChunkPtr> chunks_;
  std::vector<std::shared_ptr<AckToken>> tokens_;  // of chunks that were let go of
  std::shared_ptr<const void> owner_;
};
using BatchPtr = std::shared_ptr<Batch>;

}  // namespace logboom
