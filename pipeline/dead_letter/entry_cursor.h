// EntryCursor: the entries of a dead-letter queue in order, read beside whoever writes it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pipeline/dead_letter/dead_letter_queue.h"
#include "pipeline/store/segment_list.h"
#include "pipeline/store/store_reader.h"

namespace logboom {

/// Passes over entries that are done. One thread.
class EntryCursor {
 public:
  /// Starts at an entry's sequence number (0: the oldest). Uses the queue that this process has open for the directory;
  /// otherwise reads the files, without a lock. Errors: NotFound - no such directory; Io.
  static Result<EntryCursor> open(const std::string& directory, std::uint64_t first, StoreKeys keys = {});

  /// The next entry; false when there is none so far. Errors: Io, InvalidArgument - a key is missing. What is no entry is
  /// passed over and counted.
  Result<bool> next(DeadLetter& out);
  /// Sees what was written and done since. The files' way only needs it.
  Result<void> refresh();
  /// Where next() goes on.
  std::uint64_t position() const { return reader_->position(); }
  std::uint64_t damaged() const { return damaged_; }
  /// Takes entries that are done too (their segment is still there).
  void show_done() { shows_done_ = true; }

 private:
  EntryCursor() = default;
  bool is_done_already(std::uint64_t sequence) const;

  std::string directory_;
  std::shared_ptr<const StoreKeys> keys_;
  std::shared_ptr<DeadLetterQueue> live_;
  std::unique_ptr<DirectorySegments> segments_;
  std::unique_ptr<StoreReader> reader_;
  std::uint64_t damaged_ = 0;
  bool shows_done_ = false;
};

}  // namespace logboom
