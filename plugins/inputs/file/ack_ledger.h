// How far a file is delivered, told to its sincedb.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "pipeline/plugin/ack_frontier.h"
#include "plugins/inputs/file/sincedb.h"

namespace logboom {

/// One file's chunks from one beginning on (a truncated file gets a new ledger). Any thread.
class AckLedger {
 public:
  AckLedger(std::shared_ptr<Sincedb> sincedb, FileIdentity identity, std::string path);

  const FileIdentity& identity() const { return identity_; }
  /// Positions are bytes of the file. After a failure the file is read again from before it, after a restart.
  AckFrontier& frontier() { return *frontier_; }
  /// The file was renamed.
  void set_path(std::string path);

 private:
  struct Name {
    std::mutex mutex;
    std::string path;
  };
  const FileIdentity identity_;
  const std::shared_ptr<Name> name_;  // with the frontier, which acknowledgements may keep longer than the ledger
  const std::shared_ptr<AckFrontier> frontier_;
};

}  // namespace logboom
