// Progress: while files are read, lines per second and the share done, on standard error when that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>

#include "pipeline/base/metrics.h"

namespace logboom {

/// Looks for the counters bytes_total, bytes_read and lines of reading inputs. One thread.
class Progress {
 public:
  explicit Progress(const MetricScope& metrics);
  /// Rewrites the line when a second has passed; does nothing when nothing is being read or nobody looks.
  void show();
  /// Shows how much was read in all, and ends the line.
  void finish();

 private:
  struct Count {
    std::uint64_t total_bytes = 0;
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0;
  };
  Count counted() const;
  void print(const Count& count, double lines_per_second);

  const MetricScope& metrics_;
  const bool is_terminal_;
  bool has_shown_ = false;
  std::uint64_t last_lines_ = 0;
  const std::chrono::steady_clock::time_point first_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace logboom
