// GatedQueue: a queue whose entrance can be shut while the pipeline runs. What is inside goes on to the workers.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/queue/queue.h"

namespace logboom {

/// Everything else is the inner queue's. Any thread.
class GatedQueue final : public PipelineQueue {
 public:
  explicit GatedQueue(std::unique_ptr<PipelineQueue> inner) : inner_(std::move(inner)) {}

  /// Nothing enters until open(): to inputs the queue looks full, so that senders wait.
  void shut();
  void open();
  bool is_shut() const { return is_shut_.load(std::memory_order_acquire); }

  void adopt(Chunk& chunk, Histogram* latency) override { inner_->adopt(chunk, latency); }
  bool try_push(ChunkPtr& chunk) override { return !is_shut() && inner_->try_push(chunk); }
  void call_when_room(std::function<void()> callback) override;
  bool pop(Batch& batch, std::size_t max_events, std::chrono::milliseconds linger,
           std::chrono::steady_clock::time_point deadline) override {
    return inner_->pop(batch, max_events, linger, deadline);
  }
  /// Opens the gate too: whoever waits at it is told.
  void close() override;
  void discard() override;
  void finish(std::chrono::milliseconds limit) override { inner_->finish(limit); }
  bool keeps_events() const override { return inner_->keeps_events(); }
  KeptNumbers kept_numbers() const override { return inner_->kept_numbers(); }
  void keep_numbers(std::function<KeptNumbers()> numbers) override { inner_->keep_numbers(std::move(numbers)); }
  std::uint64_t taken_events() const override { return inner_->taken_events(); }
  std::uint64_t lost_events() const override { return inner_->lost_events(); }
  bool is_closed() const override { return inner_->is_closed(); }
  bool is_drained() const override { return inner_->is_drained(); }
  Fill fill() const override { return inner_->fill(); }
  void wake() override { inner_->wake(); }

 private:
  const std::unique_ptr<PipelineQueue> inner_;
  std::atomic<bool> is_shut_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;  // at the gate
};

}  // namespace logboom
