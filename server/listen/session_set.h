// The open sessions of one listener, and whether its accept loop still runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "server/listen/socket_connection.h"

namespace logboom {

/// Any thread.
class SessionSet {
 public:
  explicit SessionSet(Counter& level) : level_(level) {}

  void add(const std::shared_ptr<SocketConnection>& connection) {
    const std::lock_guard lock(mutex_);
    sessions_.emplace(connection.get(), connection);
    level_.set(sessions_.size());
  }
  void remove(const SocketConnection* connection) {
    {
      const std::lock_guard lock(mutex_);
      sessions_.erase(connection);
      level_.set(sessions_.size());
    }
    changed_.notify_all();
  }
  void set_loop_runs(bool runs) {
    {
      const std::lock_guard lock(mutex_);
      loop_runs_ = runs;
    }
    changed_.notify_all();
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return sessions_.size();
  }
  /// The connections that are open now.
  std::vector<std::shared_ptr<SocketConnection>> open() const {
    std::vector<std::shared_ptr<SocketConnection>> found;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, weak] : sessions_)
      if (auto connection = weak.lock()) found.push_back(std::move(connection));
    return found;
  }
  /// Waits until no session is open and the accept loop is over; false when that took too long.
  bool wait_until_quiet(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [this] { return sessions_.empty() && !loop_runs_; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<const SocketConnection*, std::weak_ptr<SocketConnection>> sessions_;
  bool loop_runs_ = false;
  Counter& level_;
};

}  // namespace logboom
