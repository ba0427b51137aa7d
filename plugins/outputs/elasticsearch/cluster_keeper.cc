#include "plugins/outputs/elasticsearch/cluster_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "pipeline/net/http_remedies.h"
#include "plugins/outputs/elasticsearch/bulk_answer.h"
#include "plugins/outputs/elasticsearch/cluster_nodes.h"
#include "plugins/outputs/elasticsearch/cluster_setup.h"

namespace logboom {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSetupPause{1000};
constexpr std::chrono::milliseconds kLongestSetupPause{30'000};

}  // namespace

std::chrono::milliseconds milliseconds_of(const Duration& duration) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(duration.seconds, 86400.0) * 1000));
}

ClusterKeeper::ClusterKeeper(const ElasticsearchOptions& options, const ElasticsearchConnection& connection,
                             Settings settings, Cluster& cluster, HttpClient& client, Counter& servers_well,
                             std::function<void(FieldTemplate)> on_ready, std::function<void()> on_look)
    : options_(options),
      connection_(connection),
      settings_(std::move(settings)),
      cluster_(cluster),
      client_(client),
      servers_well_(servers_well),
      on_ready_(std::move(on_ready)),
      on_look_(std::move(on_look)) {
  thread_ = std::thread([this] { run(); });
}

ClusterKeeper::~ClusterKeeper() {
  request_stop();
  thread_.join();
}

void ClusterKeeper::request_stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
}

/// True when stopping.
bool ClusterKeeper::wait(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, pause, [this] { return is_stopping_; });
  return is_stopping_;
}

void ClusterKeeper::run() {
  for (auto pause = kSetupPause; !set_up(); pause = std::min(pause * 2, kLongestSetupPause))
    if (wait(pause)) return;
  auto tick = milliseconds_of(options_.resurrect_delay);
  if (options_.sniffing) tick = std::min(tick, milliseconds_of(options_.sniffing_delay));
  auto next_sniff = steady_clock::now();
  for (;;) {
    look_after_servers();
    if (options_.sniffing && steady_clock::now() >= next_sniff) {
      sniff();
      next_sniff = steady_clock::now() + milliseconds_of(options_.sniffing_delay);
    }
    on_look_();
    if (wait(tick)) return;
  }
}

/// Sends a request and waits for the answer.
Result<HttpAnswer> ClusterKeeper::ask(const Cluster::ServerPtr& server, std::string_view method, const std::string& path,
                                      std::string body) {
  HttpCall call;
  call.method = method;
  call.url = server->url + path;
  call.headers = connection_.headers;
  if (!body.empty()) call.headers.emplace_back("Content-Type", "application/json");
  call.body = std::move(body);
  auto promise = std::make_shared<std::promise<Result<HttpAnswer>>>();
  auto answer = promise->get_future();
  client_.send(std::move(call), [promise](Result<HttpAnswer> result) { promise->set_value(std::move(result)); });
  return answer.get();
}

bool ClusterKeeper::set_up() {
  std::string problem = "no server is well";
  for (const auto& server : cluster_.servers()) {
    const auto answer = ask(server, "GET", "/", {});
    server->is_well = answer && answer->status < 500 && answer->status != 429;
    if (!answer) problem = explain_connection(server->url, answer.error().message);
  }
  count_servers();
  const auto server = cluster_.pick();
  if (server == nullptr) {
    complain(problem);
    return false;
  }
  const ClusterSetup setup(options_, settings_.is_data_stream, settings_.is_ecs);
  const auto target = setup.run([&](std::string_view method, const std::string& path, std::string body) {
    return ask(server, method, path, std::move(body));
  });
  if (!target) {
    if (target.error().code != ErrorCode::Cancelled) complain(fmt::format("{}: {}", server->url, target.error().message));
    return false;
  }
  on_ready_(*target);
  log_info(settings_.id, "{}: {} is ready", settings_.place, server->url);
  return true;
}

void ClusterKeeper::complain(const std::string& problem) {
  const std::string message = fmt::format("{}: {}", settings_.place, problem);
  settings_.on_trouble(message);
  if (log_limit_.allow()) log_error(settings_.id, "{}; events wait", message);
}

void ClusterKeeper::look_after_servers() {
  for (const auto& server : cluster_.servers()) {
    if (server->is_well) continue;
    const auto answer = ask(server, "HEAD", options_.healthcheck_path.value_or("/"), {});
    if (!answer || answer->status >= 500 || answer->status == 429) continue;
    server->is_well = true;
    log_info(settings_.id, "{}: {} is back", settings_.place, server->url);
  }
  count_servers();
}

void ClusterKeeper::count_servers() {
  const auto servers = cluster_.servers();
  servers_well_.set(static_cast<std::uint64_t>(
      std::count_if(servers.begin(), servers.end(), [](const auto& server) { return server->is_well.load(); })));
}

void ClusterKeeper::sniff() {
  const auto server = cluster_.pick();
  if (server == nullptr) return;
  const auto answer = ask(server, "GET", options_.sniffing_path.value_or("/_nodes/http"), {});
  if (!answer || answer->status != 200) return;
  const auto urls = servers_of_nodes_answer(answer->body, connection_.scheme, connection_.path);
  if (urls && !urls->empty()) {
    cluster_.replace(*urls);
  } else {
    if (log_limit_.allow())
      log_warn(settings_.id, "{}: sniffing: {}", settings_.place,
               urls ? "the cluster names no node to send to" : urls.error().message);
  }
}

}  // namespace logboom
