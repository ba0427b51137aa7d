#include "plugins/inputs/file/ack_ledger.h"

#include <limits>

namespace logboom {

class AckLedger::Receipt final : public AckReceiver {
 public:
  Receipt(std::shared_ptr<AckLedger> ledger, std::uint64_t number) : ledger_(std::move(ledger)), number_(number) {}
  void finished(AckResult result) override { ledger_->finished(number_, result); }

 private:
  std::shared_ptr<AckLedger> ledger_;
  std::uint64_t number_;
};

std::shared_ptr<AckReceiver> AckLedger::expect(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) return std::make_shared<Receipt>(shared_from_this(), std::numeric_limits<std::uint64_t>::max());
  const std::uint64_t number = first_number_ + entries_.size();
  entries_.push_back({position, false});
  return std::make_shared<Receipt>(shared_from_this(), number);
}

void AckLedger::note(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) return;
  if (!entries_.empty() && entries_.back().is_done) {
    entries_.back().position = position;
  } else {
    entries_.push_back({position, true});
  }
  advance();
}

bool AckLedger::is_settled() const {
  const std::lock_guard lock(mutex_);
  return entries_.empty() && !has_failed_;
}

bool AckLedger::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

void AckLedger::set_path(std::string path) {
  const std::lock_guard lock(mutex_);
  path_ = std::move(path);
}

void AckLedger::abandon() {
  const std::lock_guard lock(mutex_);
  is_abandoned_ = true;
}

void AckLedger::finished(std::uint64_t number, AckResult result) {
  const std::lock_guard lock(mutex_);
  if (number < first_number_ || number - first_number_ >= entries_.size()) return;
  if (result == AckResult::Delivered) {
    entries_[number - first_number_].is_done = true;
  } else {
    has_failed_ = true;
  }
  advance();
}

void AckLedger::advance() {
  bool has_moved = false;
  std::uint64_t position = 0;
  while (!entries_.empty() && entries_.front().is_done) {
    position = entries_.front().position;
    entries_.pop_front();
    ++first_number_;
    has_moved = true;
  }
  if (has_moved && !is_abandoned_) sincedb_->set(identity_, position, path_);
}

}  // namespace logboom
