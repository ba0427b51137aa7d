// The process log. spdlog stays inside log.cc, so that this header is cheap to include.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom {

enum class LogLevel { Trace, Debug, Info, Warn, Error, Fatal, Off };
enum class LogFormat { Plain, Json };

/// Where the log goes: standard error, and `directory`/logboom-plain.log (or -json.log) when `directory` is not empty.
/// Call once, before other threads start. A directory that cannot be written is reported on standard error and ignored.
void configure_log(LogLevel level, LogFormat format, std::string_view directory);

/// Changes the level of the running process; components with a level of their own keep it. Any thread.
void set_log_level(LogLevel level);
LogLevel log_level();
/// Gives one component (the second argument of log_info() and the like) a level of its own. Any thread.
void set_log_level(std::string_view component, LogLevel level);
/// Takes every component's own level back, and the process's level to what configure_log() was told. Any thread.
void reset_log_levels();
struct ComponentLevel {
  std::string component;
  LogLevel level;
};
/// Components that have logged so far (the first few hundred) or have a level of their own, sorted. Any thread.
std::vector<ComponentLevel> component_log_levels();
/// The least severe level that any component logs. Any thread.
LogLevel most_verbose_log_level();

/// Writes one line `[time][LEVEL][component] message`, when the component's level allows it. Any thread. Blocks for one
/// write(2).
void log_line(LogLevel level, std::string_view component, std::string_view message);

template <class... Args>
void log_debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (most_verbose_log_level() <= LogLevel::Debug)
    log_line(LogLevel::Debug, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (most_verbose_log_level() <= LogLevel::Info)
    log_line(LogLevel::Info, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (most_verbose_log_level() <= LogLevel::Warn)
    log_line(LogLevel::Warn, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (most_verbose_log_level() <= LogLevel::Error)
    log_line(LogLevel::Error, component, fmt::format(format, std::forward<Args>(args)...));
}

/// Lets one line through per interval, so that a hostile sender cannot fill the disk with our log. Any thread.
class LogRateLimit {
 public:
  explicit LogRateLimit(std::int64_t interval_seconds = 10) : interval_seconds_(interval_seconds) {}
  /// True when the caller may log now; `suppressed()` then says how many were held back since the last one.
  bool allow();
  std::uint64_t suppressed() const { return last_suppressed_.load(std::memory_order_relaxed); }

 private:
  std::int64_t interval_seconds_;
  std::atomic<std::int64_t> next_seconds_{0};
  std::atomic<std::uint64_t> held_back_{0};
  std::atomic<std::uint64_t> last_suppressed_{0};
};

}  // namespace logboom
