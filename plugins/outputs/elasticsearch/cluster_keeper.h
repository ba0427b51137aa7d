// ClusterKeeper: sets a cluster up, looks after servers that are down, and asks for new ones, on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "pipeline/base/log.h"
#include "pipeline/event/field_template.h"
#include "pipeline/net/http_client.h"
#include "plugins/outputs/elasticsearch/cluster.h"
#include "plugins/outputs/elasticsearch/connection.h"
#include "plugins/outputs/elasticsearch/options.h"

namespace logboom {

class ClusterKeeper {
 public:
  struct Settings {
    bool is_data_stream = false;
    bool is_ecs = false;
    std::string id;                                      // component of log lines
    std::string place;                                   // "pipeline main, output es_1", for messages
    std::function<void(const std::string&)> on_trouble;  // told why the cluster cannot be set up; on the keeper's thread
  };
  /// Everything outlives it. `on_ready` is told the index to write to, once, after the first setup that worked; `on_look`
  /// each time that the servers were looked at. Both on the keeper's thread.
  ClusterKeeper(const ElasticsearchOptions& options, const ElasticsearchConnection& connection, Settings settings,
                Cluster& cluster, HttpClient& client, Counter& servers_well, std::function<void(FieldTemplate)> on_ready,
                std::function<void()> on_look);
  /// Close the client first: the keeper may wait for an answer.
  ~ClusterKeeper();
  ClusterKeeper(const ClusterKeeper&) = delete;
  ClusterKeeper& operator=(const ClusterKeeper&) = delete;

  /// Ends soon; any thread.
  void request_stop();

 private:
  void run();
  bool set_up();
  bool wait(std::chrono::milliseconds pause);
  Result<HttpAnswer> ask(const Cluster::ServerPtr& server, std::string_view method, const std::string& path,
                         std::string body);
  void look_after_servers();
  void count_servers();
  void sniff();
  void complain(const std::string& problem);

  const ElasticsearchOptions& options_;
  const ElasticsearchConnection& connection_;
  const Settings settings_;
  Cluster& cluster_;
  HttpClient& client_;
  Counter& servers_well_;
  const std::function<void(FieldTemplate)> on_ready_;
  const std::function<void()> on_look_;
  LogRateLimit log_limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;
  std::thread thread_;
};

std::chrono::milliseconds milliseconds_of(const Duration& duration);

}  // namespace logboom
