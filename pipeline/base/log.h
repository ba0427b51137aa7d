// The process log. spdlog stays inside log.cc, so that this header is cheap to include.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

namespace logboom {

enum class LogLevel { Trace, Debug, Info, Warn, Error, Fatal, Off };
enum class LogFormat { Plain, Json };

/// Where the log goes: standard error, and `directory`/logboom-plain.log (or -json.log) when `directory` is not empty.
/// Call once, before other threads start. A directory that cannot be written is reported on standard error and ignored.
void configure_log(LogLevel level, LogFormat format, std::string_view directory);

/// Changes the level of the running process. Any thread.
void set_log_level(LogLevel level);
LogLevel log_level();

/// Writes one line `[time][LEVEL][component] message`. Any thread. Blocks for one write(2).
void log_line(LogLevel level, std::string_view component, std::string_view message);

template <class... Args>
void log_debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::Debug) log_line(LogLevel::Debug, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::Info) log_line(LogLevel::Info, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::Warn) log_line(LogLevel::Warn, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::Error) log_line(LogLevel::Error, component, fmt::format(format, std::forward<Args>(args)...));
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
