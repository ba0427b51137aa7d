// SequenceSet: numbers kept as ranges, for what is done above a frontier.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace logboom {

/// Ranges [first, end) that neither touch nor overlap.
class SequenceSet {
 public:
  using Ranges = std::map<std::uint64_t, std::uint64_t>;  // first → end

  /// Adds [first, end); returns how many of these numbers are new.
  std::uint64_t add(std::uint64_t first, std::uint64_t end) {
    if (first >= end) return 0;
    std::uint64_t added = end - first;
    auto next = ranges_.upper_bound(first);
    if (next != ranges_.begin()) {
      const auto before = std::prev(next);
      if (before->second >= first) {
        added -= std::min(before->second, end) - first;
        first = before->first;
        end = std::max(end, before->second);
        next = ranges_.erase(before);
      }
    }
    while (next != ranges_.end() && next->first <= end) {
      // What `before` covered beyond the wanted end was no part of [first, end) then, so this cannot count twice.
      if (next->first < end) added -= std::min(next->second, end) - next->first;
      end = std::max(end, next->second);
      next = ranges_.erase(next);
    }
    ranges_.emplace_hint(next, first, end);
    size_ += added;
    return added;
  }

  /// Takes everything below `border` out, and returns where the range that begins at or below it ends (`border` without
  /// one).
  std::uint64_t take_below(std::uint64_t border) {
    while (!ranges_.empty() && ranges_.begin()->first <= border) {
      const auto range = *ranges_.begin();
      ranges_.erase(ranges_.begin());
      size_ -= range.second - range.first;
      border = std::max(border, range.second);
    }
    return border;
  }

  bool contains(std::uint64_t number) const {
    const auto after = ranges_.upper_bound(number);
    return after != ranges_.begin() && std::prev(after)->second > number;
  }
  /// True when every number of [first, end) is in it.
  bool covers(std::uint64_t first, std::uint64_t end) const {
    if (first >= end) return true;
    const auto after = ranges_.upper_bound(first);
    return after != ranges_.begin() && std::prev(after)->second >= end;
  }
  /// How many numbers of [first, end) are in it.
  std::uint64_t count_within(std::uint64_t first, std::uint64_t end) const {
    std::uint64_t count = 0;
    auto range = ranges_.upper_bound(first);
    if (range != ranges_.begin()) --range;
    for (; range != ranges_.end() && range->first < end; ++range) {
      const std::uint64_t from = std::max(first, range->first);
      const std::uint64_t to = std::min(end, range->second);
      if (from < to) count += to - from;
    }
    return count;
  }
  std::uint64_t size() const { return size_; }
  bool empty() const { return ranges_.empty(); }
  const Ranges& ranges() const { return ranges_; }
  void clear() {
    ranges_.clear();
    size_ = 0;
  }

 private:
  Ranges ranges_;
  std::uint64_t size_ = 0;
};

}  // namespace logboom
