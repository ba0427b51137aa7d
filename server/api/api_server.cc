#include "server/api/api_server.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <chrono>

#include "pipeline/base/file_stamp.h"
#include "pipeline/base/log.h"
#include "pipeline/net/address.h"
#include "pipeline/net/tls.h"
#include "server/api/node_id.h"
#include "server/api/process_facts.h"

namespace logboom {
namespace {

constexpr std::size_t kNetworkThreads = 1;
constexpr std::size_t kHandlerThreads = 4;
constexpr std::size_t kMostConnections = 512;
constexpr std::uint64_t kMostRequestBytes = 8 * 1024 * 1024;
constexpr std::uint64_t kMostProbeBytes = 4096;
constexpr double kIdleSeconds = 75;
constexpr double kRequestSeconds = 20;
constexpr auto kSampleInterval = std::chrono::seconds(1);
constexpr auto kDrainLimit = std::chrono::milliseconds(2000);

/// The API takes requests, no events.
class NoEvents final : public EventSink {
 public:
  ChunkPtr new_chunk(Buffer received) override { return std::make_shared<Chunk>(std::move(received), Timestamp()); }
  bool push(ChunkPtr, StopSignal&) override { return false; }
  bool try_push(ChunkPtr&) override { return false; }
  void call_when_room(std::function<void()> callback) override { callback(); }
  bool is_stopping() const override { return true; }
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Result<std::shared_ptr<const TlsContext>> tls_of(const Settings& settings) {
  TlsServerSettings tls;
  tls.certificate = settings.text("api.ssl.certificate");
  tls.key = settings.text("api.ssl.key");
  tls.key_passphrase = settings.text("api.ssl.key_passphrase");
  tls.certificate_authorities = split(settings.text("api.ssl.certificate_authorities"));
  tls.supported_protocols = split(settings.text("api.ssl.supported_protocols"));
  const std::string clients = settings.text("api.ssl.client_authentication");
  if (clients == "optional") tls.client_authentication = TlsClientAuthentication::Optional;
  if (clients == "required") tls.client_authentication = TlsClientAuthentication::Required;
  return TlsContext::for_server(tls);
}

/// Changes when one of the files does.
std::string stamp_of(const Settings& settings) {
  std::string stamp;
  std::vector<std::string> files = split(settings.text("api.ssl.certificate_authorities"));
  files.push_back(settings.text("api.ssl.certificate"));
  files.push_back(settings.text("api.ssl.key"));
  for (const std::string& file : files) stamp += file_stamp(file) + '\n';
  return stamp;
}

NodeIdentity identify(const Settings& settings) {
  NodeIdentity node;
  char name[256] = {};
  node.host = gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
  node.name = settings.text("node.name").empty() ? node.host : settings.text("node.name");
  node.id = kept_node_id(settings.text("path.data"));
  node.ephemeral_id = random_uuid();
  node.start_milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return node;
}

std::int64_t steady_milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

ApiServer::ApiServer(ApiOptions options, const Settings& settings, PipelineDirectory& pipelines, MetricScope& metrics,
                     ControlHandlers control, AuditLog audit)
    : options_(std::move(options)),
      settings_(settings),
      pipelines_(pipelines),
      metrics_(metrics),
      control_(std::move(control)),
      audit_(std::move(audit)),
      access_(options_.access),
      context_{settings_, identify(settings_), pipelines_, metrics_, flow_, control_, audit_} {}

Result<std::unique_ptr<ApiServer>> ApiServer::start(ApiOptions options, const Settings& settings,
                                                    PipelineDirectory& pipelines, MetricScope& metrics,
                                                    ControlHandlers control) {
  auto audit = AuditLog::open(options.audit_path);
  if (!audit) return audit.error();
  for (const std::string& warning : options.warnings) log_warn("api", "{}", warning);
  std::unique_ptr<ApiServer> server(
      new ApiServer(std::move(options), settings, pipelines, metrics, std::move(control), std::move(*audit)));
  if (auto opened = server->listen(); !opened) return opened.error();
  return server;
}

Result<std::shared_ptr<Listener>> ApiServer::open(const Endpoint& endpoint, const char* name) {
  return Listener::open(*network_, endpoint, std::make_shared<NoEvents>(), name, metrics_.child("api").child(name));
}

Result<void> ApiServer::listen() {
  Endpoint endpoint;
  endpoint.max_connections = kMostConnections;
  endpoint.idle_seconds = kIdleSeconds;
  endpoint.request_seconds = kRequestSeconds;
  network_.emplace(kNetworkThreads);
  handlers_.emplace(kHandlerThreads);
  if (options_.is_enabled) {
    endpoint.host = options_.host;
    endpoint.max_request_bytes = kMostRequestBytes;
    endpoint.http = std::make_shared<ApiService>(context_, access_, *handlers_, ApiSurface::Everything);
    if (options_.has_tls) {
      certificate_stamp_ = stamp_of(settings_);
      auto tls = tls_of(settings_);
      if (!tls) return Error{tls.error().code, "api.ssl: " + tls.error().message};
      endpoint.tls = std::move(*tls);
    }
    for (std::uint32_t port = options_.first_port; port <= options_.last_port; ++port) {
      endpoint.port = static_cast<std::uint16_t>(port);
      // Before the first request can come.
      context_.node.http_address = host_and_port(options_.host, endpoint.port);
      auto opened = open(endpoint, "api");
      if (opened) {
        endpoint_ = endpoint;
        listener_ = std::move(*opened);
        if (port == 0) context_.node.http_address = host_and_port(options_.host, listener_->port());
        break;
      }
      const bool goes_on = opened.error().code == ErrorCode::AlreadyExists && port < options_.last_port;
      if (goes_on) continue;
      if (opened.error().code != ErrorCode::AlreadyExists || options_.is_port_asked_for) return opened.error();
      log_error("api", "there is no admin API: all ports from {} to {} are in use; choose one with api.http.port",
                options_.first_port, options_.last_port);
    }
  }
  if (options_.probes_port) {
    endpoint.host = options_.probes_host;
    endpoint.port = *options_.probes_port;
    endpoint.tls = nullptr;
    endpoint.max_request_bytes = kMostProbeBytes;
    endpoint.http = std::make_shared<ApiService>(context_, access_, *handlers_, ApiSurface::ProbesOnly);
    auto opened = open(endpoint, "probes");
    if (!opened) return opened.error();
    probes_ = std::move(*opened);
  }
  sampler_ = std::thread([this] { run_sampler(); });
  return {};
}

/// New connections get the new one; a pair that does not fit, since one file is still to come, leaves the old one in use.
void ApiServer::renew_certificate() {
  if (!endpoint_.tls) return;
  std::string stamp = stamp_of(settings_);
  if (stamp == certificate_stamp_) return;
  certificate_stamp_ = std::move(stamp);
  auto tls = tls_of(settings_);
  if (!tls) {
    log_error("api", "api.ssl: the files have changed and cannot be used, the earlier ones stay in use: {}",
              tls.error().message);
    return;
  }
  endpoint_.tls = std::move(*tls);
  listener_->rebind(endpoint_, std::make_shared<NoEvents>());
  log_info("api", "api.ssl: the certificate was read again");
}

void ApiServer::run_sampler() {
  pthread_setname_np(pthread_self(), "api sampler");
  std::unique_lock lock(mutex_);
  auto next = std::chrono::steady_clock::now();
  while (!is_stopping_) {
    lock.unlock();
    flow_.sample(pipelines_.pipelines(), steady_milliseconds());
    read_process_facts();  // keeps the peaks
    renew_certificate();
    lock.lock();
    next += kSampleInterval;
    stopped_.wait_until(lock, next, [this] { return is_stopping_; });
  }
}

ApiServer::~ApiServer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopped_.notify_all();
  if (sampler_.joinable()) sampler_.join();
  for (const auto& listener : {listener_, probes_})
    if (listener) listener->ask_sessions_to_end();
  for (const auto& listener : {listener_, probes_})
    if (listener) listener->drain(kDrainLimit);
  handlers_.reset();
  listener_.reset();
  probes_.reset();
  network_.reset();
}

}  // namespace logboom
