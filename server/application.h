// Application: the process. Loads and checks the configuration, starts pipelines and listeners, waits, and stops them in
// order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/metrics.h"
#include "pipeline/config/variables.h"
#include "pipeline/run/pipeline.h"
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
  void announce() const;
  void wait_for_end();
  void stop();

  Settings settings_;
  VariableLookup variables_ = environment_variables();
  MetricScope metrics_;
  std::unique_ptr<NetworkThreads> network_;
  std::vector<std::unique_ptr<Running>> running_;
  int lock_descriptor_ = -1;
};

}  // namespace logboom
