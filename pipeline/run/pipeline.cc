#include "pipeline/run/pipeline.h"

#include <fmt/format.h>
#include <pthread.h>

#include "pipeline/base/log.h"
#include "pipeline/base/one_time_signal.h"
#include "pipeline/run/input_label.h"
#include "pipeline/run/plan_runner.h"

namespace logboom {
namespace {

constexpr auto kStopCheckInterval = std::chrono::milliseconds(50);
constexpr auto kQueueEndLimit = std::chrono::milliseconds(1000);
constexpr auto kInputRestartPause = std::chrono::seconds(1);

constexpr std::pair<const char*, std::uint64_t LedgerBalance::*> kKeptParts[] = {
    {"ledger.received", &LedgerBalance::received},
    {"ledger.replayed", &LedgerBalance::replayed},
    {"ledger.created", &LedgerBalance::created},
    {"ledger.dropped", &LedgerBalance::dropped},
    {"ledger.dead_lettered", &LedgerBalance::dead_lettered},
    {"ledger.finished", &LedgerBalance::finished}};

void count_blocked(Counter& microseconds, std::chrono::steady_clock::time_point since) {
  const auto waited = std::chrono::steady_clock::now() - since;
  microseconds.add(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(waited).count()));
}

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace

/// What one input sees of the pipeline. Shared with sessions, so it may outlive the pipeline: then it is stopping.
class Pipeline::Sink final : public EventSink, public std::enable_shared_from_this<Sink> {
 public:
  /// `label`: where its events go; empty: the pipeline's own way; nullopt: they are not looked at.
  Sink(std::shared_ptr<PipelineQueue> queue, std::shared_ptr<StopSignal> stop, AcknowledgeWhen acknowledge,
       std::optional<std::string> label, Counter& pipeline_in, Counter& input_out, MetricScope& input)
      : queue_(std::move(queue)),
        stop_(std::move(stop)),
        acknowledge_(acknowledge),
        label_(std::move(label)),
        pipeline_in_(pipeline_in),
        input_out_(input_out),
        latency_(input.histogram("ack_latency")),
        blocked_microseconds_(input.counter("blocked_microseconds")) {}

  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp::now(system_clock()));
  }

  bool try_push(ChunkPtr& chunk) override {
    AckToken& token = chunk->token();
    const std::size_t events = chunk->events().size();
    if (!token.is_armed()) {
      if (label_) note_input_label(*chunk, *label_);
      queue_->adopt(*chunk, &latency_);
      token.arm(events);
    }
    std::shared_ptr<AckReceiver> told_early;
    if (acknowledge_ == AcknowledgeWhen::Queued) told_early = token.release_receiver();
    if (!queue_->try_push(chunk)) {
      if (told_early) token.set_receiver(std::move(told_early), AckTracking::Whole);
      return false;
    }
    if (told_early && events > 0) told_early->finished(AckResult::Delivered);
    pipeline_in_.add(events);
    input_out_.add(events);
    return true;
  }

  bool push(ChunkPtr chunk, StopSignal& stop) override {
    while (!try_push(chunk)) {
      if (is_stopping() || stop.is_stopping()) return false;
      const auto blocked_since = std::chrono::steady_clock::now();
      const auto room = std::make_shared<OneTimeSignal>();
      queue_->call_when_room([room] { room->give(); });
      while (!stop.is_stopping() && !room->wait_for(kStopCheckInterval)) continue;
      count_blocked(blocked_microseconds_, blocked_since);
    }
    return true;
  }

  void call_when_room(std::function<void()> callback) override {
    const auto since = std::chrono::steady_clock::now();
    queue_->call_when_room([callback = std::move(callback), since, &microseconds = blocked_microseconds_] {
      count_blocked(microseconds, since);
      callback();
    });
  }
  bool is_stopping() const override { return queue_->is_closed(); }
  std::shared_ptr<EventSink> share() override { return shared_from_this(); }

 private:
  std::shared_ptr<PipelineQueue> queue_;
  std::shared_ptr<StopSignal> stop_;
  const AcknowledgeWhen acknowledge_;
  const std::optional<std::string> label_;
  Counter& pipeline_in_;
  Counter& input_out_;
  Histogram& latency_;  // from the hand-over to the end of a chunk
  Counter& blocked_microseconds_;
};

Pipeline::Pipeline(std::shared_ptr<Plan> plan, PipelineSettings settings, std::unique_ptr<PipelineQueue> queue,
                   MetricScope& metrics)
    : plan_(std::move(plan)), settings_(std::move(settings)), queue_(std::move(queue)), metrics_(metrics), ledger_(metrics) {
  if (plan_->error_label) errors_ = std::make_unique<ErrorRoute>(settings_.id, ledger_);
  for (std::size_t i = 0; i < plan_->outputs.size(); ++i) {
    const PluginSite& site = plan_->output_sites[i];
    DeadLetterSink* sink = site.is_behind_error ? settings_.dead_letters.get() : failures();
    buffers_.push_back(
        std::make_shared<OutputBuffer>(*plan_->outputs[i], site, settings_.output_limits, timer_, sink, &ledger_));
  }
  recover_ledger();
  for (const auto& input : plan_->inputs) endpoints_.push_back(input->endpoints());
  open_inputs_ = plan_->inputs.size();
}

Pipeline::~Pipeline() {
  if (is_drained_) return;
  abandon();
  drain();
}

Result<void> Pipeline::open_disk_buffers() {
  if (!settings_.disk_buffers.directory.empty()) report_ownerless_buffers(settings_.disk_buffers, settings_.id, *plan_);
  for (std::size_t i = 0; i < plan_->outputs.size(); ++i) {
    const PluginSite& site = plan_->output_sites[i];
    if (!site.delivery.buffer.is_on_disk()) continue;
    auto disk = DiskBuffer::open(settings_.disk_buffers, settings_.id, site, settings_.batch_size);
    if (!disk) return Error{disk.error().code, fmt::format("output {}: {}", site.id, disk.error().message)};
    buffers_[i]->stand_behind(std::move(*disk));
  }
  return {};
}

Result<void> Pipeline::start_outputs() {
  if (auto opened = open_disk_buffers(); !opened) return opened;
  for (; started_outputs_ < plan_->outputs.size(); ++started_outputs_) {
    auto started = plan_->outputs[started_outputs_]->start();
    if (started) continue;
    const std::string& id = plan_->output_sites[started_outputs_].id;
    stop_outputs();
    return Error{started.error().code, fmt::format("output {}: {}", id, started.error().message)};
  }
  for (const auto& buffer : buffers_) buffer->start();
  return {};
}

void Pipeline::start_workers() {
  running_workers_ = settings_.workers;
  for (std::size_t i = 0; i < settings_.workers; ++i) workers_.emplace_back([this, i] { run_worker(i); });
  is_error_worker_running_ = errors_ != nullptr;
  if (errors_) error_worker_ = std::thread([this] { run_worker(kErrorWorker); });
}

DeadLetterSink* Pipeline::failures() const {
  if (errors_) return errors_.get();
  return settings_.dead_letters.get();
}

std::shared_ptr<Pipeline::Sink> Pipeline::make_sink(std::size_t input) {
  std::optional<std::string> label;
  if (const auto given = plan_->input_labels[input]) {
    label = plan_->labels[*given].name;
  } else if (plan_->has_input_labels) {
    label.emplace();
  }
  return std::make_shared<Sink>(queue_, stop_, settings_.acknowledge, std::move(label), metrics_.counter("events.in"),
                                *plan_->input_sites[input].events_out, *plan_->input_sites[input].metrics);
}

std::vector<WantedEndpoint> Pipeline::take_endpoints() {
  std::vector<WantedEndpoint> wanted;
  for (std::size_t i = 0; i < endpoints_.size(); ++i)
    for (Endpoint& endpoint : endpoints_[i])
      wanted.push_back({plan_->input_sites[i].id, plan_->input_sites[i].metrics, std::move(endpoint), make_sink(i)});
  return wanted;
}

void Pipeline::start_inputs() {
  if (plan_->inputs.empty() && inputs_ended_) inputs_ended_();
  for (std::size_t i = 0; i < plan_->inputs.size(); ++i)
    if (endpoints_[i].empty()) input_threads_.emplace_back([this, i] { run_input(i); });
}

void Pipeline::run_input(std::size_t number) {
  const std::string& id = plan_->input_sites[number].id;
  name_thread("<" + plan_->input_sites[number].name);
  const auto sink = make_sink(number);
  while (!stop_->is_stopping()) {
    const auto ended = plan_->inputs[number]->run(*sink, *stop_);
    if (ended) break;
    log_error(id, "{}; trying again in a second", ended.error().message);
    stop_->wait_for(kInputRestartPause);
  }
  input_ended();
}

void Pipeline::input_ended() {
  if (open_inputs_.fetch_sub(1) == 1 && inputs_ended_) inputs_ended_();
}

void Pipeline::run_worker(std::size_t number) {
  work(number);
  {
    const std::lock_guard lock(ends_mutex_);
    if (number == kErrorWorker) {
      is_error_worker_running_ = false;
    } else {
      --running_workers_;
    }
  }
  ended_.notify_all();
}

void Pipeline::work(std::size_t number) {
  const bool is_for_errors = number == kErrorWorker;
  name_thread(is_for_errors ? fmt::format("[{}]>errors", settings_.id) : fmt::format("[{}]>worker{}", settings_.id, number));
  PipelineQueue& queue = is_for_errors ? errors_->queue() : *queue_;
  PlanRunner runner(plan_, number, buffers_, settings_.is_ordered, metrics_, settings_.dead_letters.get(), errors_.get());
  auto next_flush = std::chrono::steady_clock::now() + settings_.flush_interval;
  while (!queue.is_drained()) {
    auto batch = std::make_shared<Batch>();
    const bool has_events = queue.pop(*batch, settings_.batch_size, settings_.batch_delay, next_flush);
    const bool is_flush_due = std::chrono::steady_clock::now() >= next_flush;
    if (is_flush_due) next_flush = std::chrono::steady_clock::now() + settings_.flush_interval;
    if (is_flush_due && number == 0) keep_ledger();
    if (has_events || (is_flush_due && runner.wants_flush()))
      runner.run(batch, is_flush_due ? std::optional(FlushKind::Periodic) : std::nullopt);
  }
  if (runner.wants_flush()) runner.run(std::make_shared<Batch>(), FlushKind::Final);
}

void Pipeline::request_stop() { stop_->request_stop(); }

void Pipeline::abandon() {
  stop_->request_stop();
  if (settings_.dead_letters) settings_.dead_letters->give_up();
  if (errors_) errors_->give_up();
  queue_->discard();
  for (const auto& buffer : buffers_) buffer->close();
}

void Pipeline::drain(std::chrono::steady_clock::time_point deadline) {
  for (std::thread& thread : input_threads_) thread.join();
  input_threads_.clear();
  const bool is_asked_for = stop_->is_stopping();  // and no end of the inputs' own
  if (is_asked_for && !settings_.drains_queue) {
    queue_->discard();
  } else {
    queue_->close();
  }
  bool is_delivered = wait_for_end([this] { return running_workers_ == 0; }, deadline);
  if (is_delivered)
    for (const auto& buffer : buffers_) is_delivered &= buffer->wait_until_idle(deadline);
  if (is_delivered && errors_) is_delivered = drain_errors(deadline);
  if (!is_delivered) {
    log_warn(settings_.id, "{} events are not delivered in the time that there is for ending; {}", undelivered_events(),
             queue_->keeps_events() ? "the queue keeps them" : "their senders are told so");
    abandon();
  }
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  if (error_worker_.joinable()) error_worker_.join();
  for (const auto& buffer : buffers_) buffer->close();
  stop_outputs();
  for (const auto& buffer : buffers_) buffer->finish(kQueueEndLimit);
  keep_ledger();
  queue_->finish(kQueueEndLimit);
  is_drained_ = true;
}

/// Nothing fails any more; what has failed goes through @ERROR.
bool Pipeline::drain_errors(std::chrono::steady_clock::time_point deadline) {
  errors_->queue().close();
  bool is_delivered = wait_for_end([this] { return !is_error_worker_running_; }, deadline);
  if (is_delivered)
    for (const auto& buffer : buffers_) is_delivered &= buffer->wait_until_idle(deadline);
  return is_delivered;
}

bool Pipeline::wait_for_end(const std::function<bool()>& has_ended, std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(ends_mutex_);
  if (deadline != std::chrono::steady_clock::time_point::max()) return ended_.wait_until(lock, deadline, has_ended);
  ended_.wait(lock, has_ended);
  return true;
}

void Pipeline::stop_outputs() {
  for (; started_outputs_ > 0; --started_outputs_) plan_->outputs[started_outputs_ - 1]->stop();
}

LedgerBalance Pipeline::ledger() const {
  LedgerBalance balance = read_ledger(ledger_, queue_->fill().events, queue_->lost_events(), ledger_before_);
  for (const auto& buffer : buffers_) balance.outputs.push_back(buffer->balance());
  return balance;
}

void Pipeline::recover_ledger() {
  if (!queue_->keeps_events()) return;
  LedgerBalance kept;
  for (const auto& [name, part] : kKeptParts) kept.*part = queue_->kept_number(name);
  ledger_before_ = recovered_ledger(kept, queue_->taken_events(), queue_->fill().events, queue_->lost_events());
}

void Pipeline::keep_ledger() {
  if (!queue_->keeps_events()) return;
  const LedgerBalance now = ledger();
  const std::uint64_t sum = now.received + now.replayed + now.created + now.dropped + now.dead_lettered + now.finished;
  if (sum == ledger_kept_) return;
  ledger_kept_ = sum;
  for (const auto& [name, part] : kKeptParts) queue_->keep_number(name, now.*part);
}

std::shared_ptr<EventSink> Pipeline::replay_sink() {
  MetricScope& scope = metrics_.child("plugins").child("inputs").child("replay");
  return std::make_shared<Sink>(queue_, stop_, AcknowledgeWhen::Delivered, std::nullopt, ledger_.replayed,
                                scope.counter("events.out"), scope);
}

std::size_t Pipeline::undelivered_events() const {
  std::size_t events = 0;
  for (const auto& buffer : buffers_) events += buffer->undelivered_events();
  return events;
}

}  // namespace logboom
