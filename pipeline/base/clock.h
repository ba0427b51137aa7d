// Time as something that can be handed in: tests use tests/support/manual_clock.h.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace logboom {

/// Wall clock and steady clock behind one seam. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  virtual std::int64_t wall_nanoseconds() const = 0;
  /// Never goes back; for intervals and deadlines.
  virtual std::chrono::steady_clock::time_point steady_now() const = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  std::int64_t wall_nanoseconds() const override {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
  }
  std::chrono::steady_clock::time_point steady_now() const override { return std::chrono::steady_clock::now(); }
};

inline const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace logboom
