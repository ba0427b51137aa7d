// A clock that goes on when the test says so.
#pragma once

#include <atomic>
#include <chrono>

#include "pipeline/base/clock.h"

namespace logboom {

/// Any thread.
class ManualClock final : public Clock {
 public:
  std::int64_t wall_nanoseconds() const override { return kStart + passed_.load(); }
  std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::hours(1)) + std::chrono::nanoseconds(passed_.load());
  }
  void advance(std::chrono::nanoseconds time) { passed_ += time.count(); }

 private:
  static constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
  std::atomic<std::int64_t> passed_{0};
};

}  // namespace logboom
