#include "plugins/outputs/elasticsearch/cluster.h"

#include <algorithm>

namespace logboom {

Cluster::Cluster(const std::vector<std::string>& urls) {
  for (const std::string& url : urls) servers_.push_back(std::make_shared<Server>(url));
}

Cluster::ServerPtr Cluster::pick() {
  const std::lock_guard lock(mutex_);
  ServerPtr best;
  ++turn_;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const ServerPtr& server = servers_[(turn_ + i) % servers_.size()];
    if (server->is_well && (best == nullptr || server->requests < best->requests)) best = server;
  }
  return best;
}

bool Cluster::has_server() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(servers_.begin(), servers_.end(), [](const ServerPtr& server) { return server->is_well.load(); });
}

std::vector<Cluster::ServerPtr> Cluster::servers() const {
  const std::lock_guard lock(mutex_);
  return servers_;
}

void Cluster::replace(const std::vector<std::string>& urls) {
  const std::lock_guard lock(mutex_);
  std::vector<ServerPtr> next;
  for (const std::string& url : urls) {
    const auto known =
        std::find_if(servers_.begin(), servers_.end(), [&](const ServerPtr& server) { return server->url == url; });
    if (known != servers_.end()) {
      next.push_back(*known);
    } else {
      next.push_back(std::make_shared<Server>(url));
      next.back()->is_well = true;
    }
  }
  servers_ = std::move(next);
}

}  // namespace logboom
