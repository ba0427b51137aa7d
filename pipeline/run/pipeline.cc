#include "pipeline/run/pipeline.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <optional>

#include "pipeline/base/log.h"
#include "pipeline/run/input_sink.h"
#include "pipeline/run/plan_runner.h"

namespace logboom {
namespace {

constexpr auto kQueueEndLimit = std::chrono::milliseconds(1000);

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace

Pipeline::Pipeline(std::shared_ptr<Plan> plan, PipelineSettings settings, std::unique_ptr<PipelineQueue> queue,
                   MetricScope& metrics)
    : id_(settings.id),
      dead_letters_(settings.dead_letters),
      acknowledge_(settings.acknowledge),
      queue_(std::move(queue)),
      metrics_(metrics),
      ledger_(metrics),
      ledger_keeper_(queue_, ledger_),
      errors_(settings.id, ledger_) {
  auto work = std::make_shared<PlanAtWork>();
  work->number = plan_number_;
  work->plan = std::move(plan);
  work->settings = std::move(settings);
  for (std::size_t i = 0; i < work->plan->outputs.size(); ++i)
    work->buffers.push_back(make_buffer(*work->plan, i, work->settings));
  for (std::size_t i = 0; i < work->plan->inputs.size(); ++i)
    inputs_.push_back(std::make_shared<InputRun>(work->plan->inputs[i], work->plan->input_sites[i], stop_));
  at_work_ = std::move(work);
  ledger_keeper_.keep([this] { return output_lines(Lines::OfMemory); });
}

Pipeline::~Pipeline() {
  if (is_drained_) return;
  abandon();
  drain();
}

std::shared_ptr<const PlanAtWork> Pipeline::at_work() const {
  const std::lock_guard lock(mutex_);
  return at_work_;
}

std::shared_ptr<OutputBuffer> Pipeline::make_buffer(const Plan& plan, std::size_t output, const PipelineSettings& settings) {
  const PluginSite& site = plan.output_sites[output];
  auto made = std::make_shared<OutputBuffer>(*plan.outputs[output], site, settings.output_limits, timer_,
                                             site.is_behind_error ? dead_letters_.get() : failures_of(plan), &ledger_);
  made->go_on_from(ledger_keeper_.before(site.id, made->counted()));
  return made;
}

Result<void> Pipeline::open_disk_buffers() {
  const auto work = at_work();
  const DiskBufferDefaults& defaults = work->settings.disk_buffers;
  if (!defaults.directory.empty()) report_ownerless_buffers(defaults, id_, *work->plan);
  for (std::size_t i = 0; i < work->plan->outputs.size(); ++i) {
    const PluginSite& site = work->plan->output_sites[i];
    if (!site.delivery.buffer.is_on_disk()) continue;
    auto disk = DiskBuffer::open(defaults, id_, site, work->settings.batch_size);
    if (!disk) return Error{disk.error().code, fmt::format("output {}: {}", site.id, disk.error().message)};
    work->buffers[i]->stand_behind(std::move(*disk));
  }
  are_disk_buffers_open_ = true;
  return {};
}

Result<void> Pipeline::start_outputs() {
  if (!are_disk_buffers_open_)
    if (auto opened = open_disk_buffers(); !opened) return opened;
  const auto work = at_work();
  for (; started_outputs_ < work->plan->outputs.size(); ++started_outputs_) {
    auto started = work->plan->outputs[started_outputs_]->start();
    if (started) continue;
    const std::string& id = work->plan->output_sites[started_outputs_].id;
    stop_outputs();
    return Error{started.error().code, fmt::format("output {}: {}", id, started.error().message)};
  }
  for (const auto& buffer : work->buffers) buffer->start();
  return {};
}

void Pipeline::start_workers() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < at_work_->settings.workers; ++i) add_worker(i);
  if (at_work_->plan->error_label) add_worker(kErrorWorker);
}

DeadLetterSink* Pipeline::failures_of(const Plan& plan) {
  if (plan.error_label) return &errors_;
  return dead_letters_.get();
}

std::shared_ptr<EventSink> Pipeline::make_sink(const InputRun& input, const Plan& plan) {
  const PluginSite& site = input.site();
  std::optional<std::string> label;
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    if (plan.inputs[i] != input.input()) continue;
    if (const auto given = plan.input_labels[i]) {
      label = plan.labels[*given].name;
    } else if (plan.has_input_labels) {
      label.emplace();
    }
  }
  return std::make_shared<InputSink>(queue_, acknowledge_, std::move(label), metrics_.counter("events.in"), *site.events_out,
                                     *site.metrics, input.is_listening() ? nullptr : input.open_acks(), input.memory());
}

std::vector<WantedEndpoint> Pipeline::wanted_endpoints(InputRun& input, const Plan& plan) {
  std::vector<WantedEndpoint> wanted;
  for (Endpoint& endpoint : input.take_endpoints())
    wanted.push_back(
        {input.site().id, input.input().get(), input.site().metrics, std::move(endpoint), make_sink(input, plan)});
  return wanted;
}

std::vector<WantedEndpoint> Pipeline::take_endpoints() {
  std::vector<WantedEndpoint> wanted;
  for (const auto& input : inputs_)
    for (WantedEndpoint& endpoint : wanted_endpoints(*input, *at_work_->plan)) wanted.push_back(std::move(endpoint));
  return wanted;
}

void Pipeline::start_input(InputRun& input, std::vector<std::shared_ptr<InputRun>> predecessors) {
  input.start(make_sink(input, *at_work()->plan), std::move(predecessors), [this] {
    if (inputs_ended_ && has_ended_inputs() && !has_told_end_.exchange(true)) inputs_ended_();
  });
}

void Pipeline::start_inputs() {
  std::vector<std::shared_ptr<InputRun>> inputs;
  {
    const std::lock_guard lock(mutex_);
    inputs = inputs_;
  }
  if (inputs.empty() && inputs_ended_) inputs_ended_();
  for (const auto& input : inputs)
    if (!input->is_listening()) start_input(*input, {});
}

bool Pipeline::has_ended_inputs() const {
  if (stop_->is_stopping()) return true;
  const std::lock_guard lock(mutex_);
  return std::all_of(inputs_.begin(), inputs_.end(), [](const auto& input) { return input->has_ended(); });
}

std::size_t Pipeline::live_workers() const {
  const std::lock_guard lock(mutex_);
  std::size_t most = 0;
  for (const auto& worker : workers_)
    if (!worker->is_over && worker->number != kErrorWorker) most = std::max(most, worker->number + 1);
  return most;
}

/// Under the lock.
void Pipeline::add_worker(std::size_t number) {
  std::shared_ptr<Worker> leaving;
  for (const auto& worker : workers_) {
    if (worker->number != number || worker->is_over) continue;
    if (!worker->is_leaving) return;
    leaving = worker;
  }
  const auto worker = std::make_shared<Worker>(number, std::move(leaving));
  workers_.push_back(worker);
  worker->thread = std::thread([this, &worker = *worker] { run_worker(worker); });
}

void Pipeline::run_worker(Worker& worker) {
  {
    std::unique_lock lock(mutex_);
    if (worker.predecessor) workers_changed_.wait(lock, [&] { return worker.predecessor->is_over; });
    worker.predecessor.reset();
  }
  work(worker);
  {
    const std::lock_guard lock(mutex_);
    worker.is_over = true;
  }
  workers_changed_.notify_all();
}

void Pipeline::work(Worker& worker) {
  const std::size_t number = worker.number;
  const bool is_for_errors = number == kErrorWorker;
  name_thread(is_for_errors ? fmt::format("[{}]>errors", id_) : fmt::format("[{}]>worker{}", id_, number));
  PipelineQueue& queue = is_for_errors ? errors_.queue() : *queue_;
  auto current = at_work();
  std::optional<PlanRunner> runner;
  const auto begin = [&] {
    DeadLetterSink* errors = current->plan->error_label ? &errors_ : nullptr;
    runner.emplace(current->plan, number, current->buffers, current->settings.is_ordered, metrics_, dead_letters_.get(),
                   errors);
    {
      const std::lock_guard lock(mutex_);
      worker.plan_number = current->number;
    }
    workers_changed_.notify_all();
  };
  begin();
  auto next_flush = std::chrono::steady_clock::now() + current->settings.flush_interval;
  while (!queue.is_drained() && !leaves(worker)) {
    auto batch = std::make_shared<Batch>();
    const bool has_events = queue.pop(*batch, current->settings.batch_size, current->settings.batch_delay, next_flush);
    if (plan_number_.load() != current->number && !(is_for_errors && !at_work()->plan->error_label)) {
      auto next = at_work();
      runner->flush_gone(*next->plan);
      runner.reset();
      current = std::move(next);
      begin();
    }
    const bool is_flush_due = std::chrono::steady_clock::now() >= next_flush;
    if (is_flush_due) next_flush = std::chrono::steady_clock::now() + current->settings.flush_interval;
    if (has_events || (is_flush_due && runner->wants_flush()))
      runner->run(batch, is_flush_due ? std::optional(FlushKind::Periodic) : std::nullopt);
  }
  if (runner->wants_flush()) runner->run(std::make_shared<Batch>(), FlushKind::Final);
}

/// True when the plan at work wants fewer workers than this one's number; from then on another may be started in its place.
bool Pipeline::leaves(Worker& worker) {
  const std::lock_guard lock(mutex_);
  if (worker.number != kErrorWorker && worker.plan_number == at_work_->number && worker.number >= at_work_->settings.workers)
    worker.is_leaving = true;
  return worker.is_leaving;
}

void Pipeline::request_stop() {
  stop_->request_stop();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& input : inputs_) input->request_stop();
    for (const auto& input : retired_inputs_) input->request_stop();
  }
  workers_changed_.notify_all();
}

void Pipeline::abandon() {
  request_stop();
  if (dead_letters_) dead_letters_->give_up();
  errors_.give_up();
  queue_->discard();
  std::vector<std::shared_ptr<OutputBuffer>> buffers = at_work()->buffers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& retiring : retiring_outputs_) buffers.push_back(retiring->buffer);
  }
  for (const auto& buffer : buffers) buffer->close();
}

void Pipeline::drain(std::chrono::steady_clock::time_point deadline) {
  for (const auto& input : inputs_) input->join();
  for (const auto& input : retired_inputs_) input->join();
  const bool is_asked_for = stop_->is_stopping();  // and no end of the inputs' own
  const auto current = at_work();
  if (is_asked_for && !current->settings.drains_queue) {
    queue_->discard();
  } else {
    queue_->close();
  }
  const auto workers_ended = [&](bool of_errors) {
    std::unique_lock lock(mutex_);
    const auto are_all = [this, of_errors] {
      return std::all_of(workers_.begin(), workers_.end(), [of_errors](const auto& worker) {
        return worker->is_over || (worker->number == kErrorWorker) != of_errors;
      });
    };
    if (deadline == std::chrono::steady_clock::time_point::max()) {
      workers_changed_.wait(lock, are_all);
      return true;
    }
    return workers_changed_.wait_until(lock, deadline, are_all);
  };
  bool is_delivered = workers_ended(false);
  if (is_delivered) {
    join_retiring();  // what they give back goes to the others
    for (const auto& buffer : current->buffers) is_delivered &= buffer->wait_until_idle(deadline);
    for (const auto& retiring : retiring_outputs_) is_delivered &= retiring->buffer->wait_until_idle(deadline);
  }
  if (is_delivered) {
    errors_.queue().close();  // nothing fails any more; what has failed goes through @ERROR
    is_delivered = workers_ended(true);
    for (const auto& buffer : current->buffers) is_delivered = is_delivered && buffer->wait_until_idle(deadline);
  }
  if (!is_delivered) {
    log_warn(id_, "{} events are not delivered in the time that there is for ending; {}", undelivered_events(),
             queue_->keeps_events() ? "the queue keeps them" : "their senders are told so");
    abandon();
  }
  for (const auto& worker : workers_) worker->thread.join();
  workers_.clear();
  for (const auto& buffer : current->buffers) buffer->close();
  for (const auto& retiring : retiring_outputs_) retiring->buffer->close();
  join_retiring();
  stop_outputs();
  for (const auto& buffer : current->buffers) buffer->finish(kQueueEndLimit);
  queue_->finish(kQueueEndLimit);
  is_drained_ = true;
}

void Pipeline::stop_outputs() {
  const auto work = at_work();
  if (work->number > 1) started_outputs_ = work->plan->outputs.size();  // a reload starts all of them
  for (; started_outputs_ > 0; --started_outputs_) work->plan->outputs[started_outputs_ - 1]->stop();
}

LedgerBalance Pipeline::ledger() const { return ledger_keeper_.balance(output_lines(Lines::All)); }

LedgerKeeper::Lines Pipeline::output_lines(Lines wanted) const {
  std::vector<std::shared_ptr<OutputBuffer>> buffers;
  std::vector<std::shared_ptr<OutputBuffer>> retiring;
  {
    const std::lock_guard lock(mutex_);
    buffers = at_work_->buffers;
    for (const auto& output : retiring_outputs_) retiring.push_back(output->buffer);
  }
  LedgerKeeper::Lines lines;
  for (const auto& buffer : buffers)
    if (wanted == Lines::All || !buffer->is_on_disk()) lines.push_back(buffer->balance());
  for (const auto& buffer : retiring) {
    const LedgerBalance::Output line = buffer->balance();
    const auto same = std::find_if(lines.begin(), lines.end(), [&](const auto& other) { return other.id == line.id; });
    if (same == lines.end()) {
      lines.push_back(line);
    } else {  // the counters are the same
      same->buffered += line.buffered;
      same->gap -= static_cast<std::int64_t>(line.buffered);
    }
  }
  return lines;
}

std::shared_ptr<EventSink> Pipeline::replay_sink() {
  MetricScope& scope = metrics_.child("plugins").child("inputs").child("replay");
  return std::make_shared<InputSink>(queue_, AcknowledgeWhen::Delivered, std::nullopt, ledger_.replayed,
                                     scope.counter("events.out"), scope);
}

std::size_t Pipeline::undelivered_events() const {
  std::size_t events = 0;
  for (const LedgerBalance::Output& output : ledger().outputs) events += output.buffered;
  return events;
}

}  // namespace logboom
