#include "pipeline/queue/gated_queue.h"

#include <utility>

namespace logboom {

void GatedQueue::shut() {
  const std::lock_guard lock(mutex_);
  if (!inner_->is_closed()) is_shut_.store(true, std::memory_order_release);
}

void GatedQueue::open() {
  std::vector<std::function<void()>> told;
  {
    const std::lock_guard lock(mutex_);
    is_shut_.store(false, std::memory_order_release);
    told.swap(waiting_);
  }
  // They ask the queue again: it may be full.
  for (auto& callback : told) callback();
}

void GatedQueue::call_when_room(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (is_shut()) {
      waiting_.push_back(std::move(callback));
      return;
    }
  }
  inner_->call_when_room(std::move(callback));
}

void GatedQueue::close() {
  inner_->close();
  open();
}

void GatedQueue::discard() {
  inner_->discard();
  open();
}

}  // namespace logboom
