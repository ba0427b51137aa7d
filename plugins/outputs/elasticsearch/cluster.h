// Cluster: the servers that requests can go to, and which of them are well.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace logboom {

/// Any thread.
class Cluster {
 public:
  /// One server. Requests under way hold it.
  struct Server {
    explicit Server(std::string address) : url(std::move(address)) {}
    const std::string url;
    std::atomic<bool> is_well{false};  // false until it was looked at
    std::atomic<int> requests{0};      // under way
  };
  using ServerPtr = std::shared_ptr<Server>;

  explicit Cluster(const std::vector<std::string>& urls);

  /// The server that is well and has the fewest requests under way; those with as many take turns. nullptr: none is well.
  ServerPtr pick();
  bool has_server() const;
  std::vector<ServerPtr> servers() const;
  /// The cluster's servers are these from now on; those that stay keep their state, new ones count as well.
  void replace(const std::vector<std::string>& urls);

 private:
  mutable std::mutex mutex_;
  std::vector<ServerPtr> servers_;
  std::size_t turn_ = 0;
};

}  // namespace logboom
