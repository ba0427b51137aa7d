// Pipeline: a plan at work. Owns the queue, the workers, the reading inputs' threads and the output buffers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/compile/plan.h"
#include "pipeline/queue/queue.h"
#include "pipeline/run/error_route.h"
#include "pipeline/run/ledger.h"
#include "pipeline/run/ledger_keeper.h"
#include "pipeline/run/output_buffer.h"
#include "pipeline/run/pipeline_settings.h"
#include "pipeline/run/plan_change.h"
#include "pipeline/run/retry.h"

namespace logboom {

/// Life: construct, start_outputs(), start_workers(), (the server opens the endpoints), start_inputs(), any number of
/// prepare() and apply(), then request_stop() or the inputs' own end, drain(). Methods are for one controlling thread, but
/// request_stop(), abandon() (also while another thread waits in drain()) and the queries are for any.
class Pipeline {
 public:
  /// `metrics` is the pipeline's scope and outlives it.
  Pipeline(std::shared_ptr<Plan> plan, PipelineSettings settings, std::unique_ptr<PipelineQueue> queue,
           MetricScope& metrics);
  ~Pipeline();

  /// Opens the files of outputs behind disk buffers. Errors: DiskBuffer::open()'s, naming the output.
  Result<void> open_disk_buffers();
  /// Opens outputs, and disk buffers that are not open. An error names the output; what was opened is closed again.
  Result<void> start_outputs();
  void start_workers();
  void start_inputs();
  /// What listening inputs want, each with its sink. Call once.
  std::vector<WantedEndpoint> take_endpoints();

  /// Another plan for the same pipeline, compiled with plan() as its donor for at least live_workers() workers. Starts the
  /// outputs that are new in it. An error names the output, and nothing has changed. The queue stays, and what of the
  /// settings concerns it does too.
  Result<std::unique_ptr<PlanChange>> prepare(std::shared_ptr<Plan> next, PipelineSettings settings);
  /// Puts it to work, and waits for nobody: each worker changes over between two batches. Outputs that are gone or replaced
  /// end in the background, and what they have not delivered goes to their successors (see OutputBuffer::retire()). Reading
  /// inputs that are gone or replaced end, and their successors read on when all they have read is acknowledged. Endpoints
  /// of listening inputs are the caller's business.
  void apply(std::unique_ptr<PlanChange> change);
  /// Lets go of what ended in the background. Call now and then, from the controlling thread.
  void sweep();
  /// Workers whose threads run, those that a reload asked to end included. Any thread.
  std::size_t live_workers() const;

  /// Asks inputs to end; then what is queued is worked off. Returns at once.
  void request_stop();
  /// Gives up what is undelivered: senders are told NotDelivered. For the second signal.
  void abandon();
  /// True when all reading inputs have ended by themselves and there is no listening one, or after request_stop().
  bool has_ended_inputs() const;
  /// Waits for the workers to finish what is queued (a persistent queue keeps it, unless it is to be drained) and for
  /// outputs to finish what they hold; then stops the outputs. What is not delivered by the deadline is given up: senders
  /// are told NotDelivered, a persistent queue keeps it. The listening inputs' sockets must have been closed before.
  void drain(std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max());
  /// Called on some thread when has_ended_inputs() may have become true. Set before start_inputs().
  void on_inputs_ended(std::function<void()> callback) { inputs_ended_ = std::move(callback); }

  const std::string& id() const { return id_; }
  /// Any thread.
  PipelineSettings settings() const { return at_work()->settings; }
  PipelineQueue& queue() { return *queue_; }
  /// The plan at work. Any thread.
  std::shared_ptr<const Plan> plan() const { return at_work()->plan; }
  std::size_t undelivered_events() const;
  /// What became of the pipeline's events so far. Any thread.
  LedgerBalance ledger() const;
  /// Where entries of the dead-letter queue come in again; their receivers are told when the events are safe, whatever
  /// settings().acknowledge says. Any thread.
  std::shared_ptr<EventSink> replay_sink();

 private:
  struct Worker {
    Worker(std::size_t place, std::shared_ptr<Worker> earlier) : number(place), predecessor(std::move(earlier)) {}
    const std::size_t number;
    std::shared_ptr<Worker> predecessor;  // had the number before: its filters are free when it is over
    std::uint64_t plan_number = 0;        // that it works by
    bool is_leaving = false;
    bool is_over = false;
    std::thread thread;
  };
  struct RetiringOutput {
    std::shared_ptr<Output> output;
    std::shared_ptr<OutputBuffer> buffer;
    std::string id;
    std::atomic<bool> is_over{false};
    std::thread thread;
  };

  std::shared_ptr<const PlanAtWork> at_work() const;
  std::shared_ptr<OutputBuffer> make_buffer(const Plan& plan, std::size_t output, const PipelineSettings& settings);
  std::shared_ptr<EventSink> make_sink(const InputRun& input, const Plan& plan);
  std::vector<WantedEndpoint> wanted_endpoints(InputRun& input, const Plan& plan);
  void add_worker(std::size_t number);
  void run_worker(Worker& worker);
  void work(Worker& worker);
  bool leaves(Worker& worker);
  void retire_outputs(const PlanAtWork& old, const PlanAtWork& next);
  void end_retiring_output(RetiringOutput& retiring, std::uint64_t gone_since, bool has_successor);
  bool have_all_changed_over(std::uint64_t plan_number) const;
  void start_input(InputRun& input, std::vector<std::shared_ptr<InputRun>> predecessors);
  void join_retiring();
  void stop_outputs();
  enum class Lines {
    All,
    OfMemory,  // of outputs without a disk buffer
  };
  LedgerKeeper::Lines output_lines(Lines wanted) const;
  /// Where what fails in a plan's own filters and outputs goes; nullptr: nowhere.
  DeadLetterSink* failures_of(const Plan& plan);

  const std::string id_;
  const std::shared_ptr<DeadLetterSink> dead_letters_;
  const AcknowledgeWhen acknowledge_;
  const std::shared_ptr<PipelineQueue> queue_;
  MetricScope& metrics_;
  const PipelineLedger ledger_;
  LedgerKeeper ledger_keeper_;
  ThreadedRetryTimer timer_;
  ErrorRoute errors_;  // used while the plan has a label @ERROR
  std::shared_ptr<StopSignal> stop_ = std::make_shared<StopSignal>();
  std::function<void()> inputs_ended_;
  std::atomic<bool> has_told_end_{false};  // since the last reload
  std::size_t started_outputs_ = 0;
  bool are_disk_buffers_open_ = false;
  bool is_drained_ = false;

  mutable std::mutex mutex_;  // what follows
  std::condition_variable workers_changed_;
  std::shared_ptr<const PlanAtWork> at_work_;
  std::atomic<std::uint64_t> plan_number_{1};
  std::vector<std::shared_ptr<InputRun>> inputs_;  // by input of the plan
  std::vector<std::shared_ptr<InputRun>> retired_inputs_;
  std::vector<std::shared_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<RetiringOutput>> retiring_outputs_;
  std::vector<std::shared_ptr<const PlanAtWork>> retired_plans_;  // something of them may still be used
};

}  // namespace logboom
