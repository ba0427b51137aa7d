// RunningPipeline: one pipeline of the process from its start to its end, the one that cannot start included.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pipeline/dead_letter/dead_letter_queue.h"
#include "pipeline/run/pipeline.h"
#include "server/pipelines/compiled_pipeline.h"
#include "server/pipelines/served_endpoint.h"
#include "server/pipelines/worker_watch.h"

namespace logboom {

enum class PipelineState {
  Starting,  // with a problem(): the disk refuses its files, and it is tried again
  Running,
  Stopping,  // takes nothing new; what it has is delivered
  Failed,    // did not start; problem() says why
  Finished,  // all inputs have ended and everything is delivered
};

/// "starting", "running" and so on, as the API writes them.
std::string_view pipeline_state_name(PipelineState state);

/// The reloads of one pipeline.
struct ReloadCounts {
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::string last_error;  // diagnostics of the last refusal; empty: there was none
  std::optional<std::chrono::system_clock::time_point> last_success;
  std::optional<std::chrono::system_clock::time_point> last_failure;
};

/// The const functions are for any thread, and what they return stays valid; a reload may replace what the next call gives.
/// The others are for the thread of the PipelineManager.
class RunningPipeline {
 public:
  RunningPipeline(WantedPipeline wanted, MetricScope& metrics);
  ~RunningPipeline();
  RunningPipeline(const RunningPipeline&) = delete;
  RunningPipeline& operator=(const RunningPipeline&) = delete;

  const std::string& id() const { return id_; }
  /// The pipeline's scope.
  MetricScope& metrics() const { return metrics_; }
  PipelineState state() const;
  /// Of a failed pipeline: the rendered diagnostics, or why it could not start. Of one that waits for the disk: what that
  /// says.
  std::string problem() const;
  /// The disk refused its files when it was to start, for a reason that can clear: start it again later.
  bool waits_for_disk() const;
  /// nullptr when it never started. Of a finished one the counters and the queue can still be asked.
  std::shared_ptr<Pipeline> pipeline() const;
  /// nullptr: it has none.
  std::shared_ptr<DeadLetterQueue> dead_letters() const;
  /// The process's settings with the pipeline's own on top, as it runs with them.
  Settings settings() const;
  /// SHA-256 of the configuration's text that it runs; empty when it cannot be read.
  std::string config_hash() const;
  ReloadCounts reloads() const;
  std::chrono::system_clock::time_point started_at() const;
  /// How long its workers have stood still although events wait and no output is to blame; see WorkerWatch.
  std::chrono::milliseconds stalled_for() const { return std::chrono::milliseconds(stalled_milliseconds_.load()); }

  void fail(std::string problem);
  /// Before start(): an input of another pipeline may read the dead letters. An error is left in fail() too, or in
  /// waits_for_disk(). Nothing is done when they are open.
  Result<void> open_dead_letters();
  /// Opens the queue, outputs and sockets of a plan, and starts. `network` gives the network threads when a socket needs
  /// them. `inputs_ended` is called on some thread when the inputs have ended by themselves, or the pipeline is drained. An
  /// error is left in fail() too, or in waits_for_disk().
  Result<void> start(CompiledPipeline compiled, const std::function<NetworkThreads&()>& network,
                     std::function<void()> inputs_ended);

  /// Puts another plan to work, compiled with what donor() lends. Only a running pipeline. An error leaves everything as it
  /// was.
  Result<void> reload(const WantedPipeline& wanted, CompiledPipeline compiled,
                      const std::function<NetworkThreads&()>& network);
  /// What the pipeline lends its next plan; nothing when it does not run.
  PlanDonor donor() const;
  /// What it runs with: ReadPipeline's.
  const std::string& fingerprint() const { return fingerprint_; }
  /// For a pipeline that takes the place of another one of its id.
  void carry_on(const ReloadCounts& earlier);
  void note_reload(const Result<void>& outcome);

  /// Asks inputs to end; what is there is delivered within the pipeline's time for ending.
  void request_stop();
  /// Asks inputs to end because nothing will come; the rest may take its time.
  void end_inputs();
  /// Looks whether it is time for the next step of the end, and begins that; never waits.
  void look_after();
  /// True when nothing more is to come of it.
  bool has_ended() const;
  /// Gives up what is undelivered.
  void abandon();

 private:
  Error refuse(Error error);
  Error refuse_files(Error error);
  void drain_in_background(std::chrono::steady_clock::time_point deadline);
  void set_state(PipelineState state);

  const std::string id_;
  MetricScope& metrics_;

  mutable std::mutex mutex_;
  PipelineState state_ = PipelineState::Starting;
  std::string problem_;
  Settings settings_;
  std::string config_hash_;
  ReloadCounts reloads_;
  std::chrono::system_clock::time_point started_at_;
  std::shared_ptr<Pipeline> pipeline_;
  std::shared_ptr<DeadLetterQueue> dead_letters_;  // outlives the pipeline

  std::function<void()> changed_;
  std::string fingerprint_;
  ServedEndpoints endpoints_;
  std::thread drainer_;
  std::chrono::milliseconds end_limit_{0};  // from the request on
  std::optional<std::chrono::steady_clock::time_point> stopping_since_;
  std::chrono::steady_clock::time_point next_report_;
  bool is_given_up_ = false;
  std::atomic<bool> has_drained_{false};
  WorkerWatch workers_;
  std::atomic<std::int64_t> stalled_milliseconds_{0};
};

}  // namespace logboom
