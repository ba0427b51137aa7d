// A retry timer without time: pauses are over when the test says so.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "pipeline/run/retry.h"

namespace logboom {

/// Any thread.
class ManualRetryTimer final : public RetryTimer {
 public:
  void call_after(std::chrono::milliseconds pause, std::function<void()> callback) override {
    const std::lock_guard lock(mutex_);
    pauses_.push_back(pause);
    waiting_.push_back(std::move(callback));
  }

  /// Calls everything that waits now, on this thread; how many it were.
  std::size_t fire() {
    std::vector<std::function<void()>> due;
    {
      const std::lock_guard lock(mutex_);
      due.swap(waiting_);
    }
    for (auto& callback : due) callback();
    return due.size();
  }
  /// Every pause that was asked for, in order.
  std::vector<std::chrono::milliseconds> pauses() const {
    const std::lock_guard lock(mutex_);
    return pauses_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
  std::vector<std::chrono::milliseconds> pauses_;
};

}  // namespace logboom
