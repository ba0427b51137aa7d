// throttle: counts events by key and time, and marks those below or above a number.
// Tested by tests/plugins/filters/throttle_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct ThrottleOptions {
  FieldTemplate key;
  std::int64_t before_count = -1;
  std::int64_t after_count = -1;
  FieldTemplate period = FieldTemplate::parse("60");
  std::int64_t max_age = 3600;
  std::int64_t max_counters = 100'000;
};

OptionTable<ThrottleOptions> throttle_options() {
  OptionTable<ThrottleOptions> table;
  table.required("key", &ThrottleOptions::key,
                 "Events with the same text here are counted together; may hold %{references}.");
  table.optional("before_count", &ThrottleOptions::before_count,
                 "Events before this one of a slot are throttled; -1: none.");
  table.optional("after_count", &ThrottleOptions::after_count, "Events after this one of a slot are throttled; -1: none.");
  table.optional("period", &ThrottleOptions::period, "Length of a slot in seconds; may hold %{references}.");
  table.optional("max_age", &ThrottleOptions::max_age, "Seconds that a slot is kept behind the newest one of its key.");
  table.optional("max_counters", &ThrottleOptions::max_counters, "Most slots that are counted; -1: any number.");
  return table;
}

/// The remainder that has the sign of the divisor, so that slots run on below the first event's time.
std::int64_t floor_remainder(std::int64_t value, std::int64_t divisor) {
  const std::int64_t rest = value % divisor;
  return rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest;
}

/// The key as it is remembered: a long one as its two ends and hashes, so that long texts cannot fill the memory.
std::string_view short_key(std::string_view key, std::string& scratch) {
  constexpr std::size_t kLongest = 256;
  constexpr std::size_t kKeptEnd = 64;
  if (key.size() <= kLongest) return key;
  scratch = fmt::format("{}\n{}\n{:x}\n{:x}\n{}", key.substr(0, kKeptEnd), key.size(), std::hash<std::string_view>()(key),
                        make_key(key).hash, key.substr(key.size() - kKeptEnd));
  return scratch;
}

/// The counters of all workers. Any thread.
class SlotCounters {
 public:
  SlotCounters(std::int64_t max_age, std::int64_t max_counters) : max_age_(max_age), max_counters_(max_counters) {}

  /// Counts one event; which one of its slot it is, from 1.
  std::int64_t count(std::string_view key, std::int64_t time, std::int64_t period) {
    const std::lock_guard lock(mutex_);
    auto found = by_key_.find(key);
    if (found == by_key_.end()) {
      keys_.push_back({std::string(key), time, time, {}});
      found = by_key_.emplace(keys_.back().name, std::prev(keys_.end())).first;
    } else {
      keys_.splice(keys_.end(), keys_, found->second);  // the least recently counted key stands first
    }
    Key& entry = *found->second;
    entry.latest = std::max(entry.latest, time);
    const std::int64_t slot_start = time - floor_remainder(time - entry.created, period);
    const std::int64_t count = ++slot_of(entry, slot_start).count;
    forget_old_slots(entry);
    while (max_counters_ >= 0 && total_ > max_counters_ && keys_.size() > 1) forget(keys_.begin());
    return count;
  }

  /// Forgets keys that were last seen max_age before the newest event.
  void forget_old_keys() {
    const std::lock_guard lock(mutex_);
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    for (const Key& key : keys_) newest = std::max(newest, key.latest);
    for (auto key = keys_.begin(); key != keys_.end();) {
      const auto next = std::next(key);
      if (key->latest < newest - max_age_) forget(key);
      key = next;
    }
  }

 private:
  struct Slot {
    std::int64_t start;
    std::int64_t count;
  };
  struct Key {
    std::string name;
    std::int64_t created;
    std::int64_t latest;
    std::vector<Slot> slots;
  };

  Slot& slot_of(Key& key, std::int64_t start) {
    for (auto slot = key.slots.rbegin(); slot != key.slots.rend(); ++slot)
      if (slot->start == start) return *slot;
    ++total_;
    if (max_counters_ >= 0 &&
        key.slots.size() > static_cast<std::size_t>(max_counters_)) {  // one key alone is over the limit
      key.slots.erase(key.slots.begin());
      --total_;
    }
    return key.slots.emplace_back(Slot{start, 0});
  }

  void forget_old_slots(Key& key) {
    if (key.slots.size() < 2) return;
    std::int64_t newest = key.slots[0].start;
    for (const Slot& slot : key.slots) newest = std::max(newest, slot.start);
    const std::size_t before = key.slots.size();
    std::erase_if(key.slots, [&](const Slot& slot) { return slot.start < newest - max_age_; });
    total_ -= static_cast<std::int64_t>(before - key.slots.size());
  }

  void forget(std::list<Key>::iterator key) {
    total_ -= static_cast<std::int64_t>(key->slots.size());
    by_key_.erase(key->name);
    keys_.erase(key);
  }

  std::int64_t max_age_;
  std::int64_t max_counters_;
  std::mutex mutex_;
  std::list<Key> keys_;
  std::unordered_map<std::string_view, std::list<Key>::iterator> by_key_;  // views of the names in keys_
  std::int64_t total_ = 0;
};

class Throttle {
 public:
  Throttle(ThrottleOptions options, const PluginContext& context)
      : options_(std::move(options)),
        counters_(context.shared<SlotCounters>([&] { return new SlotCounters(options_.max_age, options_.max_counters); })),
        throttled_(&context.metrics().counter("throttled")) {}

  Verdict apply(Event& event) {
    const auto time = event.timestamp();
    const std::int64_t count =
        counters_->count(short_key(options_.key.render(event), scratch_), time ? time->seconds : 0, period_of(event));
    const bool is_throttled = (options_.before_count != -1 && count < options_.before_count) ||
                              (options_.after_count != -1 && count > options_.after_count);
    if (!is_throttled) return Verdict::Unmatched;
    throttled_->add();
    return Verdict::Pass;
  }

  void flush(NewEvents&, FlushKind) { counters_->forget_old_keys(); }

 private:
  /// The number that the text begins with; 60 when there is none.
  std::int64_t period_of(const Event& event) const {
    std::string_view text = options_.period.render(event);
    while (!text.empty() && (text.front() == ' ' || (text.front() >= '\t' && text.front() <= '\r'))) text.remove_prefix(1);
    if (text.size() > 1 && text.front() == '+') text.remove_prefix(1);
    std::int64_t seconds = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    constexpr std::int64_t kLongest = 1'000'000'000'000;
    return problem != std::errc() || seconds == 0 || seconds > kLongest || seconds < -kLongest ? 60 : seconds;
  }

  ThrottleOptions options_;
  std::shared_ptr<SlotCounters> counters_;
  Counter* throttled_;
  std::string scratch_;
};

const RegisterFilter registered({
    .name = "throttle",
    .summary = "Marks events that come too seldom or too often.",
    .make = make_filter<Throttle, throttle_options>,
    .details =
        R"(Events are counted by `key` in slots of `period` seconds of their `@timestamp`. The slots of a key begin at
the time of its first event; earlier events fall into earlier slots. An event is throttled when it comes before number
`before_count` of its slot or after number `after_count`: then add_field, add_tag and so on are done, and nothing
else. Drop such events with a condition on the tag.

All workers count together. A slot is forgotten when it is `max_age` seconds older than the newest of its key, a key
when it was last seen `max_age` seconds before the newest event. When more than `max_counters` slots are held, the
keys that were not seen for the longest time are forgotten.)",
});

}  // namespace
}  // namespace logboom
