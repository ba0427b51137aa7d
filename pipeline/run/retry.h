// When to try again: a pause that doubles, and one thread that calls back when it is over.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace logboom {

/// Pause before attempt number `earlier_attempts` + 1: 0.25 s doubling to 30 s.
inline std::chrono::milliseconds retry_pause(int earlier_attempts) {
  return std::min(std::chrono::milliseconds(250) * (1 << std::min(earlier_attempts, 7)), std::chrono::milliseconds(30'000));
}

/// Calls functions later. Any thread may use it.
class RetryTimer {
 public:
  virtual ~RetryTimer() = default;
  /// Calls `callback` once, after `pause`, on the timer's thread. It may block that thread only briefly.
  virtual void call_after(std::chrono::milliseconds pause, std::function<void()> callback) = 0;
};

/// The real one: a thread of its own, started with the first call. Destruction throws away what is still waiting.
class ThreadedRetryTimer final : public RetryTimer {
 public:
  ~ThreadedRetryTimer() override;
  void call_after(std::chrono::milliseconds pause, std::function<void()> callback) override;

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> waiting_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace logboom
