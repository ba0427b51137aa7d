// MemoryQueue: chunks in memory, bounded in events and in bytes of received buffers kept alive.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "pipeline/queue/queue.h"

namespace logboom {

struct MemoryQueueLimits {
  std::size_t max_events = 250;                  // a chunk enters while fewer wait: the last one may pass the limit
  std::size_t max_bytes = 64 * 1024 * 1024;      // never passed, but for one chunk that is alone in the queue
};

/// See PipelineQueue. A chunk's bytes count until its last event has left the queue.
class MemoryQueue final : public PipelineQueue {
 public:
  explicit MemoryQueue(MemoryQueueLimits limits) : limits_(limits) {}
  ~MemoryQueue() override;

  bool try_push(ChunkPtr& chunk) override;
  void call_when_room(std::function<void()> callback) override;
  bool pop(Batch& batch, std::size_t max_events, std::chrono::milliseconds linger,
           std::chrono::steady_clock::time_point deadline) override;
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

  bool has_room(std::size_t bytes) const { return chunks_.empty() || (events_ < limits_.max_events && bytes_ + bytes <= limits_.max_bytes); }
  std::vector<std::function<void()>> take_events(Batch& batch, std::size_t max_events, bool& someone_waits);

  const MemoryQueueLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable not_empty_;
  std::deque<Waiting> chunks_;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  bool is_closed_ = false;
  std::vector<std::function<void()>> waiting_for_room_;
};

}  // namespace logboom
