// AckFrontier: how far a source that is read in order has been delivered, for inputs that keep a position.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "pipeline/event/ack.h"

namespace logboom {

/// Chunks finish in any order, the position moves in theirs. When one is not delivered it stays before that one, and what
/// goes out later does not count. Lives as long as its receivers. Any thread.
class AckFrontier : public std::enable_shared_from_this<AckFrontier> {
 public:
  /// `moved` is told the position each time that it moves. From any thread, one call at a time; it must not call back.
  explicit AckFrontier(std::function<void(std::uint64_t position)> moved) : moved_(std::move(moved)) {}

  /// A chunk goes out; when it and all before it are delivered, the source is read up to `position`.
  std::shared_ptr<AckReceiver> expect(std::uint64_t position);
  /// As expect(), for what became no event.
  void note(std::uint64_t position);
  /// Nothing that is told from now on counts.
  void abandon();

  /// How far it has come; nullopt: nowhere yet.
  std::optional<std::uint64_t> position() const;
  /// Everything that was expected is delivered.
  bool is_delivered() const;
  /// Something was not delivered.
  bool has_failed() const;
  /// It will not move for anything that was expected: all is delivered, something was not, or it was abandoned.
  bool is_settled() const;
  /// Waits for that; false when it takes longer.
  bool wait_until_settled(std::chrono::steady_clock::time_point deadline);

 private:
  class Receipt;
  struct Entry {
    std::uint64_t position = 0;
    bool is_done = false;
  };
  void finished(std::uint64_t number, AckResult result);
  void advance();
  bool has_nothing_open() const { return entries_.empty() || has_failed_ || is_abandoned_; }

  const std::function<void(std::uint64_t)> moved_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;
  std::uint64_t first_number_ = 0;  // of entries_.front()
  std::optional<std::uint64_t> position_;
  bool has_failed_ = false;
  bool is_abandoned_ = false;
};

}  // namespace logboom
