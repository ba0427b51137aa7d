// PlanRunner: one worker's way of running a plan on a batch.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "pipeline/compile/plan.h"
#include "pipeline/run/output_buffer.h"

namespace logboom {

/// Runs batches through a plan's filters and hands them to its outputs. One thread; each worker has its own.
class PlanRunner {
 public:
  /// `metrics` is the pipeline's scope. `errors` (the label @ERROR) or else `dead_letters` takes what filters set aside and
  /// what a condition cannot be evaluated for; nullptr: there is none. Both outlive the runner and its events. The batches
  /// of kErrorWorker go through the label @ERROR.
  PlanRunner(std::shared_ptr<const Plan> plan, std::size_t worker, std::vector<std::shared_ptr<OutputBuffer>> outputs,
             bool is_ordered, MetricScope& metrics, DeadLetterSink* dead_letters = nullptr,
             DeadLetterSink* errors = nullptr);

  /// Filters, then outputs; events of inputs with a label go through that instead. With `flush` also calls the flush hooks
  /// of filters that have one; the batch may be empty then. False when an output was closed: events it should have had are
  /// not delivered.
  bool run(const BatchPtr& batch, std::optional<FlushKind> flush = std::nullopt);
  /// What those filters hold back that are not in `next` comes out, and goes on through this plan: the worker is about to
  /// change over.
  bool flush_gone(const Plan& next);
  /// True when a filter of the plan holds events back.
  bool wants_flush() const { return wants_flush_; }

 private:
  using Selection = std::vector<Event*>;

  bool run_main(const BatchPtr& batch, Selection& events, std::optional<FlushKind> flush);
  bool run_labelled(const BatchPtr& batch, std::vector<std::pair<std::size_t, Selection>>& routed);
  std::vector<std::pair<std::size_t, Selection>> take_labelled(Selection& events);
  void filter_all(Batch& batch, const Block& block, Selection& events, std::optional<FlushKind> flush);
  void filter(Batch& batch, const Block& block, Selection& events, std::optional<FlushKind> flush);
  void apply_filter(Batch& batch, std::size_t number, Selection& events, std::optional<FlushKind> flush);
  void flush_filter(std::size_t number, FilterBatch& work, FlushKind flush);
  void filter_if(Batch& batch, const IfStep& step, Selection& events, std::optional<FlushKind> flush);
  bool deliver(const BatchPtr& batch, const Block& block, const Selection& events);
  bool deliver_if(const BatchPtr& batch, const IfStep& step, const Selection& events);
  bool relabel(const BatchPtr& batch, const PlannedLabel& label, const Selection& events);
  bool run_label(const BatchPtr& batch, const PlannedLabel& label, Selection& events, std::optional<FlushKind> flush);
  bool flush_labels(const BatchPtr& batch, FlushKind flush);
  void split(const Condition& condition, const Selection& events, Selection& taken, Selection& rest, bool is_frozen);
  void dead_letter_undecoded(Batch& batch);
  void dead_letter_failed(const PluginSite& site);
  void dead_letter(Event* event, const DeadLetterCause& cause, bool is_frozen);
  void complete_dropped();
  void finish(std::span<Event* const> events);

  Selection borrow();
  void give_back(Selection selection);

  std::shared_ptr<const Plan> plan_;
  const std::size_t worker_;
  const std::vector<std::shared_ptr<Filter>>& filters_;
  std::vector<std::shared_ptr<OutputBuffer>> outputs_;
  const bool is_event_by_event_;
  const bool is_for_errors_;
  const std::vector<std::size_t> label_order_;  // that events can reach; a label comes before those that it leads to
  bool wants_flush_ = false;
  const std::vector<bool>* flushed_ = nullptr;  // the filters that a flush is for; nullptr: all
  Condition::Scratch condition_scratch_;
  Selection dropped_;
  DeadLetterSink* const dead_letters_;
  DeadLetterSink* failures_;  // where what fails goes now: @ERROR, the dead-letter queue, or nowhere
  std::vector<FailedEvent> failed_;
  std::string condition_failure_;
  BatchPtr batch_;  // that is being run
  const PipelineLedger ledger_;
  std::uint64_t created_ = 0;  // in this run
  bool is_given_up_ = false;   // an event could go nowhere
  std::vector<Selection> spare_;
  std::vector<Histogram*> filter_latencies_;  // of a whole batch, by filter
  Counter& events_filtered_;
  Counter& events_dropped_;
  Counter& duration_nanoseconds_;  // of whole runs: what workers are busy with
};

}  // namespace logboom
