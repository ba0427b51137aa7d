#include "pipeline/run/plan_runner.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>

#include "pipeline/base/log.h"
#include "pipeline/event/undecoded.h"
#include "pipeline/run/event_tap.h"
#include "pipeline/run/input_label.h"

namespace logboom {
namespace {

constexpr auto kDeadLetterWait = std::chrono::milliseconds(100);

std::uint64_t nanoseconds_since(std::chrono::steady_clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count());
}

bool is_before(const Event* left, const Event* right) { return left->order < right->order; }

void add_label(const Plan& plan, std::size_t label, std::vector<bool>& is_known, std::vector<std::size_t>& order);

/// Puts every label that a block of outputs leads to before those that are there already. The compiler refused circles.
void add_labels(const Plan& plan, const Block& outputs, std::vector<bool>& is_known, std::vector<std::size_t>& order) {
  for_each_step(outputs, [&](const Step& step) {
    if (const auto* relabel = std::get_if<RelabelStep>(&step)) add_label(plan, relabel->label, is_known, order);
  });
}

void add_label(const Plan& plan, std::size_t label, std::vector<bool>& is_known, std::vector<std::size_t>& order) {
  if (is_known[label]) return;
  is_known[label] = true;
  add_labels(plan, plan.labels[label].outputs, is_known, order);
  order.insert(order.begin(), label);
}

/// The labels that a worker's events can reach, each before those that it leads to.
std::vector<std::size_t> labels_in_flow_order(const Plan& plan, bool is_for_errors) {
  std::vector<bool> is_known(plan.labels.size());
  std::vector<std::size_t> order;
  if (is_for_errors) {
    add_label(plan, *plan.error_label, is_known, order);
  } else {
    add_labels(plan, plan.output_block, is_known, order);
    for (const auto& label : plan.input_labels)
      if (label) add_label(plan, *label, is_known, order);
  }
  return order;
}

}  // namespace

PlanRunner::PlanRunner(std::shared_ptr<const Plan> plan, std::size_t worker,
                       std::vector<std::shared_ptr<OutputBuffer>> outputs, bool is_ordered, MetricScope& metrics,
                       DeadLetterSink* dead_letters, DeadLetterSink* errors)
    : plan_(std::move(plan)),
      worker_(worker),
      filters_(worker == kErrorWorker ? plan_->error_filters : plan_->filters[worker]),
      outputs_(std::move(outputs)),
      is_event_by_event_(is_ordered && plan_->has_state_across_filters),
      is_for_errors_(worker == kErrorWorker),
      label_order_(labels_in_flow_order(*plan_, is_for_errors_)),
      dead_letters_(dead_letters),
      failures_(errors != nullptr ? errors : dead_letters),
      ledger_(metrics),
      events_filtered_(metrics.counter("events.filtered")),
      events_dropped_(metrics.counter("events.dropped")),
      duration_nanoseconds_(metrics.counter("events.duration_nanoseconds")) {
  for (const PluginSite& site : plan_->filter_sites) filter_latencies_.push_back(&site.metrics->histogram("latency"));
  for (const auto& filter : filters_) wants_flush_ |= filter->wants_flush();
  condition_scratch_.failures = plan_->condition_failures;
  if (failures_ != nullptr) condition_scratch_.failure = &condition_failure_;
}

PlanRunner::Selection PlanRunner::borrow() {
  if (spare_.empty()) return {};
  Selection selection = std::move(spare_.back());
  spare_.pop_back();
  selection.clear();
  return selection;
}

void PlanRunner::give_back(Selection selection) { spare_.push_back(std::move(selection)); }

bool PlanRunner::run(const BatchPtr& batch, std::optional<FlushKind> flush) {
  const auto start = std::chrono::steady_clock::now();
  batch->keep(plan_);
  batch_ = batch;
  created_ = 0;
  is_given_up_ = false;
  dropped_.clear();
  if (failures_ != nullptr) dead_letter_undecoded(*batch);
  Selection events = borrow();
  events = batch->events();
  bool is_delivered = true;
  if (is_for_errors_) {
    is_delivered = run_label(batch, plan_->labels[*plan_->error_label], events, std::nullopt);
  } else {
    auto routed = take_labelled(events);
    is_delivered = run_main(batch, events, flush);
    is_delivered &= run_labelled(batch, routed);
  }
  give_back(std::move(events));
  if (flush && wants_flush_) is_delivered &= flush_labels(batch, *flush);
  if (created_ > 0) ledger_.created.add(created_);
  batch_.reset();
  duration_nanoseconds_.add(nanoseconds_since(start));
  return is_delivered && !is_given_up_;
}

/// The events go through the pipeline's own filters and outputs.
bool PlanRunner::run_main(const BatchPtr& batch, Selection& events, std::optional<FlushKind> flush) {
  const std::size_t others = batch->size() - events.size();
  filter_all(*batch, plan_->filter_block, events, flush);
  events_dropped_.add(dropped_.size());
  events_filtered_.add(events.size());
  complete_dropped();
  dropped_.clear();

  // The worker itself holds every event until all outputs have it, so that the first outcome completes nothing early.
  for (Event* event : events) event->open_outcomes.store(1, std::memory_order_relaxed);
  if (others == 0) batch->events() = events;
  const bool is_delivered = deliver(batch, plan_->output_block, events);
  if (is_delivered) finish(events);
  return is_delivered;
}

/// Takes out the events that go to a label from where they come in.
std::vector<std::pair<std::size_t, PlanRunner::Selection>> PlanRunner::take_labelled(Selection& events) {
  std::vector<std::pair<std::size_t, Selection>> routed;
  if (!plan_->has_input_labels) return routed;
  std::erase_if(events, [&](Event* event) {
    const std::optional<std::size_t> label = label_of_input(*event, *plan_);
    if (!label) return false;
    auto taken = std::find_if(routed.begin(), routed.end(), [&](const auto& entry) { return entry.first == *label; });
    if (taken == routed.end()) taken = routed.insert(routed.end(), {*label, borrow()});
    taken->second.push_back(event);
    return true;
  });
  return routed;
}

bool PlanRunner::run_labelled(const BatchPtr& batch, std::vector<std::pair<std::size_t, Selection>>& routed) {
  bool is_delivered = true;
  for (auto& [label, events] : routed) {
    is_delivered &= run_label(batch, plan_->labels[label], events, std::nullopt);
    give_back(std::move(events));
  }
  return is_delivered;
}

/// Filters that share state must see one event's whole way before the next event's.
void PlanRunner::filter_all(Batch& batch, const Block& block, Selection& events, std::optional<FlushKind> flush) {
  if (!is_event_by_event_) return filter(batch, block, events, flush);
  Selection all = borrow();
  all.swap(events);
  Selection one = borrow();
  for (Event* event : all) {
    one.assign(1, event);
    filter(batch, block, one, std::nullopt);
    events.insert(events.end(), one.begin(), one.end());
  }
  one.clear();
  if (flush) filter(batch, block, one, flush);
  events.insert(events.end(), one.begin(), one.end());
  give_back(std::move(one));
  give_back(std::move(all));
}

bool PlanRunner::flush_gone(const Plan& next) {
  const auto goes_on = [&](const std::shared_ptr<Filter>& filter) {
    if (worker_ >= next.filters.size()) return false;  // @ERROR's are made anew by each plan
    const auto& others = next.filters[worker_];
    return std::find(others.begin(), others.end(), filter) != others.end();
  };
  std::vector<bool> gone(filters_.size());
  bool is_needed = false;
  for (std::size_t i = 0; i < filters_.size(); ++i) {
    gone[i] = filters_[i]->wants_flush() && !goes_on(filters_[i]);
    is_needed |= gone[i];
  }
  if (!is_needed) return true;
  flushed_ = &gone;
  const bool is_delivered = run(std::make_shared<Batch>(), FlushKind::Final);
  flushed_ = nullptr;
  return is_delivered;
}

void PlanRunner::filter(Batch& batch, const Block& block, Selection& events, std::optional<FlushKind> flush) {
  for (const Step& step : block.steps) {
    if (events.empty() && !flush) return;
    if (const auto* one = std::get_if<FilterStep>(&step)) {
      apply_filter(batch, one->filter, events, flush);
    } else if (const auto* choice = std::get_if<std::unique_ptr<IfStep>>(&step)) {
      filter_if(batch, **choice, events, flush);
    }
  }
}

void PlanRunner::apply_filter(Batch& batch, std::size_t number, Selection& events, std::optional<FlushKind> flush) {
  const PluginSite& site = plan_->filter_sites[number];
  const auto start = std::chrono::steady_clock::now();
  const std::size_t taken = events.size();
  const std::size_t dropped_before = dropped_.size();
  site.events_in->add(taken);
  if (EventTap::is_any()) EventTap::show(site.metrics, TapSide::In, events);
  FilterBatch work{batch, events, dropped_, failures_ != nullptr ? &failed_ : nullptr};
  if (!events.empty()) filters_[number]->apply(work);
  if (flush && (flushed_ == nullptr || (*flushed_)[number])) flush_filter(number, work, *flush);
  site.events_out->add(events.size());
  if (EventTap::is_any()) EventTap::show(site.metrics, TapSide::Out, events);
  created_ += events.size() + dropped_.size() - dropped_before + failed_.size() - taken;
  if (!failed_.empty()) dead_letter_failed(site);
  const std::uint64_t nanoseconds = nanoseconds_since(start);
  site.duration_nanoseconds->add(nanoseconds);
  if (taken > 0) filter_latencies_[number]->observe(std::chrono::nanoseconds(nanoseconds));
}

void PlanRunner::flush_filter(std::size_t number, FilterBatch& work, FlushKind flush) {
  try {
    filters_[number]->flush(work, flush);
  } catch (const std::exception& problem) {
    log_error(plan_->filter_sites[number].id, "the filter failed while it gave held events back: {}", problem.what());
  }
}

void PlanRunner::split(const Condition& condition, const Selection& events, Selection& taken, Selection& rest,
                       bool is_frozen) {
  if (failures_ == nullptr) {
    for (Event* event : events) (condition.evaluate(*event, condition_scratch_) ? taken : rest).push_back(event);
    return;
  }
  for (Event* event : events) {
    condition_failure_.clear();
    const bool is_true = condition.evaluate(*event, condition_scratch_);
    if (condition_failure_.empty()) {
      (is_true ? taken : rest).push_back(event);
    } else {
      const std::string reason = condition_failure_;
      dead_letter(event, {"if-statement", "if-statement", reason}, is_frozen);
    }
  }
}

/// What codecs could not decode does not enter the pipeline.
void PlanRunner::dead_letter_undecoded(Batch& batch) {
  std::erase_if(batch.events(), [this](Event* event) {
    const auto why = take_undecoded(*event);
    if (why) dead_letter(event, {why->codec, why->id, why->reason}, false);
    return why.has_value();
  });
}

void PlanRunner::dead_letter_failed(const PluginSite& site) {
  for (const FailedEvent& failed : failed_) dead_letter(failed.event, {site.name, site.id, failed.reason}, false);
  failed_.clear();
}

/// `is_frozen`: outputs may hold the event already, and what becomes of it there counts for the ledger.
void PlanRunner::dead_letter(Event* event, const DeadLetterCause& cause, bool is_frozen) {
  if (is_frozen) {
    event->open_outcomes.fetch_add(1, std::memory_order_relaxed);
  } else {
    event->open_outcomes.store(1, std::memory_order_relaxed);
  }
  const auto finished = [batch = batch_, event,
                         &counter = is_frozen || failures_->leads_on() ? ledger_.completed : ledger_.dead_lettered] {
    if (const std::size_t count = OutputBuffer::finish_events({&event, 1}); count > 0) counter.add(count);
  };
  for (;;) {
    const auto taken = failures_->put(*event, cause, [finished](bool is_safe) {
      if (is_safe) finished();
    });
    if (taken == DeadLetterSink::Taken::Taken) return;
    if (taken == DeadLetterSink::Taken::Dropped) return finished();
    if (!failures_->wait_until_writable(kDeadLetterWait)) break;
  }
  is_given_up_ = true;  // it stays unfinished: its token will say NotDelivered
}

void PlanRunner::complete_dropped() {
  Batch::complete(dropped_);
  if (!dropped_.empty()) ledger_.dropped.add(dropped_.size());
}

void PlanRunner::finish(std::span<Event* const> events) {
  if (const std::size_t finished = OutputBuffer::finish_events(events); finished > 0) ledger_.completed.add(finished);
}

void PlanRunner::filter_if(Batch& batch, const IfStep& step, Selection& events, std::optional<FlushKind> flush) {
  Selection rest = borrow();
  rest.swap(events);
  Selection merged = borrow();
  const auto run_branch = [&](const Block& body, Selection& taken) {
    filter(batch, body, taken, flush);
    // Events keep their places; of the children of one event those of the earlier branch come first.
    if (merged.empty()) {
      merged.swap(taken);
    } else if (!taken.empty()) {
      Selection both = borrow();
      std::merge(merged.begin(), merged.end(), taken.begin(), taken.end(), std::back_inserter(both), is_before);
      merged.swap(both);
      give_back(std::move(both));
    }
  };
  for (const auto& branch : step.branches) {
    if (rest.empty() && !flush) break;
    Selection taken = borrow();
    Selection left = borrow();
    split(branch.condition, rest, taken, left, false);
    rest.swap(left);
    give_back(std::move(left));
    run_branch(branch.body, taken);
    give_back(std::move(taken));
  }
  run_branch(step.otherwise, rest);
  events.swap(merged);
  give_back(std::move(rest));
  give_back(std::move(merged));
}

bool PlanRunner::deliver(const BatchPtr& batch, const Block& block, const Selection& events) {
  bool is_delivered = true;
  for (const Step& step : block.steps) {
    if (events.empty()) break;
    if (const auto* one = std::get_if<OutputStep>(&step)) {
      for (Event* event : events) event->open_outcomes.fetch_add(1, std::memory_order_relaxed);
      const auto start = std::chrono::steady_clock::now();
      if (EventTap::is_any()) EventTap::show(plan_->output_sites[one->output].metrics, TapSide::In, events);
      is_delivered &= outputs_[one->output]->deliver(batch, events);
      plan_->output_sites[one->output].duration_nanoseconds->add(nanoseconds_since(start));
    } else if (const auto* label = std::get_if<RelabelStep>(&step)) {
      is_delivered &= relabel(batch, plan_->labels[label->label], events);
    } else {
      is_delivered &= deliver_if(batch, *std::get<std::unique_ptr<IfStep>>(step), events);
    }
  }
  return is_delivered;
}

bool PlanRunner::deliver_if(const BatchPtr& batch, const IfStep& step, const Selection& events) {
  bool is_delivered = true;
  Selection rest = borrow();
  rest = events;
  for (const auto& branch : step.branches) {
    Selection taken = borrow();
    Selection left = borrow();
    split(branch.condition, rest, taken, left, true);
    rest.swap(left);
    give_back(std::move(left));
    is_delivered &= deliver(batch, branch.body, taken);
    give_back(std::move(taken));
  }
  is_delivered &= deliver(batch, step.otherwise, rest);
  give_back(std::move(rest));
  return is_delivered;
}

/// Labels change events, and outputs may hold the originals: the label's chain gets copies.
bool PlanRunner::relabel(const BatchPtr& batch, const PlannedLabel& label, const Selection& events) {
  Selection copies = borrow();
  for (const Event* event : events) copies.push_back(batch->clone(*event));
  created_ += copies.size();
  const bool is_delivered = run_label(batch, label, copies, std::nullopt);
  give_back(std::move(copies));
  return is_delivered;
}

/// The events are the label's own: nobody else holds them.
bool PlanRunner::run_label(const BatchPtr& batch, const PlannedLabel& label, Selection& events,
                           std::optional<FlushKind> flush) {
  DeadLetterSink* const failures_outside = failures_;
  if (label.is_behind_error) failures_ = dead_letters_;
  Selection dropped_outside;
  dropped_outside.swap(dropped_);
  filter_all(*batch, label.filters, events, flush);
  complete_dropped();
  dropped_.swap(dropped_outside);
  for (Event* event : events) event->open_outcomes.store(1, std::memory_order_relaxed);
  const bool is_delivered = deliver(batch, label.outputs, events);
  if (is_delivered) finish(events);
  failures_ = failures_outside;
  return is_delivered;
}

/// What filters inside labels held back goes on through their labels. All events of the batch are behind that.
bool PlanRunner::flush_labels(const BatchPtr& batch, FlushKind flush) {
  bool is_delivered = true;
  for (const std::size_t number : label_order_) {
    Selection events = borrow();
    is_delivered &= run_label(batch, plan_->labels[number], events, flush);
    give_back(std::move(events));
  }
  return is_delivered;
}

}  // namespace logboom
