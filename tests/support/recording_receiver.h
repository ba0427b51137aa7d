// A source that remembers what tokens told it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "pipeline/event/batch.h"

namespace logboom {

class RecordingReceiver final : public AckReceiver {
 public:
  void prefix_finished(std::size_t finished_events) override {
    const std::lock_guard lock(mutex_);
    prefixes_.push_back(finished_events);
  }
  void finished(AckResult result) override {
    {
      const std::lock_guard lock(mutex_);
      results_.push_back(result);
    }
    changed_.notify_all();
    if (on_finished) on_finished();
  }

  /// One result per call of finished(): a healthy token leaves exactly one.
  std::vector<AckResult> results() const {
    const std::lock_guard lock(mutex_);
    return results_;
  }
  std::vector<std::size_t> prefixes() const {
    const std::lock_guard lock(mutex_);
    return prefixes_;
  }
  bool is_finished() const { return !results().empty(); }
  /// Waits for the end; nothing when it does not come within half a minute.
  std::optional<AckResult> wait() const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(30), [this] { return !results_.empty(); })) return std::nullopt;
    return results_.front();
  }

  std::function<void()> on_finished;  // runs inside finished()

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<AckResult> results_;
  std::vector<std::size_t> prefixes_;
};

/// Makes a source wait for a chunk that has not been handed over yet.
inline std::shared_ptr<RecordingReceiver> follow(Chunk& chunk, AckTracking tracking = AckTracking::Whole) {
  auto receiver = std::make_shared<RecordingReceiver>();
  chunk.token().set_receiver(receiver, tracking);
  return receiver;
}

/// The same, and hands it over as the pipeline does.
inline std::shared_ptr<RecordingReceiver> follow_armed(Chunk& chunk, AckTracking tracking = AckTracking::Whole) {
  auto receiver = follow(chunk, tracking);
  chunk.token().arm(chunk.events().size());
  return receiver;
}

}  // namespace logboom
