#include "pipeline/run/retry.h"

namespace logboom {

ThreadedRetryTimer::~ThreadedRetryTimer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ThreadedRetryTimer::call_after(std::chrono::milliseconds pause, std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(std::chrono::steady_clock::now() + pause, std::move(callback));
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  changed_.notify_all();
}

void ThreadedRetryTimer::run() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto due = waiting_.begin()->first;
    if (std::chrono::steady_clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    auto callback = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    lock.unlock();
    callback();
    lock.lock();
  }
}

}  // namespace logboom
