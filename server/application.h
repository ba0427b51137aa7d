// Application: the process. Loads and checks the configuration, starts pipelines and listeners, waits, and stops them in
// order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/metrics.h"
#include "pipeline/config/variables.h"
#include "pipeline/dead_letter/dead_letter_access.h"
#include "pipeline/dead_letter/dead_letter_queue.h"
#include "pipeline/run/pipeline.h"
#include "server/control/control_server.h"
#include "server/dead_letters/service.h"
#include "server/listen/network_threads.h"
#include "server/settings.h"

namespace logboom {

/// Exit status of the process.
enum ExitStatus { kExitOk = 0, kExitRefused = 1, kExitUsage = 2 };

/// One life of the process. Main thread.
class Application {
 public:
  explicit Application(Settings settings);
  ~Application();

  /// Runs until every pipeline has ended or a signal asks to stop; a second signal quits at once. Returns the exit status.
  int run();

 private:
  struct Running;

  Result<std::vector<PipelineEntry>> pipeline_entries();
  bool load_settings_directory();
  bool lock_data_directory();
  /// Compiles one pipeline; nullptr when it is refused (its diagnostics are printed).
  std::shared_ptr<Plan> compile(const Settings& settings, MetricScope& metrics);
  bool start(const std::string& id, const Settings& settings, std::shared_ptr<Plan> plan);
  bool open_dead_letters(const std::string& id, const Settings& settings);
  void start_control();
  void stop_control();
  void announce() const;
  void wait_for_end();
  void stop();

  Settings settings_;
  VariableLookup variables_ = environment_variables();
  MetricScope metrics_;
  std::unique_ptr<DeadLetterFiles> dead_letter_files_;
  std::map<std::string, std::shared_ptr<DeadLetterQueue>> dead_letters_;  // by pipeline; they outlive what uses them
  std::unique_ptr<NetworkThreads> network_;
  std::vector<std::unique_ptr<Running>> running_;
  std::unique_ptr<DeadLetterService> dead_letter_service_;
  std::unique_ptr<ControlServer> control_;
  int lock_descriptor_ = -1;
};

}  // namespace logboom
