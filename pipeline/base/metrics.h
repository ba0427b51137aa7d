// Counters that the admin API and the Prometheus page read. Adding is one relaxed atomic add.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
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

/// How long things took: counts by power of two of microseconds, 1 µs to 2^31 µs (36 minutes) and beyond. Any thread.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 33;  // the last one: longer than all others
  void observe(std::chrono::nanoseconds duration) {
    const auto microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count() / 1000));
    const auto bucket = std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(microseconds)), kBuckets - 1);
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_microseconds_.fetch_add(microseconds, std::memory_order_relaxed);
  }
  /// Observations below 2^bucket µs (and not in an earlier bucket).
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& count : counts_) sum += count.load(std::memory_order_relaxed);
    return sum;
  }
  std::uint64_t sum_microseconds() const { return sum_microseconds_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> counts_[kBuckets] = {};
  std::atomic<std::uint64_t> sum_microseconds_{0};
};

/// A text and when it was set: a plugin's last error. Any thread.
class Note {
 public:
  struct Content {
    std::string text;                // empty: never set
    std::int64_t epoch_seconds = 0;  // when, UTC
  };
  void set(std::string_view text);
  Content content() const;

 private:
  mutable std::mutex mutex_;
  Content content_;
};

/// A named group of counters: the process, a pipeline or a plugin. Counters live as long as their scope. Any thread.
/// Look counters up once, when a plugin is made; keep the reference.
class MetricScope {
 public:
  /// The counter of this name in this scope; made at the first call.
  Counter& counter(std::string_view name);
  /// The histogram of this name in this scope; made at the first call.
  Histogram& histogram(std::string_view name);
  /// The note of this name in this scope; made at the first call.
  Note& note(std::string_view name);
  /// The child scope of this name ("pipelines", "main", "filters", "grok_1"); made at the first call.
  MetricScope& child(std::string_view name);

  struct Sample {
    std::string path;  // names from the root, joined by '.'
    std::uint64_t value;
  };
  /// Every counter below this scope, sorted by path. A histogram shows as its `.count` and `.sum_microseconds`.
  std::vector<Sample> samples() const;
  struct NoteSample {
    std::string path;
    Note::Content content;
  };
  /// Every note below this scope that was set, sorted by path.
  std::vector<NoteSample> notes() const;
  struct HistogramSample {
    std::string path;
    const Histogram* histogram;  // lives as long as the scope
  };
  /// Every histogram below this scope, sorted by path.
  std::vector<HistogramSample> histograms() const;

 private:
  void collect(const std::string& prefix, std::vector<Sample>& out) const;
  void collect_notes(const std::string& prefix, std::vector<NoteSample>& out) const;
  void collect_histograms(const std::string& prefix, std::vector<HistogramSample>& out) const;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters_;
  std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms_;
  std::map<std::string, std::unique_ptr<Note>, std::less<>> notes_;
  std::map<std::string, std::unique_ptr<MetricScope>, std::less<>> children_;
};

}  // namespace logboom
