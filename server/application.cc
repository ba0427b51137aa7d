#include "server/application.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

#include "pipeline/base/log.h"
#include "pipeline/base/redaction.h"
#include "pipeline/compile/compiler.h"
#include "server/config_source.h"
#include "server/dead_letters/settings.h"
#include "server/keystore/keystore.h"
#include "server/listen/open_endpoint.h"
#include "server/pipeline_queue.h"
#include "server/progress.h"

namespace logboom {
namespace fs = std::filesystem;

struct Application::Running {
  std::unique_ptr<Pipeline> pipeline;
  std::vector<std::shared_ptr<OpenEndpoint>> listeners;
  std::thread drainer;
  std::chrono::milliseconds end_limit{0};  // from the first signal on
  bool is_given_up = false;
  std::atomic<bool> has_drained{false};
};

namespace {

constexpr int kProgressMilliseconds = 1000;
constexpr int kStoppingMilliseconds = 100;
constexpr unsigned kMostNetworkThreads = 4;
constexpr auto kDrainLogInterval = std::chrono::seconds(5);
constexpr auto kDeadLetterEndLimit = std::chrono::milliseconds(1000);

std::atomic<int> wake_descriptor{-1};

PipelineSettings pipeline_settings(const std::string& id, const Settings& settings) {
  PipelineSettings made;
  made.id = id;
  const auto workers = settings.number("pipeline.workers");
  const std::string ordered = settings.text("pipeline.ordered");
  const std::size_t by_default = ordered == "true" ? 1 : std::max(1u, std::thread::hardware_concurrency());
  made.workers = workers > 0 ? static_cast<std::size_t>(workers) : by_default;
  made.batch_size = std::max<std::size_t>(1, static_cast<std::size_t>(settings.number("pipeline.batch.size")));
  made.batch_delay = std::chrono::milliseconds(settings.number("pipeline.batch.delay"));
  made.is_ordered = ordered == "true" || (ordered == "auto" && workers == 1);
  made.acknowledge = settings.text("pipeline.acknowledge") == "queued" && !is_persisted(settings)
                         ? AcknowledgeWhen::Queued
                         : AcknowledgeWhen::Delivered;
  made.drains_queue = !is_persisted(settings) || settings.boolean("queue.drain");
  made.output_limits = {static_cast<std::size_t>(settings.number("output.buffer.max_events")),
                        settings.bytes("output.buffer.max_bytes")};
  return made;
}

/// Of the time that a pipeline has for its end, what its sessions may take.
std::chrono::milliseconds session_limit(std::chrono::milliseconds end_limit) {
  return std::min<std::chrono::milliseconds>(std::chrono::seconds(10), end_limit / 3);
}

LogLevel level_of(const std::string& name) {
  constexpr std::pair<std::string_view, LogLevel> kLevels[] = {{"trace", LogLevel::Trace}, {"debug", LogLevel::Debug},
                                                               {"info", LogLevel::Info},   {"warn", LogLevel::Warn},
                                                               {"error", LogLevel::Error}, {"fatal", LogLevel::Fatal}};
  for (const auto& [known, level] : kLevels)
    if (known == name) return level;
  return LogLevel::Info;
}

}  // namespace

Application::Application(Settings settings) : settings_(std::move(settings)) {}

Application::~Application() {
  stop_control();
  running_.clear();
  network_.reset();
  if (lock_descriptor_ >= 0) close(lock_descriptor_);
}

bool Application::load_settings_directory() {
  const std::string directory = settings_.text("path.settings");
  if (directory.empty()) return true;
  auto variables = keystore_then_environment(directory);
  if (!variables) {
    std::fprintf(stderr, "logboom: %s\n", variables.error().message.c_str());
    return false;
  }
  variables_ = std::move(*variables);
  for (const char* name : {"logboom.yml", "logstash.yml"}) {
    const std::string path = directory + "/" + name;
    if (!fs::exists(path)) continue;
    auto loaded = settings_.load_yaml(path, variables_);
    if (loaded) return true;
    std::fprintf(stderr, "logboom: %s\n", redacted(loaded.error().message).c_str());
    return false;
  }
  return true;
}

Result<std::vector<PipelineEntry>> Application::pipeline_entries() {
  const bool has_own = settings_.has("config.string") || !settings_.text("path.config").empty();
  const std::string list = settings_.text("path.settings") + "/pipelines.yml";
  if (has_own) return std::vector<PipelineEntry>{{Settings(), settings_.text("pipeline.id")}};
  if (settings_.text("path.settings").empty() || !fs::exists(list))
    return Error{ErrorCode::InvalidArgument,
                 "nothing to run: give a configuration with -f FILE or -e STRING, or --path.settings with a pipelines.yml"};
  auto entries = load_pipelines_yaml(list, variables_);
  if (entries && entries->empty()) return Error{ErrorCode::InvalidArgument, fmt::format("{} lists no pipeline", list)};
  return entries;
}

bool Application::lock_data_directory() {
  const std::string directory = settings_.text("path.data");
  std::error_code problem;
  fs::create_directories(directory, problem);
  lock_descriptor_ = open((directory + "/.lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (lock_descriptor_ < 0) {
    std::fprintf(stderr, "logboom: path.data \"%s\" cannot be written: %s; give another with --path.data\n",
                 directory.c_str(), strerror(errno));
    return false;
  }
  if (flock(lock_descriptor_, LOCK_EX | LOCK_NB) == 0) return true;
  std::fprintf(stderr, "logboom: another logboom uses path.data \"%s\"; give this one its own with --path.data\n",
               directory.c_str());
  return false;
}

std::shared_ptr<Plan> Application::compile(const Settings& settings, MetricScope& metrics) {
  if (settings.text("pipeline.ordered") == "true" && settings.number("pipeline.workers") > 1) {
    std::fprintf(
        stderr,
        "logboom: pipeline.ordered is true (%s), but pipeline.workers is %lld (%s): several workers cannot keep the order; "
        "set one worker, or pipeline.ordered to auto\n",
        settings.origin("pipeline.ordered").c_str(), static_cast<long long>(settings.number("pipeline.workers")),
        settings.origin("pipeline.workers").c_str());
    return nullptr;
  }
  Diagnostics diagnostics;
  auto graph = load_graph(settings, variables_, diagnostics);
  if (!graph) {
    std::fprintf(stderr, "logboom: %s\n", graph.error().message.c_str());
    return nullptr;
  }
  const std::vector<std::shared_ptr<const SourceText>> sources = graph->sources;  // diagnostics point into them
  CompileSettings compile_settings;
  const PipelineSettings pipeline = pipeline_settings("", settings);
  compile_settings.workers = pipeline.workers;
  compile_settings.metrics = &metrics;
  compile_settings.surroundings.pipeline_id = settings.text("pipeline.id");
  compile_settings.surroundings.ecs =
      settings.text("pipeline.ecs_compatibility") == "disabled" ? EcsMode::Disabled : EcsMode::V1;
  compile_settings.surroundings.data_directory = settings.text("path.data");
  compile_settings.surroundings.support_escapes = settings.boolean("config.support_escapes");
  compile_settings.surroundings.has_dead_letter_queue = settings.boolean("dead_letter_queue.enable");
  compile_settings.surroundings.dead_letters = dead_letter_files_.get();
  auto plan = compile_plan(std::move(*graph), compile_settings, diagnostics);
  Diagnostics errors;
  for (const Diagnostic& item : diagnostics.items())
    if (item.severity == Severity::Error) errors.error(item.span, item.message, item.hint);
  const bool shows_notices = log_level() <= LogLevel::Info;
  std::fputs(redacted((shows_notices ? diagnostics : errors).render()).c_str(), stderr);
  return plan;
}

/// Before any pipeline starts: an input may read the dead letters of another one.
bool Application::open_dead_letters(const std::string& id, const Settings& settings) {
  if (!settings.boolean("dead_letter_queue.enable")) return true;
  auto options = dead_letter_options(settings, id);
  if (!options) {
    log_error(id, "the pipeline does not start: {}", options.error().message);
    return false;
  }
  options->metrics = &metrics_.child("pipelines").child(id).child("dead_letter_queue");
  auto opened = DeadLetterQueue::open(std::move(*options));
  if (!opened) {
    log_error(id, "the pipeline does not start: its dead-letter queue cannot be opened: {}", opened.error().message);
    return false;
  }
  dead_letters_[id] = std::move(*opened);
  return true;
}

void Application::start_control() {
  std::vector<ServedPipeline> served;
  for (const auto& running : running_) {
    const auto dead_letters = dead_letters_.find(running->pipeline->id());
    served.push_back({running->pipeline.get(), dead_letters != dead_letters_.end() ? dead_letters->second : nullptr});
  }
  dead_letter_service_ = std::make_unique<DeadLetterService>(std::move(served));
  auto started = ControlServer::start(settings_.text("path.data"), dead_letter_service_->handlers());
  if (started) {
    control_ = std::move(*started);
  } else {
    log_warn("control", "logboom dlq and logboom queue cannot reach this server: {}", started.error().message);
  }
}

void Application::stop_control() {
  if (dead_letter_service_) dead_letter_service_->request_stop();
  control_.reset();
  dead_letter_service_.reset();
}

bool Application::start(const std::string& id, const Settings& settings, std::shared_ptr<Plan> plan) {
  PipelineSettings made = pipeline_settings(id, settings);
  if (const auto known = dead_letters_.find(id); known != dead_letters_.end()) made.dead_letters = known->second;
  MetricScope& metrics = metrics_.child("pipelines").child(id);
  auto queue = make_pipeline_queue(id, settings, made.workers * made.batch_size, metrics);
  if (!queue) {
    log_error(id, "the pipeline does not start: {}", queue.error().message);
    return false;
  }
  auto running = std::make_unique<Running>();
  running->pipeline = std::make_unique<Pipeline>(std::move(plan), made, std::move(*queue), metrics);
  running->end_limit = end_limit(settings);
  Pipeline& pipeline = *running->pipeline;
  const auto refuse = [&](const std::string& message) {
    log_error(id, "the pipeline does not start: {}", message);
    running->listeners.clear();
    return false;
  };
  if (auto started = pipeline.start_outputs(); !started) return refuse(started.error().message);
  auto wanted = pipeline.take_endpoints();
  if (!wanted.empty() && !network_)
    network_ = std::make_unique<NetworkThreads>(std::clamp(std::thread::hardware_concurrency(), 1U, kMostNetworkThreads));
  pipeline.start_workers();
  for (WantedEndpoint& endpoint : wanted) {
    auto listener = open_endpoint(*network_, endpoint.endpoint, endpoint.sink, endpoint.input_id, *endpoint.metrics);
    if (!listener) return refuse(listener.error().message);
    running->listeners.push_back(std::move(*listener));
  }
  pipeline.on_inputs_ended([] {
    const std::uint64_t one = 1;
    if (write(wake_descriptor.load(), &one, sizeof one) < 0) return;
  });
  pipeline.start_inputs();
  log_info(id, "pipeline started: {} worker{}, batches of {}, {}, {}", made.workers, made.workers == 1 ? "" : "s",
           made.batch_size, made.is_ordered ? "ordered" : "unordered",
           promise(settings, made.acknowledge == AcknowledgeWhen::Delivered));
  running_.push_back(std::move(running));
  return true;
}

int Application::run() {
  const auto level = level_of(settings_.text("log.level"));
  const auto format = settings_.text("log.format") == "json" ? LogFormat::Json : LogFormat::Plain;
  configure_log(level, format, "");
  if (!load_settings_directory()) return kExitRefused;
  configure_log(level_of(settings_.text("log.level")),
                settings_.text("log.format") == "json" ? LogFormat::Json : LogFormat::Plain, settings_.text("path.logs"));
  auto entries = pipeline_entries();
  if (!entries) {
    std::fprintf(stderr, "logboom: %s\n", redacted(entries.error().message).c_str());
    return entries.error().code == ErrorCode::InvalidArgument && settings_.text("path.settings").empty() ? kExitUsage
                                                                                                         : kExitRefused;
  }

  auto keys = StoreKeys::parse(settings_.text("queue.encryption"));
  dead_letter_files_ =
      std::make_unique<DeadLetterFiles>(keys ? std::move(*keys) : StoreKeys());  // a bad key is told elsewhere
  signal(SIGPIPE, SIG_IGN);
  if (settings_.boolean("config.test_and_exit")) {
    bool is_fine = true;
    for (const PipelineEntry& entry : *entries) {
      MetricScope unused;
      is_fine &= compile(settings_.with(entry.own), unused) != nullptr;
    }
    std::fprintf(is_fine ? stdout : stderr, is_fine ? "Configuration OK\n" : "Configuration refused\n");
    return is_fine ? kExitOk : kExitRefused;
  }

  // Signals are read from a descriptor; every thread inherits the mask, those that plugins start while they are made too.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::vector<std::pair<const PipelineEntry*, std::shared_ptr<Plan>>> plans;
  for (const PipelineEntry& entry : *entries) {
    auto plan = compile(settings_.with(entry.own), metrics_.child("pipelines").child(entry.id));
    if (plan) {
      plans.emplace_back(&entry, std::move(plan));
    } else {
      log_error(entry.id, "the pipeline is refused; see the messages above");
    }
  }
  if (plans.empty()) return kExitRefused;
  if (settings_.boolean("config.reload.automatic"))
    log_warn("logboom", "config.reload.automatic has no effect: live reload is not part of this version; restart to reload");
  if (!lock_data_directory()) return kExitRefused;
  wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::erase_if(plans, [&](const auto& it) { return !open_dead_letters(it.first->id, settings_.with(it.first->own)); });
  for (auto& [entry, plan] : plans) start(entry->id, settings_.with(entry->own), std::move(plan));
  if (running_.empty()) return kExitRefused;
  start_control();
  wait_for_end();
  stop_control();
  for (const auto& [id, dead_letters] : dead_letters_) dead_letters->close(kDeadLetterEndLimit);
  return kExitOk;
}

/// Drains each pipeline when its inputs have ended; returns when all have. A signal ends all inputs, a second one
/// everything.
void Application::wait_for_end() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&signals, number);
  const int signal_descriptor = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  Progress progress(metrics_);
  bool is_stopping = false;
  std::chrono::steady_clock::time_point stopping_since;
  std::chrono::steady_clock::time_point next_report;
  for (;;) {
    bool are_all_drained = true;
    for (const auto& running : running_) {
      if (!running->drainer.joinable() && (is_stopping || running->pipeline->has_ended_inputs())) {
        // An end of the inputs' own is no reason to hurry; a signal that comes later is (below).
        const auto deadline = is_stopping ? std::chrono::steady_clock::now() + running->end_limit
                                          : std::chrono::steady_clock::time_point::max();
        running->drainer = std::thread([&running = *running, deadline] {
          for (const auto& listener : running.listeners) listener->ask_sessions_to_end();
          const auto sessions_end = std::chrono::steady_clock::now() + session_limit(running.end_limit);
          for (const auto& listener : running.listeners)
            listener->drain(std::max(std::chrono::milliseconds(0), std::chrono::duration_cast<std::chrono::milliseconds>(
                                                                       sessions_end - std::chrono::steady_clock::now())));
          running.pipeline->drain(deadline);
          running.has_drained = true;
          const std::uint64_t one = 1;
          if (write(wake_descriptor.load(), &one, sizeof one) < 0) return;
        });
      }
      are_all_drained &= running->has_drained.load();
    }
    if (are_all_drained) break;
    pollfd watched[] = {{signal_descriptor, POLLIN, 0}, {wake_descriptor.load(), POLLIN, 0}};
    poll(watched, 2, is_stopping ? kStoppingMilliseconds : kProgressMilliseconds);
    progress.show();
    for (const auto& entry : dead_letters_) entry.second->expire();
    std::uint64_t count = 0;
    if (read(wake_descriptor.load(), &count, sizeof count) < 0) count = 0;
    signalfd_siginfo received{};
    while (read(signal_descriptor, &received, sizeof received) == sizeof received) {
      if (is_stopping) {
        log_warn("logboom", "second signal: quitting at once, undelivered events are given up");
        _exit(kExitRefused);
      }
      log_info("logboom", "stopping: inputs end, queued events are delivered; another signal quits at once");
      is_stopping = true;
      dead_letter_service_->request_stop();
      stopping_since = std::chrono::steady_clock::now();
      next_report = stopping_since + kDrainLogInterval;
      for (const auto& running : running_) running->pipeline->request_stop();
    }
    for (const auto& running : running_)
      if (is_stopping && !running->has_drained && !running->is_given_up &&
          std::chrono::steady_clock::now() >= stopping_since + running->end_limit) {
        running->is_given_up = true;
        running->pipeline->abandon();
      }
    if (is_stopping && std::chrono::steady_clock::now() >= next_report) {
      next_report = std::chrono::steady_clock::now() + kDrainLogInterval;
      for (const auto& running : running_)
        if (!running->has_drained)
          log_warn(running->pipeline->id(), "still stopping: {} events queued, {} not delivered yet",
                   running->pipeline->queue().fill().events, running->pipeline->undelivered_events());
    }
  }
  progress.finish();
  for (const auto& running : running_) running->drainer.join();
  close(signal_descriptor);
  log_info("logboom", "all pipelines have ended");
}

}  // namespace logboom
