// PipelineManager: all pipelines of the process. Starts them, keeps those that failed with their reasons, reloads them, ends
// them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
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
#include "server/pipelines/config_watch.h"
#include "server/pipelines/postponed_starts.h"
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
  /// the manager and every snapshot. `changed` is called on any thread when has_ended() may have become true, and when a
  /// reload is done.
  PipelineManager(Settings command_line, ProcessSettings process, MetricScope& metrics, std::function<void()> changed = {});
  /// Gives up what is undelivered.
  ~PipelineManager();
  PipelineManager(const PipelineManager&) = delete;
  PipelineManager& operator=(const PipelineManager&) = delete;

  /// Compiles the pipelines, and prints what is wrong on standard error; returns how many are refused. Opens and starts
  /// nothing. Once.
  std::size_t compile(const std::vector<PipelineEntry>& entries);
  /// Starts what was compiled. One that cannot start is kept as failed and leaves the others alone; one whose files the disk
  /// refuses for now is tried again and again. Returns how many run, or are tried again.
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
  /// Grows by one whenever the manager's thread has seen to everything, at least once a second while it works. Any thread.
  std::uint64_t rounds() const { return rounds_.load(std::memory_order_relaxed); }
  /// True when pipelines run and all of them have stood still for this long (RunningPipeline::stalled_for()). Any thread.
  bool stands_still(std::chrono::milliseconds patience) const;
  /// True when the process goes on without a pipeline: config.reload.automatic may bring one.
  bool waits_for_changes() const;

 private:
  struct Request {
    std::vector<std::string> ids;
    std::promise<ReloadReport> answer;
  };
  /// A pipeline that starts when another one of its id has ended.
  struct Successor {
    std::shared_ptr<RunningPipeline> pipeline;
    CompiledPipeline compiled;
    std::shared_ptr<RunningPipeline> predecessor;
  };
  void run();
  void answer_requests();
  void look_after_pipelines();
  void start_successors();
  bool start_one(const std::shared_ptr<RunningPipeline>& pipeline, CompiledPipeline compiled);
  void try_postponed();
  void end_receivers();
  NetworkThreads& network();
  void wake();
  std::shared_ptr<RunningPipeline> find_running(const std::string& id) const;
  ReloadReport reload_now(const std::vector<std::string>& ids);
  ReloadReport::Line reload_pipeline(const WantedPipeline& wanted);
  ReloadReport::Line add_pipeline(const WantedPipeline& wanted, ReadPipeline read);
  ReloadReport::Line replace_pipeline(const std::shared_ptr<RunningPipeline>& old, const WantedPipeline& wanted,
                                      CompiledPipeline compiled);
  ReloadReport::Line change_successor(const std::shared_ptr<RunningPipeline>& waiting, const WantedPipeline& wanted,
                                      ReadPipeline read);
  void remove_pipeline(const std::shared_ptr<RunningPipeline>& pipeline);
  void put_in_order(const std::vector<PipelineEntry>& entries);

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
  std::atomic<std::uint64_t> rounds_{0};
  bool is_woken_ = false;
  bool is_stopping_ = false;
  bool is_closing_ = false;
  bool has_ended_ = false;
  std::list<Request> requests_;
  std::vector<std::shared_ptr<RunningPipeline>> pipelines_;

  // Of the thread:
  std::vector<std::shared_ptr<RunningPipeline>> ending_;  // removed or replaced
  std::vector<Successor> successors_;
  PostponedStarts postponed_;
  ConfigWatch watch_;
  std::chrono::steady_clock::time_point next_look_;
  std::thread thread_;
};

}  // namespace logboom
