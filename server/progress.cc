#include "server/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace logboom {

Progress::Progress(const MetricScope& metrics)
    : metrics_(metrics), is_terminal_(isatty(STDERR_FILENO) == 1), first_(std::chrono::steady_clock::now()), last_(first_) {}

void Progress::show() {
  if (!is_terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_).count();
  if (seconds < 0.9) return;
  const Count count = counted();
  if (count.lines != last_lines_) print(count, static_cast<double>(count.lines - last_lines_) / seconds);
  last_lines_ = count.lines;
  last_ = now;
}

void Progress::finish() {
  if (!is_terminal_) return;
  const Count count = counted();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - first_).count();
  print(count, static_cast<double>(count.lines) / std::max(seconds, 0.001));
  if (has_shown_) std::fputc('\n', stderr);
}

Progress::Count Progress::counted() const {
  Count count;
  for (const auto& sample : metrics_.samples()) {
    const auto ends_with = [&](std::string_view name) { return sample.path.ends_with(name); };
    if (ends_with(".bytes_total")) count.total_bytes += sample.value;
    if (ends_with(".bytes_read")) count.bytes += sample.value;
    if (ends_with(".lines")) count.lines += sample.value;
  }
  return count;
}

void Progress::print(const Count& count, double lines_per_second) {
  if (count.lines == 0 || count.total_bytes == 0) return;
  const double share = std::min(1.0, static_cast<double>(count.bytes) / static_cast<double>(count.total_bytes));
  std::fputs(
      fmt::format("\r{:3.0f} % read, {} lines, {:.0f} lines/s ", 100.0 * share, count.lines, lines_per_second).c_str(),
      stderr);
  has_shown_ = true;
}

}  // namespace logboom
