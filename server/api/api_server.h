// ApiServer: the admin API as a part of the process: its sockets, threads, sampler and audit log.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "server/api/access.h"
#include "server/api/api_context.h"
#include "server/api/api_service.h"
#include "server/api/api_settings.h"
#include "server/listen/listener.h"
#include "server/listen/network_threads.h"

namespace logboom {

/// Main thread. What it is given outlives it.
class ApiServer {
 public:
  /// Opens what `options` say. Errors: AlreadyExists - the port that was asked for is in use; InvalidArgument, Io - the
  /// address or the certificate cannot be used.
  static Result<std::unique_ptr<ApiServer>> start(ApiOptions options, const Settings& settings, PipelineDirectory& pipelines,
                                                  MetricScope& metrics, ControlHandlers control);
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  /// 0: there is none.
  std::uint16_t port() const { return listener_ ? listener_->port() : std::uint16_t{0}; }
  std::uint16_t probes_port() const { return probes_ ? probes_->port() : std::uint16_t{0}; }

 private:
  ApiServer(ApiOptions options, const Settings& settings, PipelineDirectory& pipelines, MetricScope& metrics,
            ControlHandlers control, AuditLog audit);
  Result<void> listen();
  Result<std::shared_ptr<Listener>> open(const Endpoint& endpoint, const char* name);
  void run_sampler();
  void renew_certificate();

  const ApiOptions options_;
  const Settings settings_;
  PipelineDirectory& pipelines_;
  MetricScope& metrics_;
  const ControlHandlers control_;
  AuditLog audit_;
  FlowSampler flow_;
  Access access_;
  ApiContext context_;
  // Threads go before what they use; handlers end before the connections that wait for them.
  std::optional<NetworkThreads> network_;
  std::optional<HandlerThreads> handlers_;
  Endpoint endpoint_;  // of the API, as it is open
  std::string certificate_stamp_;
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<Listener> probes_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool is_stopping_ = false;
  std::thread sampler_;
};

}  // namespace logboom
