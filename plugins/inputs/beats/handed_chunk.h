// Which sequence numbers of a window the events of a chunk stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace logboom::beats {

/// What the writer must know of a chunk that was handed over; in the order of PendingAcks.
struct HandedChunk {
  char version = '2';
  bool ends_window = false;
  std::uint32_t first_sequence = 0;
  std::uint32_t last_sequence = 0;
  /// Events up to and with each frame, and its sequence; empty while frame n is event n and counts from first_sequence.
  std::vector<std::pair<std::size_t, std::uint32_t>> frames;

  /// The last sequence number whose events are among the first `events`; nullopt: none is whole.
  std::optional<std::uint32_t> sequence_after(std::size_t events) const {
    if (frames.empty())
      return events == 0 ? std::nullopt : std::optional(first_sequence + static_cast<std::uint32_t>(events) - 1);
    std::optional<std::uint32_t> last;
    for (const auto& [end, sequence] : frames) {
      if (end > events) break;
      last = sequence;
    }
    return last;
  }
};

}  // namespace logboom::beats
