#include "server/api/process_facts.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

namespace logboom {
namespace {

std::atomic<std::uint64_t> peak_threads{0};
std::atomic<std::uint64_t> peak_descriptors{0};

void raise(std::atomic<std::uint64_t>& peak, std::uint64_t value) {
  std::uint64_t known = peak.load();
  while (value > known && !peak.compare_exchange_weak(known, value)) {
  }
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::uint64_t number_of(const std::string& text) {
  const std::size_t begin = text.find_first_of("0123456789");
  if (begin == std::string::npos) return 0;
  std::uint64_t number = 0;
  std::from_chars(text.data() + begin, text.data() + text.size(), number);
  return number;
}

/// "VmRSS:	  1234 kB" and the like, in bytes when it says kB.
std::map<std::string, std::uint64_t> keyed_lines(const std::string& path) {
  std::map<std::string, std::uint64_t> found;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::size_t end = line.find_first_of(": ");
    if (end == std::string::npos) continue;
    found[line.substr(0, end)] = number_of(line.substr(end)) * (line.find(" kB") != std::string::npos ? 1024 : 1);
  }
  return found;
}

std::uint64_t entries_of(const char* directory) {
  DIR* opened = opendir(directory);
  if (opened == nullptr) return 0;
  std::uint64_t count = 0;
  while (const dirent* entry = readdir(opened))
    if (entry->d_name[0] != '.') ++count;
  closedir(opened);
  return count;
}

std::uint64_t cpu_milliseconds_now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto milliseconds = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 + static_cast<std::uint64_t>(time.tv_usec) / 1000;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

/// The path behind "CONTROLLER:" in /proc/self/cgroup; v2 has no controller.
std::optional<std::string> group_path(const std::string& controller) {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controller.empty() ? names == ",," : names.find("," + controller + ",") != std::string::npos)
      return line.substr(second + 1);
  }
  return std::nullopt;
}

/// In a container the group's own files are at the mount's root.
std::string group_directory(const std::string& root, const std::string& path, const char* file) {
  const std::string own = root + path;
  return access((own + "/" + file).c_str(), R_OK) == 0 ? own : root;
}

std::uint64_t memory_limit() {
  std::uint64_t limit = keyed_lines("/proc/meminfo")["MemTotal"];
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const std::uint64_t of_group = number_of(text_of(path));
    if (of_group > 0) limit = limit == 0 ? of_group : std::min(limit, of_group);
  }
  return limit;
}

}  // namespace

ProcessFacts read_process_facts() {
  ProcessFacts facts;
  auto status = keyed_lines("/proc/self/status");
  facts.resident_bytes = status["VmRSS"];
  facts.peak_resident_bytes = status["VmHWM"];
  facts.anonymous_bytes = status["RssAnon"];
  facts.virtual_bytes = status["VmSize"];
  facts.threads = status["Threads"];
  static const std::uint64_t limit = memory_limit();
  facts.memory_limit_bytes = limit;
  facts.cpu_milliseconds = cpu_milliseconds_now();
  facts.open_descriptors = entries_of("/proc/self/fd");
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) facts.max_descriptors = descriptors.rlim_cur;
  double loads[3] = {};
  if (getloadavg(loads, 3) == 3) {
    facts.load_1m = loads[0];
    facts.load_5m = loads[1];
    facts.load_15m = loads[2];
  }
  raise(peak_threads, facts.threads);
  raise(peak_descriptors, facts.open_descriptors);
  return facts;
}

ProcessPeaks process_peaks() { return {peak_threads.load(), peak_descriptors.load()}; }

int cpu_percent() {
  static std::mutex mutex;
  static auto since = std::chrono::steady_clock::now();
  static std::uint64_t spent = cpu_milliseconds_now();
  static int percent = 0;
  const std::lock_guard lock(mutex);
  const auto now = std::chrono::steady_clock::now();
  const double passed = std::chrono::duration<double, std::milli>(now - since).count();
  if (passed < 1000) return percent;
  const std::uint64_t cpu = cpu_milliseconds_now();
  const double cores = std::max(1u, std::thread::hardware_concurrency());
  percent = std::clamp(static_cast<int>(static_cast<double>(cpu - spent) * 100 / passed / cores), 0, 100);
  since = now;
  spent = cpu;
  return percent;
}

std::optional<ControlGroupFacts> read_control_group() {
  ControlGroupFacts facts;
  if (const auto path = group_path("cpu")) {  // v1
    facts.group = *path;
    const std::string cpu = group_directory("/sys/fs/cgroup/cpu", *path, "cpu.stat");
    const std::string accounting = group_directory("/sys/fs/cgroup/cpuacct", *path, "cpuacct.usage");
    auto stat = keyed_lines(cpu + "/cpu.stat");
    facts.usage_nanoseconds = number_of(text_of(accounting + "/cpuacct.usage"));
    facts.period_micros = static_cast<std::int64_t>(number_of(text_of(cpu + "/cpu.cfs_period_us")));
    const std::string quota = text_of(cpu + "/cpu.cfs_quota_us");
    facts.quota_micros = quota.empty() || quota[0] == '-' ? -1 : static_cast<std::int64_t>(number_of(quota));
    facts.elapsed_periods = stat["nr_periods"];
    facts.throttled_periods = stat["nr_throttled"];
    facts.throttled_nanoseconds = stat["throttled_time"];
    return facts;
  }
  const auto path = group_path("");
  if (!path) return std::nullopt;
  const std::string directory = group_directory("/sys/fs/cgroup", *path, "cpu.stat");
  auto stat = keyed_lines(directory + "/cpu.stat");
  if (stat.empty()) return std::nullopt;
  facts.group = *path;
  facts.usage_nanoseconds = stat["usage_usec"] * 1000;
  facts.elapsed_periods = stat["nr_periods"];
  facts.throttled_periods = stat["nr_throttled"];
  facts.throttled_nanoseconds = stat["throttled_usec"] * 1000;
  std::istringstream max(text_of(directory + "/cpu.max"));  // "max 100000"
  std::string quota;
  if (max >> quota >> facts.period_micros && quota != "max")
    facts.quota_micros = static_cast<std::int64_t>(number_of(quota));
  return facts;
}

std::vector<ThreadFacts> read_threads() {
  std::vector<ThreadFacts> threads;
  DIR* opened = opendir("/proc/self/task");
  if (opened == nullptr) return threads;
  while (const dirent* entry = readdir(opened)) {
    if (entry->d_name[0] == '.') continue;
    const std::string directory = std::string("/proc/self/task/") + entry->d_name;
    const std::string stat = text_of(directory + "/stat");  // "12 (name with spaces) S 1 …"
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 2 >= stat.size()) continue;
    ThreadFacts facts;
    facts.id = std::atoi(entry->d_name);
    facts.name = stat.substr(open + 1, close - open - 1);
    facts.state = stat[close + 2];
    std::istringstream rest(stat.substr(close + 4));
    std::string skipped;
    for (int field = 4; field < 14; ++field) rest >> skipped;
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    rest >> user >> system;
    facts.cpu_ticks = user + system;
    facts.waits_in = text_of(directory + "/wchan");
    if (facts.waits_in == "0") facts.waits_in.clear();
    threads.push_back(std::move(facts));
  }
  closedir(opened);
  return threads;
}

double ticks_per_second() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

}  // namespace logboom
