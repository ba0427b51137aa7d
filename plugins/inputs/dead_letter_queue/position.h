// How far a dead-letter queue has been read and delivered, kept in a file.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/base/result.h"
#include "pipeline/plugin/ack_frontier.h"

namespace logboom {

/// Any thread.
class DeadLetterPosition {
 public:
  /// `path` empty: kept in memory only.
  explicit DeadLetterPosition(std::string path) : path_(std::move(path)) {}

  /// Reads the file: the sequence number of the next entry, 0 when there is no file. Errors: Corrupt - it is no such file,
  /// with a remedy; Io.
  Result<std::uint64_t> load();
  /// Positions are sequence numbers of the next entry.
  AckFrontier& frontier() { return *frontier_; }
  /// Writes the position when it moved since the last time. Errors: Io.
  Result<void> save();

 private:
  const std::string path_;
  const std::shared_ptr<AckFrontier> frontier_ = std::make_shared<AckFrontier>([](std::uint64_t) {});  // save() asks it
  std::atomic<std::uint64_t> saved_{0};
};

}  // namespace logboom
