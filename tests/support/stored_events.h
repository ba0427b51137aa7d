// Chunks of numbered events, their sources, and what became of them: for tests of the persistent queue.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pipeline/event/batch.h"
#include "pipeline/queue/persistent_queue.h"

namespace logboom {

/// How often a long loop runs, and from which seed: ROUNDS and SEED of the environment.
inline std::uint64_t rounds_or(std::uint64_t by_default) {
  const char* const text = std::getenv("ROUNDS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : by_default;
}
inline std::uint64_t seed_or(std::uint64_t by_default) {
  const char* const text = std::getenv("SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : by_default;
}

/// What sources were told. Any thread.
class Acknowledged {
 public:
  std::shared_ptr<AckReceiver> receiver(std::vector<std::int64_t> ids) {
    return std::make_shared<Source>(*this, std::move(ids));
  }
  std::set<std::int64_t> delivered() const {
    const std::lock_guard lock(mutex_);
    return delivered_;
  }
  std::set<std::int64_t> refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  class Source final : public AckReceiver {
   public:
    Source(Acknowledged& all, std::vector<std::int64_t> ids) : all_(all), ids_(std::move(ids)) {}
    void finished(AckResult result) override {
      const std::lock_guard lock(all_.mutex_);
      auto& told = result == AckResult::Delivered ? all_.delivered_ : all_.refused_;
      told.insert(ids_.begin(), ids_.end());
    }

   private:
    Acknowledged& all_;
    const std::vector<std::int64_t> ids_;
  };
  mutable std::mutex mutex_;
  std::set<std::int64_t> delivered_;
  std::set<std::int64_t> refused_;
};

/// Events {"id": first…, "text": …} that `all` hears of.
inline ChunkPtr numbered_chunk(PipelineQueue& queue, std::int64_t first, std::size_t count, std::size_t text_bytes,
                               Acknowledged& all) {
  static const Key id = intern_key("id");
  static const Key text = intern_key("text");
  auto chunk = std::make_shared<Chunk>(Buffer(), Timestamp{1'700'000'000, 123});
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < count; ++i) {
    Event& event = chunk->new_event();
    const std::int64_t number = first + static_cast<std::int64_t>(i);
    ids.push_back(number);
    std::string filling(text_bytes, '.');
    std::mt19937_64 random(static_cast<std::uint64_t>(number));
    for (char& letter : filling) letter = static_cast<char>('a' + random() % 26);
    event.fields().set(event.arena(), id, Value::integer(number));
    event.fields().set(event.arena(), text, Value::string(event.arena().copy(filling)));
    event.add_defaults(chunk->now());
  }
  chunk->token().set_receiver(all.receiver(std::move(ids)), AckTracking::Whole);
  queue.adopt(*chunk, nullptr);
  chunk->token().arm(count);
  return chunk;
}

/// The number of an event; -1 when its text is not the one that it was made with.
inline std::int64_t id_of(const Event& event) {
  static const Key id = intern_key("id");
  static const Key text = intern_key("text");
  const Value* const number = event.fields().find(id);
  const Value* const filling = event.fields().find(text);
  if (number == nullptr || !number->is_integer() || filling == nullptr || !filling->is_string()) return -1;
  std::mt19937_64 random(static_cast<std::uint64_t>(number->as_integer()));
  for (const char letter : filling->as_string())
    if (letter != static_cast<char>('a' + random() % 26)) return -1;
  return number->as_integer();
}

/// Takes a batch within a moment; nullptr when there is none.
inline BatchPtr pop_batch(PipelineQueue& queue, std::size_t max_events,
                          std::chrono::milliseconds wait = std::chrono::milliseconds(0)) {
  auto batch = std::make_shared<Batch>();
  const bool has_events =
      queue.pop(*batch, max_events, std::chrono::milliseconds(0), std::chrono::steady_clock::now() + wait);
  return has_events ? batch : nullptr;
}

/// Takes everything of a queue that drains, completes it, and counts it by number. Gives up on a queue that gives nothing
/// for a while and is not drained: look at is_drained().
inline std::map<std::int64_t, int> drain_queue(PipelineQueue& queue) {
  std::map<std::int64_t, int> seen;
  int empty_handed = 0;
  queue.close();
  while (!queue.is_drained() && empty_handed < 6) {
    const BatchPtr batch = pop_batch(queue, 100, std::chrono::seconds(10));
    empty_handed = batch == nullptr ? empty_handed + 1 : 0;
    if (batch == nullptr) continue;
    for (const Event* event : batch->events()) ++seen[id_of(*event)];
    Batch::complete(batch->events());
  }
  return seen;
}

}  // namespace logboom
