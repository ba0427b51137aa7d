// PersistentQueue: events on disk between inputs and workers. What it has taken and synced is told to the source as
// received.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "pipeline/base/metrics.h"
#include "pipeline/queue/queue.h"
#include "pipeline/store/segment_store.h"

namespace logboom {

struct PersistentQueueOptions {
  StoreOptions store;
  std::uint64_t max_bytes = 1024 * 1024 * 1024;  // of segments that are not deleted; passed by what is taken at once
  std::uint64_t max_events = 0;                  // not delivered; 0: no limit
  std::size_t memory_bytes = 32 * 1024 * 1024;   // of events that are kept for the workers besides

  /// The limit is reached in steps of a segment: enough of them that a full queue always has one to delete.
  std::uint64_t bytes_per_segment() const {
    constexpr std::uint64_t kSegmentsInQueue = 8;
    constexpr std::uint64_t kSmallestSegment = 64 * 1024;
    return std::max(kSmallestSegment, std::min(store.segment_bytes, max_bytes / kSegmentsInQueue));
  }
};

/// See PipelineQueue. Events go to the workers as they came while these keep up; what is too much for memory is read back
/// from disk, in order. A worker may see events before they are synced, the source hears of them after. Events that are done
/// are never given again, those that were given and not done come again after the next start. While the disk refuses,
/// nothing is taken.
class PersistentQueue final : public PipelineQueue {
 public:
  /// Opens or makes the store. `metrics` is the queue's scope and outlives it. Errors: those of SegmentStore::open().
  static Result<std::unique_ptr<PersistentQueue>> open(PersistentQueueOptions options, MetricScope& metrics);
  ~PersistentQueue() override;

  void adopt(Chunk& chunk, Histogram* latency) override;
  bool try_push(ChunkPtr& chunk) override;
  void call_when_room(std::function<void()> callback) override;
  bool pop(Batch& batch, std::size_t max_events, std::chrono::milliseconds linger,
           std::chrono::steady_clock::time_point deadline) override;
  void wake() override;
  void close() override;
  void discard() override;
  void finish(std::chrono::milliseconds limit) override;
  bool keeps_events() const override { return true; }
  KeptNumbers kept_numbers() const override;
  void keep_numbers(std::function<KeptNumbers()> numbers) override;
  std::uint64_t taken_events() const override;
  std::uint64_t lost_events() const override;
  bool is_closed() const override;
  bool is_drained() const override;
  Fill fill() const override;

  /// Notes in the store what is done of chunks that are not done as a whole: fill() is exact then.
  void note_done();

  SegmentStore& store();

 private:
  class Core;
  explicit PersistentQueue(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

}  // namespace logboom
