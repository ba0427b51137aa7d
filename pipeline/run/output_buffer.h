// OutputBuffer: the engine's side of one output. Bounds what is undelivered, offers again what should be retried, counts
// outcomes, completes tokens. The output itself knows nothing of this.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/compile/plan.h"
#include "pipeline/dead_letter/dead_letter_sink.h"
#include "pipeline/event/batch.h"
#include "pipeline/plugin/output.h"
#include "pipeline/run/disk_buffer.h"
#include "pipeline/run/ledger.h"
#include "pipeline/run/output_health.h"
#include "pipeline/run/retry.h"

namespace logboom {

struct OutputBufferLimits {
  std::size_t max_events = 20'000;
  std::size_t max_bytes = 64 * 1024 * 1024;  // of batches and received buffers kept alive
};

/// Any thread. Kept alive by its open deliveries. `site.delivery` bounds it instead of `limits` where it says so.
class OutputBuffer : public std::enable_shared_from_this<OutputBuffer> {
 public:
  /// Without a sink for dead letters what is refused for good is counted as rejected. `ledger` and `dead_letters` (which may
  /// be nullptr) outlive it.
  OutputBuffer(Output& output, const PluginSite& site, OutputBufferLimits limits, RetryTimer& timer,
               DeadLetterSink* dead_letters = nullptr, const PipelineLedger* ledger = nullptr);
  ~OutputBuffer();

  /// Its line of the ledger goes on from there instead of from nothing. Before deliver().
  void go_on_from(const LedgerBalance::Output& before) { before_ = before; }
  /// Events of workers go to disk first, and are finished when they are there; the line of the ledger goes on from what is
  /// kept there. Before deliver().
  void stand_behind(std::unique_ptr<DiskBuffer> disk);
  /// The output has started: what waits on disk is offered.
  void start();

  /// Gives events of a batch to the output. Each must have been counted in its open_outcomes. Waits while as much as the
  /// limits allow is undelivered: a slow output holds up its worker, and through the queue the senders. False when the
  /// buffer was closed meanwhile: the events were not taken.
  bool deliver(const BatchPtr& batch, std::vector<Event*> events);

  /// The output is replaced (`successor` is the buffer of the one that goes on) or taken out of the configuration (nullptr).
  /// What waits for a retry goes at once to the successor, what the output gives back later, and what deliver() is asked to
  /// take, does so too. Without a successor that goes to the dead-letter queue, or is given up where there is none: its
  /// senders are told NotDelivered; while there is room the output still gets what workers bring. Waiting workers go on.
  void retire(std::shared_ptr<OutputBuffer> successor);
  /// The end of that, before the output's stop(): what the output has got may take `patience` to be answered. When it
  /// returns, deliver() of the output is not running, and will not be called any more.
  void end(std::chrono::milliseconds patience);
  /// New limits; more than they allow may be undelivered for a while.
  void set_limits(OutputBufferLimits limits);

  /// Nothing is offered or retried any more; workers that wait come back. Open events count as not delivered.
  void close();
  /// After close() and the output's stop(): what has become of events on disk is saved.
  void finish(std::chrono::milliseconds limit);
  /// Waits until nothing is undelivered, or the buffer is closed; false when the deadline comes first. With a disk buffer
  /// and a deadline, until nothing is undelivered that is not on disk; then nothing more of that is offered.
  bool wait_until_idle(std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max());
  /// What is on disk does not count: it is nobody's trouble any more.
  std::size_t undelivered_events() const;
  OutputState state() const { return health_.state(); }

  /// This output's line of the ledger.
  LedgerBalance::Output balance() const;
  /// What its counters say, those of earlier buffers in the same scope included.
  LedgerBalance::Output counted() const;
  bool is_on_disk() const { return delivery_.buffer.is_on_disk(); }

  /// Counts an outcome per event down; tokens of events with none left are completed. Returns how many those were.
  static std::size_t finish_events(std::span<Event* const> events);

 private:
  friend class TrackedDelivery;
  bool take(const BatchPtr& batch, std::vector<Event*> events);
  bool wait_until_settled(std::chrono::steady_clock::time_point deadline);
  bool is_given_up(const Outcome& outcome, int earlier_attempts) const;
  bool is_closed() const;
  const PipelineLedger* ledger_of_offered() const { return disk_ == nullptr ? ledger_ : nullptr; }
  /// Events that wait for an attempt.
  struct Held {
    BatchPtr batch;
    std::vector<Event*> events;
    std::size_t bytes = 0;
    int earlier_attempts = 0;
  };
  enum class Stage {
    Working,
    Retired,  // see retire()
    Ended,    // the output is asked nothing any more
  };
  void offer(const BatchPtr& batch, std::vector<Event*> events, std::size_t bytes, int earlier_attempts);
  void settle(std::size_t events, std::size_t bytes);
  void retry(const BatchPtr& batch, std::vector<Event*> events, int earlier_attempts, const std::string& reason);
  void wait_for_attempt(Held held, std::chrono::milliseconds pause);
  void attempt(std::uint64_t number);
  void pass_on(Held held);
  void take_over(Held held);
  void give_away(const BatchPtr& batch, std::span<Event* const> events);
  void give_back(std::span<Event* const> events);
  BatchPtr copies_of(const Batch& batch, std::span<Event* const> events);
  void add_undelivered(std::size_t events, std::size_t bytes);
  void subtract_undelivered(std::size_t events, std::size_t bytes);
  enum class GivenUp {
    Now,    // it is counted, and finished
    Later,  // it is in the dead-letter queue, and finished when on_safe says so
    Retry,  // the dead-letter queue cannot take it now
  };
  GivenUp give_up(const Event& event, const Outcome& outcome, DeadLetterSink::OnSafe on_safe);
  void log_given_up(const Event& event, const Outcome& outcome, std::string_view whereto);
  static void finish(std::span<Event* const> events, const PipelineLedger* ledger);

  Output& output_;
  const std::string id_;
  const std::string name_;
  const DeliveryOptions delivery_;
  RetryTimer& timer_;
  DeadLetterSink* const dead_letters_;
  const PipelineLedger* const ledger_;
  LedgerBalance::Output before_;
  std::unique_ptr<DiskBuffer> disk_;
  Counter& events_in_;
  Counter& events_out_;
  Counter& retries_;
  Counter& rejected_;
  Counter& dead_lettered_;
  Counter& returned_;
  Counter& undelivered_gauge_;
  Counter& undelivered_bytes_gauge_;
  Histogram& latency_;  // from the offer to the last outcome of what was offered together
  OutputHealth health_;
  const RetryPolicy retry_policy_;
  std::atomic<std::uint64_t> retry_dice_{0};
  LogRateLimit retry_log_;
  LogRateLimit reject_log_;

  mutable std::mutex mutex_;
  std::condition_variable has_room_;
  OutputBufferLimits limits_;
  std::size_t undelivered_events_ = 0;
  std::size_t undelivered_bytes_ = 0;
  bool is_closed_ = false;
  Stage stage_ = Stage::Working;
  std::shared_ptr<OutputBuffer> successor_;
  std::size_t calls_ = 0;  // of the output's deliver(), under way
  std::map<std::uint64_t, Held> waiting_;
  std::uint64_t next_waiting_ = 0;
};

/// Memory that some events of a batch keep alive: their share of the batch and of its chunks.
std::size_t kept_bytes(const Batch& batch, std::size_t events);

}  // namespace logboom
