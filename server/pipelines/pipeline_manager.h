// PipelineManager: all pipelines of the process. Starts them, keeps those that failed with their reasons, reloads them, ends
// them.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/base/metrics.h"
#include "pipeline/base/result.h"
#include "pipeline/dead_letter/dead_letter_access.h"
#include "server/listen/network_threads.h"
#include "server/pipelines/process_settings.h"
#include "server/pipelines/reload_report.h"
#include "server/pipelines/running_pipeline.h"

namespace logboom {

/// Life: construct, compile(), start(), then request_stop() or the pipelines' own end; has_ended() tells. Everything that
/// changes pipelines after start() is done on one thread of its own, one thing after the other.
class PipelineManager {
 public:
  using Snapshot = std::vector<std::shared_ptr<const RunningPipeline>>;

  /// `command_line` is what a reload reads the settings directory with again. `metrics` is the process's scope and outlives
  /// the manager and every snapshot. `changed` is called on any thread when has_ended() may have become true.
  PipelineManager(Settings command_line, ProcessSettings process, MetricScope& metrics, std::function<void()> changed = {});
  /// Gives up what is undelivered.
  ~PipelineManager();
  PipelineManager(const PipelineManager&) = delete;
  PipelineManager& operator=(const PipelineManager&) = delete;

  /// Compiles the pipelines, and prints what is wrong on standard error; returns how many are refused. Opens and starts
  /// nothing. Once.
  std::size_t compile(const std::vector<PipelineEntry>& entries);
  /// Starts what was compiled. One that cannot start is kept as failed and leaves the others alone. Returns how many run.
  std::size_t start();

  /// The pipelines in the order of the configuration; failed and finished ones too. Any thread; a snapshot stays valid
  /// while a reload goes on.
  Snapshot pipelines() const;
  /// nullptr when there is none of this id. Any thread.
  std::shared_ptr<const RunningPipeline> find(const std::string& id) const;

  /// Reads the configuration again and changes what has changed; only the pipelines of `ids` when there are any. Waits for
  /// reloads that were asked for before. Any thread but its own.
  ReloadReport reload(std::vector<std::string> ids = {});
  /// The same without waiting. The result is logged.
  std::future<ReloadReport> request_reload(std::vector<std::string> ids = {});

  /// Asks all inputs to end; what is queued is delivered, for as long as each pipeline's settings allow. Any thread.
  void request_stop();
  /// True when every pipeline has ended, and none can come any more.
  bool has_ended() const;

 private:
  struct Request {
    std::vector<std::string> ids;
    std::promise<ReloadReport> answer;
  };
  void run();
  void look_after_pipelines();
  void end_receivers();
  NetworkThreads& network();
  void wake();
  ReloadReport reload_now(const std::vector<std::string>& ids);

  const Settings command_line_;
  ProcessSettings process_;
  MetricScope& metrics_;
  const std::function<void()> changed_;
  std::unique_ptr<DeadLetterFiles> dead_letter_files_;
  PipelineBus bus_;
  std::unique_ptr<NetworkThreads> network_;
  std::vector<CompiledPipeline> compiled_;  // between compile() and start(), by place

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  bool is_woken_ = false;
  bool is_stopping_ = false;
  bool is_closing_ = false;
  bool has_ended_ = false;
  std::list<Request> requests_;
  std::vector<std::shared_ptr<RunningPipeline>> pipelines_;
  std::thread thread_;
};

}  // namespace logboom
