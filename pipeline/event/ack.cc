#include "pipeline/event/ack.h"

namespace logboom {

std::uint64_t AckToken::serial() {
  static std::atomic<std::uint64_t> last{0};
  std::uint64_t mine = serial_.load(std::memory_order_acquire);
  if (mine != 0) return mine;
  const std::uint64_t next = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return serial_.compare_exchange_strong(mine, next, std::memory_order_acq_rel) ? next : mine;
}

void AckToken::arm(std::size_t events) {
  is_armed_ = true;
  if (latency_ != nullptr) armed_at_ = std::chrono::steady_clock::now();
  if (tracks_events()) {
    unfinished_ = std::vector<std::atomic<std::uint32_t>>(events);
    for (auto& count : unfinished_) count.store(1, std::memory_order_relaxed);
  }
  remaining_.store(events, std::memory_order_release);
  if (events == 0 && receiver_) receiver_->finished(AckResult::Delivered);
}

void AckToken::add_child(std::uint32_t origin) {
  remaining_.fetch_add(1, std::memory_order_relaxed);
  if (tracks_events()) unfinished_[origin].fetch_add(1, std::memory_order_relaxed);
}

void AckToken::complete(std::uint32_t origin) {
  // Sequentially consistent: of two threads that finish neighbours at once, one at least must see what the other did.
  if (tracking_ == AckTracking::Each) {
    unfinished_[origin].fetch_sub(1, std::memory_order_release);
  } else if (tracks_prefix() && unfinished_[origin].fetch_sub(1, std::memory_order_seq_cst) == 1) {
    // Whoever finds the first unfinished origin done moves the border; the others see it moved.
    std::size_t prefix = prefix_.load(std::memory_order_seq_cst);
    bool has_moved = false;
    while (prefix < unfinished_.size() && unfinished_[prefix].load(std::memory_order_seq_cst) == 0) {
      if (prefix_.compare_exchange_weak(prefix, prefix + 1, std::memory_order_seq_cst)) {
        ++prefix;
        has_moved = true;
      }
    }
    if (has_moved && receiver_) receiver_->prefix_finished(prefix);
  }
  subtract(1);
}

void AckToken::complete_many(std::size_t count) { subtract(count); }

void AckToken::subtract(std::size_t count) {
  if (remaining_.fetch_sub(count, std::memory_order_acq_rel) != count) return;
  if (latency_ != nullptr) latency_->observe(std::chrono::steady_clock::now() - armed_at_);
  if (receiver_) receiver_->finished(AckResult::Delivered);
}

}  // namespace logboom
