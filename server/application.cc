#include "server/application.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "pipeline/base/log.h"
#include "pipeline/base/redaction.h"
#include "server/api/api_server.h"
#include "server/api/managed_pipelines.h"
#include "server/progress.h"

namespace logboom {
namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(1000);
constexpr auto kStillForTooLong = std::chrono::minutes(5);

LogLevel level_of(const std::string& name) {
  constexpr std::pair<std::string_view, LogLevel> kLevels[] = {{"trace", LogLevel::Trace}, {"debug", LogLevel::Debug},
                                                               {"info", LogLevel::Info},   {"warn", LogLevel::Warn},
                                                               {"error", LogLevel::Error}, {"fatal", LogLevel::Fatal}};
  for (const auto& [known, level] : kLevels)
    if (known == name) return level;
  return LogLevel::Info;
}

LogFormat format_of(const Settings& settings) {
  return settings.text("log.format") == "json" ? LogFormat::Json : LogFormat::Plain;
}

/// Those that are read from a descriptor.
sigset_t handled_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

void print_problem(const std::string& message) { std::fprintf(stderr, "logboom: %s\n", redacted(message).c_str()); }

}  // namespace

Application::Application(Settings command_line)
    : command_line_(std::move(command_line)), settings_(command_line_), notice_(ServiceNotice::from_environment()) {}

Application::~Application() {
  stop_api();
  stop_control();
  pipelines_.reset();
  if (wake_descriptor_ >= 0) close(wake_descriptor_);
}

bool Application::lock_data_directory() {
  auto lock = DataDirectoryLock::take(settings_.text("path.data"));
  if (!lock) {
    print_problem(lock.error().message);
    return false;
  }
  data_directory_ = std::move(*lock);
  return true;
}

/// The API answers while pipelines start, so that probes can say so.
bool Application::start_api(ApiOptions options) {
  served_pipelines_ = std::make_unique<ManagedPipelines>(*pipelines_, command_line_);
  if (!options.is_enabled && !options.probes_port) return true;
  auto started =
      ApiServer::start(std::move(options), settings_, *served_pipelines_, metrics_, dead_letter_service_->handlers());
  if (!started) {
    print_problem(started.error().message);
    return false;
  }
  api_ = std::move(*started);
  return true;
}

void Application::stop_api() {
  if (served_pipelines_) served_pipelines_->note_stopping();
  if (dead_letter_service_) dead_letter_service_->request_stop();  // a request may wait for a replay
  api_.reset();
}

void Application::start_control() {
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

int Application::run() {
  configure_log(level_of(settings_.text("log.level")), format_of(settings_), "");
  auto process = load_process_settings(command_line_);
  if (!process) {
    print_problem(process.error().message);
    return kExitRefused;
  }
  settings_ = process->settings;
  configure_log(level_of(settings_.text("log.level")), format_of(settings_), settings_.text("path.logs"));
  if (const std::string files = ignored_files(settings_); !files.empty())
    log_info("logboom", "{} in {}: not read, they are for Logstash's Java", files, settings_.text("path.settings"));
  auto entries = configured_pipelines(*process);
  if (!entries) {
    print_problem(entries.error().message);
    return entries.error().code == ErrorCode::InvalidArgument && settings_.text("path.settings").empty() ? kExitUsage
                                                                                                         : kExitRefused;
  }
  auto api_options = read_api_options(settings_);
  if (!api_options) {
    print_problem(api_options.error().message);
    return kExitRefused;
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of whoever writes it, as a full disk is
  // Signals are read from a descriptor; every thread inherits the mask, those that plugins start while they are made too.
  const sigset_t signals = handled_signals();
  const bool only_checks = settings_.boolean("config.test_and_exit");
  if (!only_checks) pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  wake_descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  pipelines_ = std::make_unique<PipelineManager>(command_line_, std::move(*process), metrics_, [this] {
    const std::uint64_t one = 1;
    if (write(wake_descriptor_, &one, sizeof one) < 0) return;
  });
  const std::size_t refused = pipelines_->compile(*entries);
  if (only_checks) {
    std::fprintf(refused == 0 ? stdout : stderr, refused == 0 ? "Configuration OK\n" : "Configuration refused\n");
    return refused == 0 ? kExitOk : kExitRefused;
  }
  if (refused == entries->size() && !pipelines_->waits_for_changes()) return kExitRefused;
  if (!lock_data_directory()) return kExitRefused;
  dead_letter_service_ = std::make_unique<DeadLetterService>([this] { return pipelines_->pipelines(); });
  if (!start_api(std::move(*api_options))) return kExitRefused;
  if (pipelines_->start() == 0 && !pipelines_->waits_for_changes()) return kExitRefused;
  start_control();
  told_status_ = status();
  notice_.tell_ready(told_status_);
  wait_for_end();
  stop_api();
  stop_control();
  pipelines_.reset();
  return kExitOk;
}

std::string Application::status() const {
  std::size_t running = 0;
  const auto pipelines = pipelines_->pipelines();
  for (const auto& pipeline : pipelines) running += pipeline->state() == PipelineState::Running ? 1 : 0;
  return fmt::format("{} of {} pipelines run", running, pipelines.size());
}

void Application::begin_reload() {
  log_info("logboom", "SIGHUP: the configuration is read again");
  notice_.tell_reloading();
  reloads_.push_back(pipelines_->request_reload());
}

/// What has changed since the service manager was told last.
void Application::notify() {
  if (!notice_.is_on()) return;
  feed_watchdog();
  bool is_refused = false;
  const std::size_t finished = std::erase_if(reloads_, [&](std::future<ReloadReport>& reload) {
    if (reload.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
    is_refused |= !reload.get().is_accepted();
    return true;
  });
  if (!reloads_.empty()) return;  // READY ends them all
  const std::string now = status();
  if (finished == 0 && now == told_status_) return;
  notice_.tell_ready(is_refused ? now + "; the last reload was refused, the log says why" : now);
  told_status_ = now;
}

/// Only while the process works: this thread is here, the manager's goes its rounds, and workers get on.
void Application::feed_watchdog() {
  const auto limit = notice_.watchdog_limit();
  const auto now = std::chrono::steady_clock::now();
  if (!limit || now - fed_at_ < *limit / 4) return;
  const std::uint64_t round = pipelines_->rounds();
  if (round == fed_round_ || pipelines_->stands_still(kStillForTooLong)) return;
  fed_round_ = round;
  fed_at_ = now;
  notice_.feed_watchdog();
}

/// Returns when all pipelines have ended. A signal ends all inputs, a second one everything.
void Application::wait_for_end() {
  const sigset_t signals = handled_signals();
  const int signal_descriptor = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  Progress progress(metrics_);
  const auto watchdog = notice_.watchdog_limit().value_or(std::chrono::hours(1));
  const auto pause = std::clamp<std::chrono::milliseconds>(
      std::chrono::duration_cast<std::chrono::milliseconds>(watchdog / 4), std::chrono::milliseconds(50), kProgressInterval);
  bool is_stopping = false;
  while (!pipelines_->has_ended()) {
    pollfd watched[] = {{signal_descriptor, POLLIN, 0}, {wake_descriptor_, POLLIN, 0}};
    poll(watched, 2, static_cast<int>(pause.count()));
    progress.show();
    if (is_stopping) {
      feed_watchdog();
    } else {
      notify();
    }
    std::uint64_t count = 0;
    if (read(wake_descriptor_, &count, sizeof count) < 0) count = 0;
    signalfd_siginfo received{};
    while (read(signal_descriptor, &received, sizeof received) == sizeof received) {
      if (received.ssi_signo == SIGHUP) {
        begin_reload();
        continue;
      }
      if (is_stopping) {
        log_warn("logboom", "second signal: quitting at once, undelivered events are given up");
        _exit(kExitRefused);
      }
      log_info("logboom", "stopping: inputs end, queued events are delivered; another signal quits at once");
      is_stopping = true;
      notice_.tell_stopping();
      dead_letter_service_->request_stop();
      served_pipelines_->note_stopping();
      pipelines_->request_stop();
    }
  }
  progress.finish();
  close(signal_descriptor);
  log_info("logboom", "all pipelines have ended");
}

}  // namespace logboom
