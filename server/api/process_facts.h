// ProcessFacts: what the kernel says about this process and its machine.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace logboom {

struct ProcessFacts {
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_resident_bytes = 0;
  std::uint64_t anonymous_bytes = 0;  // of the resident ones: heap and stacks
  std::uint64_t virtual_bytes = 0;
  std::uint64_t memory_limit_bytes = 0;  // of the control group, or the machine's memory
  std::uint64_t cpu_milliseconds = 0;
  std::uint64_t threads = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t max_descriptors = 0;
  double load_1m = 0, load_5m = 0, load_15m = 0;
};

/// Reads /proc; what cannot be read stays 0. Any thread.
ProcessFacts read_process_facts();

/// Highest number of threads and descriptors that read_process_facts() has seen so far.
struct ProcessPeaks {
  std::uint64_t threads = 0;
  std::uint64_t descriptors = 0;
};
ProcessPeaks process_peaks();

/// The process's share of one core since it was asked last (whoever asks more often than once a second gets the same
/// answer), in percent of the whole machine, 0 to 100.
int cpu_percent();

/// Of the control group (v1 or v2) that the process is in; nullopt when it is in none that limits or counts CPU time.
struct ControlGroupFacts {
  std::string group;
  std::uint64_t usage_nanoseconds = 0;
  std::int64_t period_micros = -1;
  std::int64_t quota_micros = -1;  // -1: no limit
  std::uint64_t elapsed_periods = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t throttled_nanoseconds = 0;
};
std::optional<ControlGroupFacts> read_control_group();

struct ThreadFacts {
  int id = 0;
  std::string name;
  char state = '?';      // as /proc writes it: R, S, D, …
  std::string waits_in;  // of the kernel; empty when it does not say
  std::uint64_t cpu_ticks = 0;
};
/// All threads of this process.
std::vector<ThreadFacts> read_threads();
/// Ticks a second.
double ticks_per_second();

}  // namespace logboom
