#include "server/pipelines/running_pipeline.h"

#include <algorithm>

#include "pipeline/base/log.h"
#include "server/dead_letters/settings.h"
#include "server/pipeline_queue.h"

namespace logboom {
namespace {

constexpr auto kDrainLogInterval = std::chrono::seconds(5);
constexpr auto kLongestSessionEnd = std::chrono::milliseconds(10'000);

/// Of the time that a pipeline has for its end, what its sessions may take.
std::chrono::milliseconds session_limit(std::chrono::milliseconds end_limit) {
  return std::min(kLongestSessionEnd, end_limit / 3);
}

}  // namespace

std::string_view pipeline_state_name(PipelineState state) {
  switch (state) {
    case PipelineState::Starting: return "starting";
    case PipelineState::Running: return "running";
    case PipelineState::Stopping: return "stopping";
    case PipelineState::Failed: return "failed";
    case PipelineState::Finished: return "finished";
  }
  return "unknown";
}

RunningPipeline::RunningPipeline(WantedPipeline wanted, MetricScope& metrics)
    : id_(std::move(wanted.id)), metrics_(metrics), settings_(std::move(wanted.settings)) {}

RunningPipeline::~RunningPipeline() {
  if (drainer_.joinable()) {
    abandon();
    drainer_.join();
  }
  endpoints_.clear();
  pipeline_.reset();
}

PipelineState RunningPipeline::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::string RunningPipeline::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

std::shared_ptr<Pipeline> RunningPipeline::pipeline() const {
  const std::lock_guard lock(mutex_);
  return pipeline_;
}

std::shared_ptr<DeadLetterQueue> RunningPipeline::dead_letters() const {
  const std::lock_guard lock(mutex_);
  return dead_letters_;
}

Settings RunningPipeline::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

std::string RunningPipeline::config_hash() const {
  const std::lock_guard lock(mutex_);
  return config_hash_;
}

ReloadCounts RunningPipeline::reloads() const {
  const std::lock_guard lock(mutex_);
  return reloads_;
}

std::chrono::system_clock::time_point RunningPipeline::started_at() const {
  const std::lock_guard lock(mutex_);
  return started_at_;
}

void RunningPipeline::set_state(PipelineState state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
}

bool RunningPipeline::waits_for_disk() const {
  const std::lock_guard lock(mutex_);
  return state_ == PipelineState::Starting && !problem_.empty();
}

void RunningPipeline::fail(std::string problem) {
  std::shared_ptr<DeadLetterQueue> released;  // whoever takes this one's place opens it again
  const std::lock_guard lock(mutex_);
  state_ = PipelineState::Failed;
  problem_ = std::move(problem);
  released.swap(dead_letters_);
}

Error RunningPipeline::refuse(Error error) {
  endpoints_.clear();
  log_error(id_, "the pipeline does not start: {}", error.message);
  fail(error.message);
  return error;
}

/// What keeps a directory from being read and written may be over in a moment: no space, no descriptors, a disk that is away
/// or read-only. Anything else somebody has to repair.
Error RunningPipeline::refuse_files(Error error) {
  if (error.code != ErrorCode::Io && error.code != ErrorCode::Full) return refuse(std::move(error));
  log_error(id_, "the pipeline does not start: {}; what is there stays, and it is tried again", error.message);
  const std::lock_guard lock(mutex_);
  state_ = PipelineState::Starting;
  problem_ = error.message;
  return error;
}

Result<void> RunningPipeline::open_dead_letters() {
  const Settings settings = this->settings();
  if (!settings.boolean("dead_letter_queue.enable") || dead_letters()) return {};
  auto options = dead_letter_options(settings, id_);
  if (!options) return refuse(options.error());
  options->metrics = &metrics_.child("dead_letter_queue");
  auto opened = DeadLetterQueue::open(std::move(*options));
  if (!opened)
    return refuse_files(
        {opened.error().code, fmt::format("its dead-letter queue cannot be opened: {}", opened.error().message)});
  const std::lock_guard lock(mutex_);
  dead_letters_ = std::move(*opened);
  return {};
}

Result<void> RunningPipeline::start(CompiledPipeline compiled, const std::function<NetworkThreads&()>& network,
                                    std::function<void()> changed) {
  const Settings settings = this->settings();
  changed_ = std::move(changed);
  PipelineSettings& run = compiled.run;
  run.dead_letters = dead_letters();
  auto disk_buffers = disk_buffer_defaults(settings);
  if (!disk_buffers) return refuse(disk_buffers.error());
  run.disk_buffers = std::move(*disk_buffers);
  auto queue = make_pipeline_queue(id_, settings, run.workers * run.batch_size, metrics_);
  if (!queue) return refuse_files(queue.error());
  const auto pipeline = std::make_shared<Pipeline>(std::move(compiled.plan), run, std::move(*queue), metrics_);
  end_limit_ = end_limit(settings);
  if (auto opened = pipeline->open_disk_buffers(); !opened) return refuse_files(opened.error());
  if (auto started = pipeline->start_outputs(); !started) return refuse(started.error());
  auto wanted = pipeline->take_endpoints();
  pipeline->start_workers();
  for (WantedEndpoint& endpoint : wanted)
    if (auto opened = endpoints_.open(network(), std::move(endpoint)); !opened) return refuse(opened.error());
  pipeline->on_inputs_ended(changed_);
  pipeline->start_inputs();
  log_info(id_, "pipeline started: {} worker{}, batches of {}, {}, {}", run.workers, run.workers == 1 ? "" : "s",
           run.batch_size, run.is_ordered ? "ordered" : "unordered",
           promise(settings, run.acknowledge == AcknowledgeWhen::Delivered));
  fingerprint_ = std::move(compiled.fingerprint);
  const std::lock_guard lock(mutex_);
  pipeline_ = pipeline;
  problem_.clear();
  config_hash_ = std::move(compiled.config_hash);
  state_ = PipelineState::Running;
  started_at_ = std::chrono::system_clock::now();
  return {};
}

PlanDonor RunningPipeline::donor() const {
  const auto pipeline = this->pipeline();
  if (!pipeline || state() != PipelineState::Running) return {};
  return {pipeline->plan(), pipeline->live_workers()};
}

Result<void> RunningPipeline::reload(const WantedPipeline& wanted, CompiledPipeline compiled,
                                     const std::function<NetworkThreads&()>& network) {
  compiled.run.dead_letters = dead_letters();
  const auto plan = compiled.plan;
  auto change = pipeline_->prepare(plan, compiled.run);
  if (!change) return change.error();
  std::vector<const Input*> goes_on;
  for (std::size_t i = 0; i < plan->inputs.size(); ++i)
    if (!(*change)->is_new_input[i]) goes_on.push_back(plan->inputs[i].get());
  ServedEndpoints::Change sockets;
  if (!(*change)->endpoints.empty()) {
    auto prepared = endpoints_.prepare(network(), goes_on, std::move((*change)->endpoints));
    if (!prepared) return prepared.error();
    sockets = std::move(*prepared);
  }
  pipeline_->apply(std::move(*change));
  endpoints_.apply(std::move(sockets), goes_on);
  end_limit_ = end_limit(wanted.settings);
  fingerprint_ = std::move(compiled.fingerprint);
  const std::lock_guard lock(mutex_);
  settings_ = wanted.settings;
  config_hash_ = std::move(compiled.config_hash);
  return {};
}

void RunningPipeline::carry_on(const ReloadCounts& earlier) {
  const std::lock_guard lock(mutex_);
  reloads_ = earlier;
}

void RunningPipeline::note_reload(const Result<void>& outcome) {
  const std::lock_guard lock(mutex_);
  if (outcome) {
    ++reloads_.successes;
    reloads_.last_success = std::chrono::system_clock::now();
  } else {
    ++reloads_.failures;
    reloads_.last_failure = std::chrono::system_clock::now();
    reloads_.last_error = outcome.error().message;
  }
}

void RunningPipeline::request_stop() {
  if (stopping_since_) return;
  stopping_since_ = std::chrono::steady_clock::now();
  next_report_ = *stopping_since_ + kDrainLogInterval;
  if (!pipeline_ || has_drained_) return;
  set_state(PipelineState::Stopping);
  pipeline_->request_stop();
}

void RunningPipeline::end_inputs() {
  if (pipeline_ && !has_drained_) pipeline_->request_stop();
}

void RunningPipeline::look_after() {
  if (dead_letters_) dead_letters_->expire();
  if (!pipeline_ || has_drained_) return;
  const auto now = std::chrono::steady_clock::now();
  if (!drainer_.joinable()) {
    endpoints_.sweep();
    pipeline_->sweep();
  }
  stalled_milliseconds_ = drainer_.joinable() || stopping_since_ ? 0 : workers_.look(*pipeline_, now).count();
  if (!drainer_.joinable() && (stopping_since_ || pipeline_->has_ended_inputs())) {
    // An end of the inputs' own is no reason to hurry; a request that comes later is (below).
    drain_in_background(stopping_since_ ? *stopping_since_ + end_limit_ : std::chrono::steady_clock::time_point::max());
  }
  if (!stopping_since_) return;
  if (!is_given_up_ && now >= *stopping_since_ + end_limit_) abandon();
  if (now < next_report_) return;
  next_report_ = now + kDrainLogInterval;
  log_warn(id_, "still stopping: {} events queued, {} not delivered yet", pipeline_->queue().fill().events,
           pipeline_->undelivered_events());
}

void RunningPipeline::drain_in_background(std::chrono::steady_clock::time_point deadline) {
  set_state(PipelineState::Stopping);
  drainer_ = std::thread([this, deadline] {
    endpoints_.drain(std::chrono::steady_clock::now() + session_limit(end_limit_));
    pipeline_->drain(deadline);
    endpoints_.clear();
    set_state(PipelineState::Finished);
    has_drained_ = true;
    changed_();
  });
}

bool RunningPipeline::has_ended() const { return has_drained_.load() || state() == PipelineState::Failed; }

void RunningPipeline::abandon() {
  is_given_up_ = true;
  if (pipeline_ && !has_drained_) pipeline_->abandon();
}

}  // namespace logboom
