// Which positions of a file are delivered: chunks finish in any order, the position moves in theirs.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "pipeline/event/ack.h"
#include "plugins/inputs/file/sincedb.h"

namespace logboom {

/// One file's chunks from one beginning on (a truncated file gets a new ledger). Any thread.
class AckLedger : public std::enable_shared_from_this<AckLedger> {
 public:
  AckLedger(std::shared_ptr<Sincedb> sincedb, FileIdentity identity, std::string path)
      : sincedb_(std::move(sincedb)), identity_(identity), path_(std::move(path)) {}

  /// A chunk goes out; when it and all before it are delivered, the file's position is `position`.
  std::shared_ptr<AckReceiver> expect(std::uint64_t position);
  /// As expect(), for bytes that became no event.
  void note(std::uint64_t position);
  /// Everything that was expected is delivered.
  bool is_settled() const;
  /// Something was not delivered: the position stays before it, and the file is read again from there after a restart.
  bool has_failed() const;
  const FileIdentity& identity() const { return identity_; }
  /// The file was renamed.
  void set_path(std::string path);
  /// Nothing that is told from now on counts.
  void abandon();

 private:
  class Receipt;
  struct Entry {
    std::uint64_t position = 0;
    bool is_done = false;
  };
  void finished(std::uint64_t number, AckResult result);
  void advance();

  std::shared_ptr<Sincedb> sincedb_;
  const FileIdentity identity_;
  mutable std::mutex mutex_;
  std::string path_;
  std::deque<Entry> entries_;
  std::uint64_t first_number_ = 0;  // of entries_.front()
  bool has_failed_ = false;
  bool is_abandoned_ = false;
};

}  // namespace logboom
