#include "server/pipelines/pipeline_manager.h"

#include <pthread.h>

#include <algorithm>
#include <cstdio>

#include "pipeline/base/log.h"
#include "pipeline/compile/pipeline_links.h"
#include "server/pipeline_queue.h"

namespace logboom {
namespace {

constexpr auto kLookInterval = std::chrono::milliseconds(1000);
constexpr auto kStoppingLookInterval = std::chrono::milliseconds(100);
constexpr auto kDeadLetterEndLimit = std::chrono::milliseconds(1000);
constexpr unsigned kMostNetworkThreads = 4;

}  // namespace

PipelineManager::PipelineManager(Settings command_line, ProcessSettings process, MetricScope& metrics,
                                 std::function<void()> changed)
    : command_line_(std::move(command_line)), process_(std::move(process)), metrics_(metrics), changed_(std::move(changed)) {
  auto keys = StoreKeys::parse(process_.settings.text("queue.encryption"));
  dead_letter_files_ =
      std::make_unique<DeadLetterFiles>(keys ? std::move(*keys) : StoreKeys());  // a bad key is told elsewhere
}

PipelineManager::~PipelineManager() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
  std::vector<std::shared_ptr<DeadLetterQueue>> dead_letters;
  for (const auto& pipeline : pipelines_)
    if (auto own = pipeline->dead_letters()) dead_letters.push_back(std::move(own));
  pipelines_.clear();
  network_.reset();
  for (const auto& own : dead_letters) own->close(kDeadLetterEndLimit);
}

std::size_t PipelineManager::compile(const std::vector<PipelineEntry>& entries) {
  std::vector<WantedPipeline> wanted;
  for (const PipelineEntry& entry : entries) {
    wanted.push_back({entry.id, process_.settings.with(entry.own)});
    MetricScope& scope = metrics_.child("pipelines").child(entry.id);
    compiled_.push_back(compile_pipeline(wanted.back(), process_.variables, dead_letter_files_.get(), &bus_, scope));
    std::fputs(compiled_.back().diagnostics.c_str(), stderr);
  }
  std::fputs(check_links(wanted, compiled_).c_str(), stderr);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    MetricScope& scope = metrics_.child("pipelines").child(wanted[i].id);
    auto pipeline = std::make_shared<RunningPipeline>(std::move(wanted[i]), scope);
    if (!compiled_[i].plan) {
      ++refused;
      pipeline->fail(compiled_[i].diagnostics);
    }
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
    }
  }
  std::size_t running = 0;
  for (std::size_t i = 0; i < pipelines_.size(); ++i)
    if (compiled_[i].plan)
      running += pipelines_[i]->start(
                     std::move(compiled_[i]), [this]() -> NetworkThreads& { return network(); }, [this] { wake(); })
                     ? 1
                     : 0;
  compiled_.clear();
  thread_ = std::thread([this] { run(); });
  return running;
}

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
      ReloadReport report;
      report.problem = "the process is stopping";
      request.answer.set_value(std::move(report));
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
  std::unique_lock lock(mutex_);
  for (;;) {
    woken_.wait_for(lock, is_stopping_ ? kStoppingLookInterval : kLookInterval, [this] { return is_woken_ || is_closing_; });
    is_woken_ = false;
    if (is_closing_) return;
    while (!requests_.empty()) {
      Request request = std::move(requests_.front());
      requests_.pop_front();
      ReloadReport report;
      if (is_stopping_) {
        report.problem = "the process is stopping";
      } else {
        lock.unlock();
        report = reload_now(request.ids);
        lock.lock();
      }
      request.answer.set_value(std::move(report));
    }
    const bool is_stopping = is_stopping_;
    lock.unlock();
    if (is_stopping) {
      bus_.begin_shutdown();
      for (const auto& pipeline : pipelines_) pipeline->request_stop();
    }
    look_after_pipelines();
    lock.lock();
  }
}

void PipelineManager::look_after_pipelines() {
  bool have_all_ended = true;
  for (const auto& pipeline : pipelines_) {
    pipeline->look_after();
    have_all_ended &= pipeline->has_ended();
  }
  if (!have_all_ended) end_receivers();
  {
    const std::lock_guard lock(mutex_);
    if (!have_all_ended || has_ended_) return;
    has_ended_ = true;
  }
  if (changed_) changed_();
}

/// When all that sent to other pipelines has ended, nothing comes to these any more: they deliver what they have, and end.
void PipelineManager::end_receivers() {
  bool has_sender_ended = false;
  for (const auto& pipeline : pipelines_) {
    has_sender_ended |= pipeline->state() == PipelineState::Finished;
    if (!pipeline->has_ended() && !is_fed_by_pipelines_alone(pipeline->pipeline()->plan().graph)) return;
  }
  if (!has_sender_ended) return;
  bus_.begin_shutdown();
  for (const auto& pipeline : pipelines_)
    if (!pipeline->has_ended()) pipeline->end_inputs();
}

ReloadReport PipelineManager::reload_now(const std::vector<std::string>&) {
  ReloadReport report;
  report.problem = "live reload is not part of this version";
  return report;
}

}  // namespace logboom
