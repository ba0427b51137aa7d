// FlowHistory: counters of the past, thinned out with age, so that rates over the last minute and the last day cost little
// memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

namespace logboom {

/// Values of a few counters at one time.
struct FlowRow {
  static constexpr std::size_t kColumns = 7;
  std::int64_t milliseconds = 0;  // of a clock that does not go back
  std::array<std::uint64_t, kColumns> values{};
};

/// One entity's counters. One thread.
class FlowHistory {
 public:
  enum class Depth { Day, QuarterHour };  // the longest window that is kept
  explicit FlowHistory(Depth depth = Depth::Day);

  /// Rows come in the order of their times.
  void add(const FlowRow& row);

  /// From the start of a window to the newest row.
  struct Window {
    std::string_view name;  // "current", "last_1_minute", …, "lifetime"
    FlowRow from;
    FlowRow to;
    double seconds() const { return static_cast<double>(to.milliseconds - from.milliseconds) / 1000; }
    /// How much a counter grew; one that was set back grew by nothing.
    double growth(std::size_t column) const {
      return to.values[column] > from.values[column] ? static_cast<double>(to.values[column] - from.values[column]) : 0;
    }
    /// How much a level changed.
    double change(std::size_t column) const {
      return static_cast<double>(static_cast<std::int64_t>(to.values[column] - from.values[column]));
    }
  };
  /// "current" and "lifetime" as soon as there are two rows, the others once they are full.
  std::vector<Window> windows() const;
  std::optional<Window> window(std::string_view name) const;
  /// Rows in memory.
  std::size_t rows() const;

 private:
  struct Level {
    std::string_view name;
    std::int64_t span;
    std::int64_t spacing;
    std::deque<FlowRow> rows;
  };
  std::vector<Level> levels_;
  std::optional<FlowRow> first_;
  FlowRow newest_;
};

}  // namespace logboom
