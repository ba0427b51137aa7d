#include "pipeline/queue/memory_queue.h"

#include <algorithm>

namespace logboom {

MemoryQueue::~MemoryQueue() { discard(); }

bool MemoryQueue::try_push(ChunkPtr& chunk) {
  const std::size_t bytes = chunk->memory_bytes();
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || !has_room(bytes)) return false;
    if (chunk->events().empty()) return true;  // nothing to wait for; its token is finished
    events_ += chunk->events().size();
    bytes_ += bytes;
    chunks_.push_back({std::move(chunk), bytes, 0});
  }
  not_empty_.notify_one();
  return true;
}

void MemoryQueue::call_when_room(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    // A pusher was refused for its own size: room means that less is waiting than the limits say.
    if (!is_closed_ && !chunks_.empty()) {
      waiting_for_room_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

std::vector<std::function<void()>> MemoryQueue::take_events(Batch& batch, std::size_t max_events, Gathering& gathering) {
  std::vector<std::function<void()>> woken;
  while (!chunks_.empty() && batch.size() < max_events) {
    Waiting& front = chunks_.front();
    if (batch.size() > 0 && gathering.bytes + front.bytes > limits_.max_bytes) {
      gathering.is_full = true;
      break;
    }
    gathering.bytes += front.bytes;
    const auto& events = front.chunk->events();
    const std::size_t count = std::min(max_events - batch.size(), events.size() - front.next_event);
    for (std::size_t i = 0; i < count; ++i) batch.take(front.chunk, events[front.next_event + i]);
    front.next_event += count;
    events_ -= count;
    gathering.someone_waits |= limits_.somebody_waits && front.chunk->token().has_receiver();
    if (front.next_event == events.size()) {
      bytes_ -= front.bytes;
      chunks_.pop_front();
    }
  }
  gathering.is_full |= batch.size() >= max_events;
  // Pushers are called when half of the room is free, not for each chunk: a wake-up costs more than a chunk's place.
  const bool has_much_room = events_ <= limits_.max_events / 2 && bytes_ <= limits_.max_bytes / 2;
  if (chunks_.empty() || has_much_room) woken.swap(waiting_for_room_);
  return woken;
}

bool MemoryQueue::pop(Batch& batch, std::size_t max_events, std::chrono::milliseconds linger,
                      std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto has_news = [this, wakes = wakes_] { return !chunks_.empty() || is_closed_ || wakes_ != wakes; };
  if (!not_empty_.wait_until(lock, deadline, has_news)) return false;
  Gathering gathering;
  for (;;) {
    auto woken = take_events(batch, max_events, gathering);
    if (!woken.empty()) {
      lock.unlock();
      for (auto& callback : woken) callback();
      lock.lock();
    }
    if (gathering.is_full || batch.size() == 0 || is_closed_ || gathering.someone_waits) break;
    if (!not_empty_.wait_for(lock, linger, [this] { return !chunks_.empty() || is_closed_; })) break;
    if (chunks_.empty()) break;
  }
  const bool more_waits = !chunks_.empty();
  lock.unlock();
  if (more_waits) not_empty_.notify_one();  // one push may have brought work for several workers
  return batch.size() > 0;
}

void MemoryQueue::wake() {
  {
    const std::lock_guard lock(mutex_);
    ++wakes_;
  }
  not_empty_.notify_all();
}

void MemoryQueue::close() {
  std::vector<std::function<void()>> woken;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    woken.swap(waiting_for_room_);
  }
  not_empty_.notify_all();
  for (auto& callback : woken) callback();
}

void MemoryQueue::discard() {
  std::deque<Waiting> thrown_away;
  std::vector<std::function<void()>> woken;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    woken.swap(waiting_for_room_);
    thrown_away.swap(chunks_);
    events_ = 0;
    bytes_ = 0;
  }
  not_empty_.notify_all();
  for (auto& callback : woken) callback();
}

bool MemoryQueue::is_closed() const {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

bool MemoryQueue::is_drained() const {
  const std::lock_guard lock(mutex_);
  return is_closed_ && chunks_.empty();
}

PipelineQueue::Fill MemoryQueue::fill() const {
  const std::lock_guard lock(mutex_);
  return {events_, bytes_};
}

}  // namespace logboom
