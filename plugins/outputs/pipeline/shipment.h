// Shipment: events on their way to one or more other pipelines.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>

#include "pipeline/plugin/output.h"

namespace logboom {

/// Reports a delivery when every address has done with it. Any thread.
class Shipment {
 public:
  Shipment(DeliveryPtr delivery, std::size_t addresses) : delivery_(std::move(delivery)), open_(addresses) {}

  const DeliveryPtr& delivery() const { return delivery_; }
  std::size_t size() const { return delivery_->events().size(); }

  /// One address is done with all events.
  void arrived() { settle(); }
  /// One address could not: the engine will offer the events again, to all.
  void failed(std::string reason) {
    {
      const std::lock_guard lock(mutex_);
      reason_ = std::move(reason);
    }
    settle();
  }

 private:
  void settle() {
    if (open_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    const std::lock_guard lock(mutex_);
    delivery_->report_all(reason_.empty() ? Outcome::delivered() : Outcome::retry(reason_));
  }

  const DeliveryPtr delivery_;
  std::atomic<std::size_t> open_;
  std::mutex mutex_;
  std::string reason_;
};

}  // namespace logboom
