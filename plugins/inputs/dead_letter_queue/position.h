// How far a dead-letter queue has been read and delivered, kept in a file.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "pipeline/base/result.h"
#include "pipeline/event/ack.h"

namespace logboom {

/// Chunks finish in any order; the position moves in theirs. Any thread.
class DeadLetterPosition : public std::enable_shared_from_this<DeadLetterPosition> {
 public:
  /// `path` empty: kept in memory only.
  explicit DeadLetterPosition(std::string path) : path_(std::move(path)) {}

  /// Reads the file: the sequence number of the next entry, 0 when there is no file. Errors: Corrupt - it is no such file,
  /// with a remedy; Io.
  Result<std::uint64_t> load();
  /// A chunk goes out; when it and all before it are delivered, the next entry is `next`.
  std::shared_ptr<AckReceiver> expect(std::uint64_t next);
  /// As expect(), for entries that became no event.
  void note(std::uint64_t next);
  /// Writes the position when it moved since the last time. Errors: Io.
  Result<void> save();

 private:
  class Receipt;
  struct Entry {
    std::uint64_t next = 0;
    bool is_done = false;
  };
  void finished(std::uint64_t number);
  void advance();

  const std::string path_;
  std::mutex mutex_;
  std::deque<Entry> entries_;
  std::uint64_t first_number_ = 0;  // of entries_.front()
  std::uint64_t next_ = 0;
  std::uint64_t saved_ = 0;
};

}  // namespace logboom
