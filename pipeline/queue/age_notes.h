// AgeNotes: about when events were written, by their sequence numbers: for how old the oldest one is.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace logboom {

/// One note a second is enough, so a backlog of hours costs little. Used under its owner's lock.
class AgeNotes {
 public:
  /// Event `sequence` was written then (milliseconds of wall time), and those behind it not earlier.
  void note(std::uint64_t sequence, std::int64_t written_at) {
    const auto behind = notes_.upper_bound(sequence);
    if (behind != notes_.begin() && written_at - std::prev(behind)->second < kStep) return;
    notes_.emplace_hint(behind, sequence, written_at);
  }
  /// When the first event that is not done was written, to a second; forgets what lies before it.
  std::optional<std::int64_t> oldest(std::uint64_t frontier) {
    while (notes_.size() > 1 && std::next(notes_.begin())->first <= frontier) notes_.erase(notes_.begin());
    if (notes_.empty()) return std::nullopt;
    return notes_.begin()->second;
  }

 private:
  static constexpr std::int64_t kStep = 1000;
  std::map<std::uint64_t, std::int64_t> notes_;
};

}  // namespace logboom
