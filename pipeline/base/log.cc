#include "pipeline/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/base/redaction.h"

namespace logboom {
namespace {

constexpr std::size_t kLogFileBytes = 100 * 1024 * 1024;  // as Logstash rotates: 100 MB, 30 files
constexpr std::size_t kLogFiles = 30;

constexpr std::size_t kMostComponents = 256;  // that are remembered without a level of their own

std::atomic<LogLevel> current_level{LogLevel::Info};
std::atomic<LogLevel> configured_level{LogLevel::Info};
std::atomic<LogLevel> most_verbose_level{LogLevel::Info};  // the least of current_level and all own levels
std::atomic<LogFormat> current_format{LogFormat::Plain};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(static_cast<int>(level));
}

const char* level_name(LogLevel level) {
  switch (level) {
    case LogLevel::Trace: return "TRACE";
    case LogLevel::Debug: return "DEBUG";
    case LogLevel::Info: return "INFO";
    case LogLevel::Warn: return "WARN";
    case LogLevel::Error: return "ERROR";
    default: return "FATAL";
  }
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("logboom", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::trace);
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return instance;
}

/// Components by name; Off stands for one without a level of its own.
class Components {
 public:
  /// Whether the component logs lines of this level; remembers it.
  bool allows(std::string_view component, LogLevel level) {
    const std::lock_guard lock(mutex_);
    const auto found = levels_.find(component);
    if (found == levels_.end()) {
      if (levels_.size() < kMostComponents) levels_.emplace(component, LogLevel::Off);
      return level >= current_level.load();
    }
    return level >= (found->second == LogLevel::Off ? current_level.load() : found->second);
  }
  void set(std::string_view component, LogLevel level) {
    const std::lock_guard lock(mutex_);
    levels_.insert_or_assign(std::string(component), level);
    find_most_verbose();
  }
  void set_all(LogLevel level) {
    const std::lock_guard lock(mutex_);
    current_level = level;
    find_most_verbose();
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    for (auto& [name, level] : levels_) level = LogLevel::Off;
    current_level = configured_level.load();
    find_most_verbose();
  }
  std::vector<ComponentLevel> list() const {
    std::vector<ComponentLevel> all;
    const std::lock_guard lock(mutex_);
    for (const auto& [name, level] : levels_) all.push_back({name, level == LogLevel::Off ? current_level.load() : level});
    return all;
  }

 private:
  void find_most_verbose() {
    LogLevel least = current_level;
    for (const auto& [name, level] : levels_) least = std::min(least, level);
    most_verbose_level = least;
  }
  mutable std::mutex mutex_;
  std::map<std::string, LogLevel, std::less<>> levels_;
};

Components& components() {
  static Components all;
  return all;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

void configure_log(LogLevel level, LogFormat format, std::string_view directory) {
  configured_level = level;
  components().set_all(level);
  current_format = format;
  if (directory.empty()) return;
  const std::string path = std::string(directory) + (format == LogFormat::Json ? "/logboom-json.log" : "/logboom-plain.log");
  try {
    logger()->sinks().push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, kLogFileBytes, kLogFiles));
    logger()->set_pattern("%v");
  } catch (const spdlog::spdlog_ex& problem) {
    log_warn("logboom", "no log file: {} (path.logs must be a directory that can be written)", problem.what());
  }
}

void set_log_level(LogLevel level) { components().set_all(level); }
void set_log_level(std::string_view component, LogLevel level) { components().set(component, level); }
void reset_log_levels() { components().reset(); }
std::vector<ComponentLevel> component_log_levels() { return components().list(); }
LogLevel most_verbose_log_level() { return most_verbose_level.load(std::memory_order_relaxed); }
LogLevel log_level() { return current_level.load(std::memory_order_relaxed); }

void log_line(LogLevel level, std::string_view component, std::string_view text) {
  if (level < most_verbose_log_level() || !components().allows(component, level)) return;
  const std::string message = redacted(std::string(text));
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  const int millis = static_cast<int>(now.tv_nsec / 1'000'000);
  const std::string stamp = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02},{:03}", parts.tm_year + 1900, parts.tm_mon + 1,
                                        parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, millis);
  std::string line;
  if (current_format == LogFormat::Json) {
    line = fmt::format(R"({{"level":"{}","timestamp":"{}","loggerName":)", level_name(level), stamp);
    append_json_string(line, component);
    line += R"(,"message":)";
    append_json_string(line, message);
    line += '}';
  } else {
    line = fmt::format("[{}][{:<5}][{}] {}", stamp, level_name(level), component, message);
  }
  logger()->log(to_spdlog(level), line);
}

bool LogRateLimit::allow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  std::int64_t next = next_seconds_.load(std::memory_order_relaxed);
  if (now.tv_sec >= next && next_seconds_.compare_exchange_strong(next, now.tv_sec + interval_seconds_)) {
    last_suppressed_ = held_back_.exchange(0);
    return true;
  }
  held_back_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

}  // namespace logboom
