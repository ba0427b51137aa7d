// PipelineQueue: between inputs and workers. The memory queue is one kind, the persistent queue another.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "pipeline/event/batch.h"

namespace logboom {

/// Any thread.
class PipelineQueue {
 public:
  virtual ~PipelineQueue() = default;

  /// Called once for a chunk before its token is armed: a queue that answers for what it has taken becomes the token's
  /// receiver, and tells the one that was there when the chunk is safe. `latency` (or nullptr) observes how long that took;
  /// it outlives the queue.
  virtual void adopt(Chunk& chunk, Histogram* latency) { chunk.token().set_latency(latency); }
  /// Takes a chunk when there is room; false leaves it with the caller. The chunk must have been adopted, its token armed.
  virtual bool try_push(ChunkPtr& chunk) = 0;
  /// Calls back once when try_push() may succeed, or at once when the queue has been closed.
  virtual void call_when_room(std::function<void()> callback) = 0;

  /// Fills an empty batch with up to `max_events` events of any chunks, in the order they came. Waits for the first one;
  /// then as long as events keep coming, each within `linger` of the one before, unless a sender waits for an
  /// acknowledgement. False when the queue is closed and empty, or when nothing came until `deadline`.
  virtual bool pop(Batch& batch, std::size_t max_events, std::chrono::milliseconds linger,
                   std::chrono::steady_clock::time_point deadline) = 0;

  /// Lets calls of pop() that wait now come back without events, so that workers look around.
  virtual void wake() {}

  /// No more pushes; pop() gives what is left.
  virtual void close() = 0;
  /// pop() gives nothing more. What is left in memory only is thrown away: senders are told NotDelivered.
  virtual void discard() = 0;
  /// The last call, after discard() or the last pop(), when nothing will be delivered any more: a queue that keeps things
  /// saves what of them is done. Waits at most `limit` when the disk refuses.
  virtual void finish(std::chrono::milliseconds limit) { (void)limit; }
  /// True when what is not delivered comes again after the next start.
  virtual bool keeps_events() const { return false; }
  /// Numbers of the pipeline's that a queue that keeps things keeps with them, as they were when it was opened.
  using KeptNumbers = std::map<std::string, std::uint64_t>;
  virtual KeptNumbers kept_numbers() const { return {}; }
  /// From now on `numbers` is asked for them whenever the queue saves what is done: of every event that is called done
  /// there, what was counted before its token heard of it is in them. On a thread of the queue's or in finish(), never after
  /// that.
  virtual void keep_numbers(std::function<KeptNumbers()> numbers) { (void)numbers; }
  /// Events that it has taken since it was made.
  virtual std::uint64_t taken_events() const { return 0; }
  /// Events that were taken and are gone: their places on disk were damaged. Which ones is in the log.
  virtual std::uint64_t lost_events() const { return 0; }
  virtual bool is_closed() const = 0;
  virtual bool is_drained() const = 0;

  struct Fill {
    std::size_t events = 0;
    std::size_t bytes = 0;
  };
  /// What waits; of a queue that keeps things also what is being delivered.
  virtual Fill fill() const = 0;
};

}  // namespace logboom
