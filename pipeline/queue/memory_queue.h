// MemoryQueue: chunks in memory, bounded in events and in bytes of received buffers kept alive.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "pipeline/queue/queue.h"

namespace logboom {

struct MemoryQueueLimits {
  std::size_t max_events = 250;              // a chunk enters while fewer wait: the last one may pass the limit
  std::size_t max_bytes = 64 * 1024 * 1024;  // never passed, but for one chunk that is alone in the queue
  bool somebody_waits = true;                // a token's receiver waits for the delivery: pop() does not linger then
};

/// See PipelineQueue. A chunk's bytes count until its last event has left the queue. The chunks of one batch keep to the
/// same limit of bytes, or a batch of many huge lines would hold many times as much as the queue may.
class MemoryQueue final : public PipelineQueue {
 public:
  explicit MemoryQueue(MemoryQueueLimits limits) : limits_(limits) {}
  ~MemoryQueue() override;

  bool try_push(ChunkPtr& chunk) override;
  void call_when_room(std::function<void()> callback) override;
  bool pop(Batch& batch, std::size_t max_events, std::chrono::milliseconds linger,
           std::chrono::steady_clock::time_point deadline) override;
  void wake() override;
  void close() override;
  void discard() override;
  bool is_closed() const override;
  bool is_drained() const override;
  Fill fill() const override;

 private:
  struct Waiting {
    ChunkPtr chunk;
    std::size_t bytes = 0;
    std::size_t next_event = 0;
  };

  bool has_room(std::size_t bytes) const {
    return chunks_.empty() || (events_ < limits_.max_events && bytes_ + bytes <= limits_.max_bytes);
  }
  struct Gathering {
    std::size_t bytes = 0;  // of the chunks whose events the batch has
    bool is_full = false;
    bool someone_waits = false;  // for the acknowledgement of one of these events
  };
  std::vector<std::function<void()>> take_events(Batch& batch, std::size_t max_events, Gathering& gathering);

  const MemoryQueueLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable not_empty_;
  std::deque<Waiting> chunks_;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  bool is_closed_ = false;
  std::uint64_t wakes_ = 0;
  std::vector<std::function<void()>> waiting_for_room_;
};

}  // namespace logboom
