// Counters that the admin API and the Prometheus page read. Adding is one relaxed atomic add.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

/// A number that only grows (or, through set(), a level). Any thread.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A named group of counters: the process, a pipeline or a plugin. Counters live as long as their scope. Any thread.
/// Look counters up once, when a plugin is made; keep the reference.
class MetricScope {
 public:
  /// The counter of this name in this scope; made at the first call.
  Counter& counter(std::string_view name);
  /// The child scope of this name ("pipelines", "main", "filters", "grok_1"); made at the first call.
  MetricScope& child(std::string_view name);

  struct Sample {
    std::string path;  // names from the root, joined by '.'
    std::uint64_t value;
  };
  /// Every counter below this scope, sorted by path.
  std::vector<Sample> samples() const;

 private:
  void collect(const std::string& prefix, std::vector<Sample>& out) const;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters_;
  std::map<std::string, std::unique_ptr<MetricScope>, std::less<>> children_;
};

}  // namespace logboom
