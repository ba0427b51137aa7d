#include "pipeline/plugin/ack_frontier.h"

#include <limits>
#include <utility>

namespace logboom {

class AckFrontier::Receipt final : public AckReceiver {
 public:
  Receipt(std::shared_ptr<AckFrontier> frontier, std::uint64_t number) : frontier_(std::move(frontier)), number_(number) {}
  void finished(AckResult result) override { frontier_->finished(number_, result); }

 private:
  std::shared_ptr<AckFrontier> frontier_;
  std::uint64_t number_;
};

std::shared_ptr<AckReceiver> AckFrontier::expect(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) return std::make_shared<Receipt>(shared_from_this(), std::numeric_limits<std::uint64_t>::max());
  entries_.push_back({position, false});
  return std::make_shared<Receipt>(shared_from_this(), first_number_ + entries_.size() - 1);
}

void AckFrontier::note(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) return;
  if (!entries_.empty() && entries_.back().is_done) {
    entries_.back().position = position;
  } else {
    entries_.push_back({position, true});
  }
  advance();
}

void AckFrontier::abandon() {
  const std::lock_guard lock(mutex_);
  is_abandoned_ = true;
  changed_.notify_all();
}

std::optional<std::uint64_t> AckFrontier::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

bool AckFrontier::is_delivered() const {
  const std::lock_guard lock(mutex_);
  return entries_.empty() && !has_failed_;
}

bool AckFrontier::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

bool AckFrontier::is_settled() const {
  const std::lock_guard lock(mutex_);
  return has_nothing_open();
}

bool AckFrontier::wait_until_settled(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return has_nothing_open(); });
}

void AckFrontier::finished(std::uint64_t number, AckResult result) {
  const std::lock_guard lock(mutex_);
  if (number < first_number_ || number - first_number_ >= entries_.size()) return;
  if (result == AckResult::Delivered) {
    entries_[number - first_number_].is_done = true;
  } else {
    has_failed_ = true;
  }
  advance();
}

void AckFrontier::advance() {
  bool has_moved = false;
  for (; !entries_.empty() && entries_.front().is_done; entries_.pop_front()) {
    position_ = entries_.front().position;
    ++first_number_;
    has_moved = true;
  }
  if (has_moved && !is_abandoned_) moved_(*position_);
  if (has_nothing_open()) changed_.notify_all();
}

}  // namespace logboom
