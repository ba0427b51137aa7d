#include "plugins/inputs/kafka/partition_ledger.h"

namespace logboom {

class PartitionLedger::Receipt final : public AckReceiver {
 public:
  Receipt(std::shared_ptr<PartitionLedger> ledger, std::uint64_t number) : ledger_(std::move(ledger)), number_(number) {}
  void finished(AckResult result) override { ledger_->finished(number_, result); }

 private:
  std::shared_ptr<PartitionLedger> ledger_;
  std::uint64_t number_;
};

std::shared_ptr<AckReceiver> PartitionLedger::expect(std::int64_t next_offset) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({next_offset, false});
  return std::make_shared<Receipt>(shared_from_this(), first_number_ + entries_.size() - 1);
}

void PartitionLedger::note(std::int64_t next_offset) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({next_offset, true});
  advance();
}

void PartitionLedger::finished(std::uint64_t number, AckResult result) {
  const std::lock_guard lock(mutex_);
  if (number < first_number_ || number - first_number_ >= entries_.size()) return;
  if (result == AckResult::Delivered) {
    entries_[number - first_number_].is_done = true;
  } else {
    has_failed_ = true;
  }
  advance();
}

void PartitionLedger::advance() {
  const std::int64_t before = stored_offset_;
  while (!entries_.empty() && entries_.front().is_done) {
    stored_offset_ = entries_.front().next_offset;
    entries_.pop_front();
    ++first_number_;
  }
  if (stored_offset_ != before && !is_abandoned_) store_(stored_offset_);
  if (has_nothing_open()) changed_.notify_all();
}

bool PartitionLedger::wait_until_settled(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return has_nothing_open(); });
}

bool PartitionLedger::is_settled() const {
  const std::lock_guard lock(mutex_);
  return has_nothing_open();
}

void PartitionLedger::abandon() {
  const std::lock_guard lock(mutex_);
  is_abandoned_ = true;
  changed_.notify_all();
}

std::int64_t PartitionLedger::stored_offset() const {
  const std::lock_guard lock(mutex_);
  return stored_offset_;
}

}  // namespace logboom
