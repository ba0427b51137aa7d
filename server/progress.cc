#include "server/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace logboom {

Progress::Progress(const MetricScope& metrics)
    : metrics_(metrics), is_terminal_(isatty(STDERR_FILENO) == 1), last_(std::chrono::steady_clock::now()) {}

void Progress::show() {
  if (!is_terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_).count();
  if (seconds < 0.9) return;
  std::uint64_t total = 0, done = 0, lines = 0;
  for (const auto& sample : metrics_.samples()) {
    const auto ends_with = [&](std::string_view name) { return sample.path.ends_with(name); };
    if (ends_with(".bytes_total")) total += sample.value;
    if (ends_with(".bytes_read")) done += sample.value;
    if (ends_with(".lines")) lines += sample.value;
  }
  if (total > 0 && lines != last_lines_) {
    const double rate = static_cast<double>(lines - last_lines_) / seconds;
    std::fputs(fmt::format("\r{:3.0f} % read, {} lines, {:.0f} lines/s ",
                           100.0 * static_cast<double>(done) / static_cast<double>(total), lines, rate)
                   .c_str(),
               stderr);
    has_shown_ = true;
  }
  last_lines_ = lines;
  last_ = now;
}

void Progress::finish() {
  if (has_shown_) std::fputc('\n', stderr);
}

}  // namespace logboom
