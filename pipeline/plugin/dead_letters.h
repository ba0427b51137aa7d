// What the dead_letter_queue input needs of the dead-letter queues; the engine implements it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/base/result.h"
#include "pipeline/event/batch.h"
#include "pipeline/event/timestamp.h"

namespace logboom {

/// The entries of one pipeline's queue, in order. One thread, but for consumed().
class DeadLetterReader {
 public:
  virtual ~DeadLetterReader() = default;

  struct Read {
    std::uint64_t sequence = 0;
    Timestamp entry_time;
    std::uint32_t replays = 0;  // how often the event had been sent again when it failed
    bool is_event = false;      // it is now the last event of the chunk
  };
  /// Makes the next entry's event an event of the chunk, with [@metadata][dead_letter_queue]; nullopt when there is none so
  /// far. Errors: Io, InvalidArgument.
  virtual Result<std::optional<Read>> next(Chunk& chunk) = 0;
  /// Entries were safely passed on: they are removed. Any thread. Only for a reader that was opened for cleaning.
  virtual void consumed(std::uint64_t sequence) = 0;
};

class DeadLetterAccess {
 public:
  virtual ~DeadLetterAccess() = default;
  /// Starts at an entry's sequence number. `cleans`: consumed() will be called. Errors: NotFound - there is no such queue so
  /// far; AlreadyExists - another process has it, so nothing can be removed; Io.
  virtual Result<std::unique_ptr<DeadLetterReader>> open(const std::string& directory, const std::string& pipeline_id,
                                                         std::uint64_t first, bool cleans) = 0;
};

}  // namespace logboom
