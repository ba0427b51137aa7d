// PartitionLedger: which offsets of one assigned partition are delivered.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "pipeline/event/ack.h"

namespace logboom {

/// One partition from its assignment to its revocation; a partition that comes back gets a new ledger. Chunks finish in any
/// order, the offset moves in theirs. Any thread.
class PartitionLedger : public std::enable_shared_from_this<PartitionLedger> {
 public:
  /// `store` is told the offset of the next message to read, each time that it moves; it must not call back. From any
  /// thread.
  explicit PartitionLedger(std::function<void(std::int64_t next_offset)> store) : store_(std::move(store)) {}

  /// A chunk goes out; when it and all before it are delivered, reading may begin at `next_offset`.
  std::shared_ptr<AckReceiver> expect(std::int64_t next_offset);
  /// As expect(), for messages that became no event.
  void note(std::int64_t next_offset);
  /// Waits until everything that was expected is delivered, or was given up; false when that takes longer.
  bool wait_until_settled(std::chrono::steady_clock::time_point deadline);
  bool is_settled() const;
  /// The partition is somebody else's: nothing that is told from now on counts.
  void abandon();
  /// The offset that was stored last; -1: none yet.
  std::int64_t stored_offset() const;

 private:
  class Receipt;
  struct Entry {
    std::int64_t next_offset = 0;
    bool is_done = false;
  };
  void finished(std::uint64_t number, AckResult result);
  void advance();
  bool has_nothing_open() const { return entries_.empty() || has_failed_ || is_abandoned_; }

  const std::function<void(std::int64_t)> store_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;
  std::uint64_t first_number_ = 0;  // of entries_.front()
  std::int64_t stored_offset_ = -1;
  bool has_failed_ = false;  // something was not delivered: the offset stays before it
  bool is_abandoned_ = false;
};

}  // namespace logboom
