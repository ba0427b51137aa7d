#include "plugins/inputs/file/ack_ledger.h"

namespace logboom {

AckLedger::AckLedger(std::shared_ptr<Sincedb> sincedb, FileIdentity identity, std::string path)
    : identity_(identity),
      name_(std::make_shared<Name>()),
      frontier_(
          std::make_shared<AckFrontier>([sincedb = std::move(sincedb), identity, name = name_](std::uint64_t position) {
            const std::lock_guard lock(name->mutex);
            sincedb->set(identity, position, name->path);
          })) {
  name_->path = std::move(path);
}

void AckLedger::set_path(std::string path) {
  const std::lock_guard lock(name_->mutex);
  name_->path = std::move(path);
}

}  // namespace logboom
