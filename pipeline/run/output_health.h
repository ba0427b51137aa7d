// OutputHealth: whether an output does well, as operators see it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "pipeline/base/metrics.h"

namespace logboom {

enum class OutputState : std::uint64_t {
  Ok = 0,        // the last thing heard of the destination was good
  Retrying = 1,  // what was offered last has to be offered again
  Blocked = 2,   // its buffer is full, and its workers have been waiting for a while
};

/// Keeps the counters `state`, `blocked_microseconds` and the note `last_error` of one output. Any thread.
class OutputHealth {
 public:
  explicit OutputHealth(MetricScope& metrics)
      : state_counter_(metrics.counter("state")),
        blocked_microseconds_(metrics.counter("blocked_microseconds")),
        last_error_(metrics.note("last_error")) {}

  /// The destination took something.
  void delivered() {
    if (is_retrying_.load(std::memory_order_relaxed)) set(is_retrying_, false);
  }
  /// The destination has to be asked again.
  void retried(std::string_view reason) {
    last_error_.set(reason);
    if (!is_retrying_.load(std::memory_order_relaxed)) set(is_retrying_, true);
  }
  /// The destination refused something for good: no trouble of the destination's own.
  void rejected(std::string_view reason) { last_error_.set(reason); }

  /// A worker waits for room from here to the end of this object's life.
  class Waiting {
   public:
    explicit Waiting(OutputHealth& health) : health_(health), since_(std::chrono::steady_clock::now()) {}
    ~Waiting() {
      const auto waited = std::chrono::steady_clock::now() - since_;
      health_.blocked_microseconds_.add(
          static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(waited).count()));
      if (!is_long_) return;
      health_.blocked_.fetch_sub(1);
      health_.show();
    }
    /// It takes longer than a busy output takes to make room.
    void is_long() {
      if (is_long_) return;
      is_long_ = true;
      health_.blocked_.fetch_add(1);
      health_.show();
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    OutputHealth& health_;
    std::chrono::steady_clock::time_point since_;
    bool is_long_ = false;
  };

  OutputState state() const {
    if (blocked_.load() > 0) return OutputState::Blocked;
    return is_retrying_.load() ? OutputState::Retrying : OutputState::Ok;
  }

 private:
  void set(std::atomic<bool>& flag, bool value) {
    flag.store(value);
    show();
  }
  void show() {
    const std::lock_guard lock(show_mutex_);
    state_counter_.set(static_cast<std::uint64_t>(state()));
  }

  Counter& state_counter_;
  Counter& blocked_microseconds_;
  Note& last_error_;
  std::atomic<bool> is_retrying_{false};
  std::atomic<int> blocked_{0};
  std::mutex show_mutex_;
};

}  // namespace logboom
