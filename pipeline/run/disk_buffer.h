// DiskBuffer: events on disk between the workers and one output. What it has synced is done for the sender; the output gets
// it when it can.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/compile/plan.h"
#include "pipeline/queue/persistent_queue.h"
#include "pipeline/run/output_health.h"

namespace logboom {

/// What the options of an output's buffer leave open.
struct DiskBufferDefaults {
  std::string directory;  // of all disk buffers: a folder per pipeline in it, and one per output in that
  StoreOptions store;
};

/// The directory of an output's disk buffer.
std::string disk_buffer_directory(const DiskBufferDefaults& defaults, const std::string& pipeline_id,
                                  const PluginSite& site);

/// Any thread, but for start(), stop_giving() and finish(). It is a persistent queue of its own: at least once, in order but
/// for what is tried again, events keep their names (event_identity.h).
class DiskBuffer {
 public:
  /// Opens or makes the buffer of an output whose options want one; `defaults` is copied. Errors: AlreadyExists - somebody
  /// else has the directory; those of SegmentStore::open().
  static Result<std::unique_ptr<DiskBuffer>> open(const DiskBufferDefaults& defaults, const std::string& pipeline_id,
                                                  const PluginSite& site, std::size_t batch_size);
  ~DiskBuffer();

  /// Gives batches to the output from now on, on a thread of the buffer's own. `give` waits for room, and says false when
  /// the output takes nothing any more.
  void start(std::function<bool(const BatchPtr&)> give);
  /// Gives nothing more until the next start(), to another instance of the output. Waits for a `give` under way; what that
  /// refuses comes again. Events are taken meanwhile.
  void stop_giving();

  /// Copies events to the disk; `on_safe` is called when they are there, on the store's thread. Waits while the buffer is
  /// full or the disk refuses. False when it was closed meanwhile: they were not taken.
  bool put(std::span<Event* const> events, OutputHealth& health, std::function<void()> on_safe);

  /// What drain() waits for.
  enum class Until {
    Safe,   // what was put is on disk; then nothing more is given
    Empty,  // everything was given as well
  };
  /// False when the deadline or a close comes first.
  bool drain(Until until, std::chrono::steady_clock::time_point deadline);
  bool flushes_at_shutdown() const { return flushes_at_shutdown_; }

  /// Nothing is taken or given any more; whoever waits comes back.
  void close();
  /// The last call, after close() and when the output says nothing more: saves what is done.
  void finish(std::chrono::milliseconds limit);

  /// Events that are not on disk yet: their senders wait.
  std::size_t unsafe_events() const;
  struct Fill {
    std::uint64_t events = 0;  // not done, those that the output has in work included
    std::uint64_t taken = 0;   // since it was made, by earlier processes too
    std::uint64_t lost = 0;    // of those: their places on disk were damaged
  };
  Fill fill();
  /// See PipelineQueue.
  PipelineQueue::KeptNumbers kept_numbers() const { return queue_->kept_numbers(); }
  void keep_numbers(std::function<PipelineQueue::KeptNumbers()> numbers) { queue_->keep_numbers(std::move(numbers)); }

 private:
  struct Shared;
  class Receipt;
  DiskBuffer(std::unique_ptr<PersistentQueue> queue, std::string output_id, const BufferOptions& options,
             std::size_t batch_size);
  void give_all(const std::function<bool(const BatchPtr&)>& give);

  const std::unique_ptr<PersistentQueue> queue_;
  const std::string output_id_;
  const std::size_t batch_size_;
  const bool flushes_at_shutdown_;
  const std::shared_ptr<Shared> shared_;
  std::thread giver_;
};

/// Warns of buffers in a pipeline's folder that no output of the plan has: their events wait for an output that is gone.
/// Nothing is deleted.
void report_ownerless_buffers(const DiskBufferDefaults& defaults, const std::string& pipeline_id, const Plan& plan);

}  // namespace logboom
