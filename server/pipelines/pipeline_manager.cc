#include "server/pipelines/pipeline_manager.h"

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "pipeline/base/log.h"
#include "pipeline/base/redaction.h"
#include "pipeline/compile/pipeline_links.h"
#include "server/dead_letters/settings.h"

namespace logboom {
namespace {

constexpr auto kLookInterval = std::chrono::milliseconds(1000);
constexpr auto kStoppingLookInterval = std::chrono::milliseconds(100);
constexpr auto kDeadLetterEndLimit = std::chrono::milliseconds(1000);
constexpr auto kShortestInterval = std::chrono::milliseconds(100);
constexpr unsigned kMostNetworkThreads = 4;

ReloadReport stopping_report() {
  ReloadReport report;
  report.problem = "the process is stopping";
  return report;
}

}  // namespace

PipelineManager::PipelineManager(Settings command_line, ProcessSettings process, MetricScope& metrics,
                                 std::function<void()> changed)
    : command_line_(std::move(command_line)),
      process_(std::move(process)),
      metrics_(metrics),
      changed_(std::move(changed)),
      dead_letter_files_(std::make_unique<DeadLetterFiles>(dead_letter_keys(process_.settings))) {}

PipelineManager::~PipelineManager() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (Request& request : requests_) request.answer.set_value(stopping_report());
  std::vector<std::shared_ptr<DeadLetterQueue>> dead_letters;
  for (const auto& pipeline : pipelines_)
    if (auto own = pipeline->dead_letters()) dead_letters.push_back(std::move(own));
  for (const auto& pipeline : ending_)
    if (auto own = pipeline->dead_letters()) dead_letters.push_back(std::move(own));
  pipelines_.clear();
  successors_.clear();
  postponed_.clear();
  ending_.clear();
  network_.reset();
  for (const auto& own : dead_letters) own->close(kDeadLetterEndLimit);
}

std::size_t PipelineManager::compile(const std::vector<PipelineEntry>& entries) {
  watch_.remember(process_, entries);
  std::vector<WantedPipeline> wanted;
  for (const PipelineEntry& entry : entries) wanted.push_back({entry.id, process_.settings.with(entry.own)});
  const auto links = check_links(wanted, process_.variables);
  std::size_t refused = 0;
  for (WantedPipeline& each : wanted) {
    MetricScope& scope = metrics_.child("pipelines").child(each.id);
    CompiledPipeline compiled =
        compile_pipeline(read_pipeline(each, process_.variables), dead_letter_files_.get(), &bus_, scope);
    if (const auto found = links.find(each.id); found != links.end() && compiled.plan) {
      compiled.diagnostics += found->second.diagnostics;
      if (found->second.refuses) compiled.plan.reset();
    }
    std::fputs(compiled.diagnostics.c_str(), stderr);
    auto pipeline = std::make_shared<RunningPipeline>(std::move(each), scope);
    if (!compiled.plan) {
      ++refused;
      pipeline->fail(compiled.diagnostics);
    }
    compiled_.push_back(std::move(compiled));
    const std::lock_guard lock(mutex_);
    pipelines_.push_back(std::move(pipeline));
  }
  return refused;
}

std::size_t PipelineManager::start() {
  for (std::size_t i = 0; i < pipelines_.size(); ++i) {
    if (!compiled_[i].plan) {
      log_error(pipelines_[i]->id(), "the pipeline is refused; see the messages above");
    } else if (!pipelines_[i]->open_dead_letters()) {
      compiled_[i].plan.reset();
      if (pipelines_[i]->waits_for_disk()) postponed_.add(pipelines_[i], compiled_[i].source);
    }
  }
  std::size_t running = 0;
  for (std::size_t i = 0; i < pipelines_.size(); ++i)
    if (compiled_[i].plan) running += start_one(pipelines_[i], std::move(compiled_[i])) ? 1 : 0;
  running += postponed_.size();
  compiled_.clear();
  thread_ = std::thread([this] { run(); });
  return running;
}

/// False when it does not run; it may be postponed.
bool PipelineManager::start_one(const std::shared_ptr<RunningPipeline>& pipeline, CompiledPipeline compiled) {
  const auto source = compiled.source;
  const auto start = [&]() -> Result<void> {
    if (auto opened = pipeline->open_dead_letters(); !opened) return opened;
    return pipeline->start(
        std::move(compiled), [this]() -> NetworkThreads& { return network(); }, [this] { wake(); });
  };
  if (start()) return true;
  if (pipeline->waits_for_disk()) postponed_.add(pipeline, source);
  return false;
}

/// From its configuration as it was read at first; a reload is there for another one.
void PipelineManager::try_postponed() {
  for (const PostponedStarts::Start& due : postponed_.take_due(std::chrono::steady_clock::now())) {
    CompiledPipeline compiled = compile_pipeline(*due.source, dead_letter_files_.get(), &bus_, due.pipeline->metrics());
    if (!compiled.plan) {
      log_error(due.pipeline->id(), "the pipeline is refused:\n{}", compiled.diagnostics);
      due.pipeline->fail(std::move(compiled.diagnostics));
    } else if (start_one(due.pipeline, std::move(compiled))) {
      log_info(due.pipeline->id(), "the disk takes the pipeline's files again");
    }
    if (!due.pipeline->waits_for_disk()) postponed_.remove(*due.pipeline);
  }
}

bool PipelineManager::waits_for_changes() const { return process_.settings.boolean("config.reload.automatic"); }

NetworkThreads& PipelineManager::network() {
  if (!network_)
    network_ = std::make_unique<NetworkThreads>(std::clamp(std::thread::hardware_concurrency(), 1U, kMostNetworkThreads));
  return *network_;
}

PipelineManager::Snapshot PipelineManager::pipelines() const {
  const std::lock_guard lock(mutex_);
  return {pipelines_.begin(), pipelines_.end()};
}

std::shared_ptr<const RunningPipeline> PipelineManager::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& pipeline : pipelines_)
    if (pipeline->id() == id) return pipeline;
  return nullptr;
}

void PipelineManager::wake() {
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
  }
  woken_.notify_all();
}

ReloadReport PipelineManager::reload(std::vector<std::string> ids) { return request_reload(std::move(ids)).get(); }

std::future<ReloadReport> PipelineManager::request_reload(std::vector<std::string> ids) {
  Request request{std::move(ids), {}};
  auto answer = request.answer.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_ || is_closing_) {
      request.answer.set_value(stopping_report());
      return answer;
    }
    requests_.push_back(std::move(request));
    is_woken_ = true;
  }
  woken_.notify_all();
  return answer;
}

void PipelineManager::request_stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    is_woken_ = true;
  }
  woken_.notify_all();
}

bool PipelineManager::has_ended() const {
  const std::lock_guard lock(mutex_);
  return has_ended_;
}

void PipelineManager::run() {
  pthread_setname_np(pthread_self(), "pipelines");
  const bool looks = waits_for_changes();
  const auto interval =
      std::max(kShortestInterval, std::chrono::milliseconds(process_.settings.number("config.reload.interval")));
  next_look_ = std::chrono::steady_clock::now() + interval;
  for (;;) {
    bool is_stopping = false;
    {
      std::unique_lock lock(mutex_);
      auto pause = is_stopping_ || !ending_.empty() ? kStoppingLookInterval : kLookInterval;
      if (looks) pause = std::min(pause, interval);
      woken_.wait_for(lock, pause, [this] { return is_woken_ || is_closing_; });
      is_woken_ = false;
      if (is_closing_) return;
      is_stopping = is_stopping_;
    }
    if (looks && !is_stopping && std::chrono::steady_clock::now() >= next_look_) {
      next_look_ = std::chrono::steady_clock::now() + interval;
      if (watch_.has_changed()) {
        log_info("logboom", "files of the configuration have changed: they are read again");
        request_reload();
      }
    }
    answer_requests();
    if (is_stopping) {
      bus_.begin_shutdown();
      for (const Successor& successor : successors_) successor.pipeline->fail("the process is stopping");
      successors_.clear();
      postponed_.clear();
      for (const auto& pipeline : pipelines_) {
        if (pipeline->waits_for_disk()) pipeline->fail(pipeline->problem());
        pipeline->request_stop();
      }
    }
    look_after_pipelines();
    rounds_.fetch_add(1, std::memory_order_relaxed);
  }
}

bool PipelineManager::stands_still(std::chrono::milliseconds patience) const {
  bool has_stalled = false;
  for (const auto& pipeline : pipelines()) {
    if (pipeline->state() != PipelineState::Running) continue;
    if (pipeline->stalled_for() < patience) return false;
    has_stalled = true;
  }
  return has_stalled;
}

void PipelineManager::answer_requests() {
  for (;;) {
    Request request;
    bool is_stopping = false;
    {
      const std::lock_guard lock(mutex_);
      if (requests_.empty()) return;
      request = std::move(requests_.front());
      requests_.pop_front();
      is_stopping = is_stopping_;
    }
    ReloadReport report = is_stopping ? stopping_report() : reload_now(request.ids);
    if (!is_stopping) log_report(report);
    request.answer.set_value(std::move(report));
    if (changed_) changed_();
  }
}

void PipelineManager::look_after_pipelines() {
  bool have_all_ended = true;
  for (const auto& pipeline : pipelines_) {
    pipeline->look_after();
    have_all_ended &= pipeline->has_ended();
  }
  for (const auto& pipeline : ending_) pipeline->look_after();
  start_successors();
  try_postponed();
  std::erase_if(ending_, [](const auto& pipeline) { return pipeline->has_ended(); });
  if (!have_all_ended && ending_.empty() && successors_.empty() && postponed_.size() == 0 && !waits_for_changes())
    end_receivers();
  {
    const std::lock_guard lock(mutex_);
    have_all_ended &= ending_.empty() && successors_.empty() && (is_stopping_ || !waits_for_changes());
    if (!have_all_ended || has_ended_) return;
    has_ended_ = true;
  }
  if (changed_) changed_();
}

void PipelineManager::start_successors() {
  std::erase_if(successors_, [this](Successor& successor) {
    if (!successor.predecessor->has_ended()) return false;
    successor.predecessor.reset();
    std::erase_if(ending_, [](const auto& pipeline) { return pipeline->has_ended(); });  // its files are free
    start_one(successor.pipeline, std::move(successor.compiled));
    return true;
  });
}

std::shared_ptr<RunningPipeline> PipelineManager::find_running(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& pipeline : pipelines_)
    if (pipeline->id() == id) return pipeline;
  return nullptr;
}

/// When all that sent to other pipelines has ended, nothing comes to these any more: they deliver what they have, and end.
void PipelineManager::end_receivers() {
  bool has_sender_ended = false;
  for (const auto& pipeline : pipelines_) {
    has_sender_ended |= pipeline->state() == PipelineState::Finished;
    if (!pipeline->has_ended() && !is_fed_by_pipelines_alone(pipeline->pipeline()->plan()->graph)) return;
  }
  if (!has_sender_ended) return;
  bus_.begin_shutdown();
  for (const auto& pipeline : pipelines_)
    if (!pipeline->has_ended()) pipeline->end_inputs();
}

}  // namespace logboom
