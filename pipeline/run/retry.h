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

#include "pipeline/plugin/output.h"

namespace logboom {

/// Pause before attempt number `earlier_attempts` + 1: the policy's first one, doubled each time up to its longest, of which
/// between half and all is waited, so that what failed together does not come back together. `dice`: any number.
inline std::chrono::milliseconds retry_pause(const RetryPolicy& policy, int earlier_attempts, std::uint64_t dice) {
  auto pause = std::min(policy.first_pause, policy.longest_pause);
  for (int i = 0; i < earlier_attempts && pause < policy.longest_pause; ++i) pause *= 2;
  pause = std::min(pause, policy.longest_pause);
  const auto half = pause / 2;
  return half + std::chrono::milliseconds(dice % static_cast<std::uint64_t>(std::max<std::int64_t>((pause - half).count(), 1)));
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
