#include "server/api/flow_history.h"

namespace logboom {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::string_view kCurrent = "current";

}  // namespace

FlowHistory::FlowHistory(Depth depth)
    : levels_{{kCurrent, 10 * kSecond, kSecond, {}},
              {"last_1_minute", kMinute, 3 * kSecond, {}},
              {"last_5_minutes", 5 * kMinute, 15 * kSecond, {}},
              {"last_15_minutes", 15 * kMinute, 30 * kSecond, {}}} {
  if (depth == Depth::QuarterHour) return;
  levels_.push_back({"last_1_hour", kHour, kMinute, {}});
  levels_.push_back({"last_24_hours", 24 * kHour, 15 * kMinute, {}});
}

void FlowHistory::add(const FlowRow& row) {
  if (!first_) first_ = row;
  newest_ = row;
  for (Level& level : levels_) {
    // Half a sample's time of tolerance: the sampler is never quite on time.
    const bool is_due =
        level.rows.empty() || row.milliseconds - level.rows.back().milliseconds >= level.spacing - kSecond / 2;
    if (is_due) level.rows.push_back(row);
    // One row that is older than the window stays: the window begins there.
    while (level.rows.size() > 1 && row.milliseconds - level.rows[1].milliseconds >= level.span) level.rows.pop_front();
  }
}

std::vector<FlowHistory::Window> FlowHistory::windows() const {
  std::vector<Window> all;
  if (!first_ || first_->milliseconds == newest_.milliseconds) return all;
  for (const Level& level : levels_) {
    const FlowRow& oldest = level.rows.front();
    const bool is_full = newest_.milliseconds - oldest.milliseconds >= level.span;
    if (!is_full && level.name != kCurrent) continue;
    if (oldest.milliseconds < newest_.milliseconds) all.push_back({level.name, oldest, newest_});
  }
  all.push_back({"lifetime", *first_, newest_});
  return all;
}

std::optional<FlowHistory::Window> FlowHistory::window(std::string_view name) const {
  for (const Window& window : windows())
    if (window.name == name) return window;
  return std::nullopt;
}

std::size_t FlowHistory::rows() const {
  std::size_t sum = 0;
  for (const Level& level : levels_) sum += level.rows.size();
  return sum;
}

}  // namespace logboom
