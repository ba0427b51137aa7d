// OneTimeSignal: something has happened, and stays so.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace logboom {

/// Any thread. Who gives it may come late: share it with a callback that may outlive the wait.
class OneTimeSignal {
 public:
  void give() {
    {
      const std::lock_guard lock(mutex_);
      is_given_ = true;
    }
    changed_.notify_all();
  }
  /// True when it was given, at the latest after so long.
  bool wait_for(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return is_given_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_given_ = false;
};

}  // namespace logboom
