// Application: the process. Loads the settings, has the pipelines started, and waits for signals and for their end.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/metrics.h"
#include "server/api/api_settings.h"
#include "server/control/control_server.h"
#include "server/data_directory.h"
#include "server/dead_letters/service.h"
#include "server/pipelines/pipeline_manager.h"
#include "server/service_notice.h"
#include "server/settings.h"

namespace logboom {

class ApiServer;
class ManagedPipelines;

/// Exit status of the process.
enum ExitStatus { kExitOk = 0, kExitRefused = 1, kExitUsage = 2 };

/// One life of the process. Main thread.
class Application {
 public:
  /// `command_line` are the settings that were given there.
  explicit Application(Settings command_line);
  ~Application();

  /// Runs until every pipeline has ended or a signal asks to stop; a second signal quits at once. Returns the exit status.
  int run();

 private:
  bool lock_data_directory();
  void start_control();
  void stop_control();
  bool start_api(ApiOptions options);
  void stop_api();
  void wait_for_end();
  void begin_reload();
  void notify();
  void feed_watchdog();
  std::string status() const;

  const Settings command_line_;
  Settings settings_;
  const ServiceNotice notice_;
  MetricScope metrics_;
  std::unique_ptr<PipelineManager> pipelines_;
  std::unique_ptr<DeadLetterService> dead_letter_service_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<ManagedPipelines> served_pipelines_;
  std::unique_ptr<ApiServer> api_;
  std::vector<std::future<ReloadReport>> reloads_;  // that signals asked for
  std::string told_status_;
  std::uint64_t fed_round_ = 0;  // of the manager, when the watchdog was fed last
  std::chrono::steady_clock::time_point fed_at_;
  DataDirectoryLock data_directory_;
  int wake_descriptor_ = -1;
};

}  // namespace logboom
