// Counters that the admin API and the Prometheus page read. Adding is one relaxed atomic add.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

/// A number that only grows (or, through set(), a level). Any thread. Spread over a few cache lines, so that workers that
/// count the same thing do not wait for each other's cache.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { shards_[shard_of_this_thread()].value.fetch_add(amount, std::memory_order_relaxed); }
  /// For a level: one caller at a time, and never beside add().
  void set(std::uint64_t value) { shards_[0].value.store(value, std::memory_order_relaxed); }
  std::uint64_t value() const {
    std::uint64_t sum = 0;
    for (const Shard& shard : shards_) sum += shard.value.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  static constexpr std::size_t kShards = 4;
  struct alignas(64) Shard {
    std::atomic<std::uint64_t> value{0};
  };
  static std::size_t shard_of_this_thread() {
    static std::atomic<std::size_t> threads{0};
    static thread_local const std::size_t shard = threads.fetch_add(1, std::memory_order_relaxed) % kShards;
    return shard;
  }
  Shard shards_[kShards];
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
