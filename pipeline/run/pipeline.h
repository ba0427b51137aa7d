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
#include "pipeline/run/output_buffer.h"
#include "pipeline/run/retry.h"

namespace logboom {

enum class AcknowledgeWhen {
  Delivered,  // every event reached its outputs (or was dropped, or is dead-lettered)
  Queued,     // the queue took the chunk, as Logstash does
};

struct PipelineSettings {
  std::string id = "main";
  std::size_t workers = 1;
  std::size_t batch_size = 500;
  std::chrono::milliseconds batch_delay{50};
  bool is_ordered = false;
  bool drains_queue = true;  // an asked-for end delivers what is queued; false: a queue that keeps events keeps them
  AcknowledgeWhen acknowledge = AcknowledgeWhen::Delivered;
  std::chrono::milliseconds flush_interval{5000};
  OutputBufferLimits output_limits;
  DiskBufferDefaults disk_buffers;
  std::shared_ptr<DeadLetterSink> dead_letters;  // nullptr: the pipeline has no dead-letter queue
};

/// A listening input's wish: the server opens the socket and serves it into `sink`.
struct WantedEndpoint {
  std::string input_id;
  MetricScope* metrics = nullptr;
  Endpoint endpoint;
  std::shared_ptr<EventSink> sink;
};

/// Life: construct, start_outputs(), start_workers(), (the server opens the endpoints), start_inputs(), then request_stop()
/// or the inputs' own end, wait(). Methods are for one controlling thread, but request_stop(), abandon() (also while another
/// thread waits in drain()) and the queries are for any.
class Pipeline {
 public:
  /// `metrics` is the pipeline's scope and outlives it.
  Pipeline(std::shared_ptr<Plan> plan, PipelineSettings settings, std::unique_ptr<PipelineQueue> queue,
           MetricScope& metrics);
  ~Pipeline();

  /// Opens outputs. An error names the output; what was opened is closed again.
  Result<void> start_outputs();
  void start_workers();
  void start_inputs();
  /// What listening inputs want, each with its sink. Call once.
  std::vector<WantedEndpoint> take_endpoints();

  /// Asks inputs to end; then what is queued is worked off. Returns at once.
  void request_stop();
  /// Gives up what is undelivered: senders are told NotDelivered. For the second signal.
  void abandon();
  /// True when all reading inputs have ended by themselves and there is no listening one, or after request_stop().
  bool has_ended_inputs() const { return open_inputs_.load() == 0 || stop_->is_stopping(); }
  /// Waits for the workers to finish what is queued (a persistent queue keeps it, unless it is to be drained) and for
  /// outputs to finish what they hold; then stops the outputs. What is not delivered by the deadline is given up: senders
  /// are told NotDelivered, a persistent queue keeps it. The listening inputs' sockets must have been closed before.
  void drain(std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max());
  /// Called on some thread when has_ended_inputs() becomes true. Set before start_inputs().
  void on_inputs_ended(std::function<void()> callback) { inputs_ended_ = std::move(callback); }

  const std::string& id() const { return settings_.id; }
  const PipelineSettings& settings() const { return settings_; }
  PipelineQueue& queue() { return *queue_; }
  const Plan& plan() const { return *plan_; }
  std::size_t undelivered_events() const;
  /// What became of the pipeline's events so far. Any thread.
  LedgerBalance ledger() const;
  /// Where entries of the dead-letter queue come in again; their receivers are told when the events are safe, whatever
  /// settings().acknowledge says. Any thread.
  std::shared_ptr<EventSink> replay_sink();

 private:
  class Sink;
  void run_worker(std::size_t number);
  void work(std::size_t number);
  void run_input(std::size_t number);
  void input_ended();
  Result<void> open_disk_buffers();
  void stop_outputs();
  void recover_ledger();
  void keep_ledger();
  std::shared_ptr<Sink> make_sink(std::size_t input);
  /// Where what fails in the pipeline's own filters and outputs goes; nullptr: nowhere.
  DeadLetterSink* failures() const;
  bool drain_errors(std::chrono::steady_clock::time_point deadline);
  bool wait_for_end(const std::function<bool()>& has_ended, std::chrono::steady_clock::time_point deadline);

  std::shared_ptr<Plan> plan_;
  const PipelineSettings settings_;
  std::shared_ptr<PipelineQueue> queue_;
  MetricScope& metrics_;
  const PipelineLedger ledger_;
  LedgerBalance ledger_before_;  // of earlier processes, as a queue that keeps things has kept it
  std::uint64_t ledger_kept_ = 0;
  ThreadedRetryTimer timer_;
  std::unique_ptr<ErrorRoute> errors_;  // nullptr: the plan has no label @ERROR
  std::vector<std::shared_ptr<OutputBuffer>> buffers_;
  std::shared_ptr<StopSignal> stop_ = std::make_shared<StopSignal>();
  std::vector<std::vector<Endpoint>> endpoints_;  // by input
  std::vector<std::thread> input_threads_;
  std::vector<std::thread> workers_;
  std::thread error_worker_;
  std::mutex ends_mutex_;
  std::condition_variable ended_;
  std::size_t running_workers_ = 0;
  bool is_error_worker_running_ = false;
  std::atomic<std::size_t> open_inputs_{0};
  std::size_t started_outputs_ = 0;
  bool is_drained_ = false;
  std::function<void()> inputs_ended_;
};

}  // namespace logboom
