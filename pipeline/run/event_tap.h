// EventTap: lets somebody see events as they pass a plugin, without holding them up.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "pipeline/base/metrics.h"
#include "pipeline/event/event.h"

namespace logboom {

enum class TapSide { In, Out };

/// Shown an event on the thread that works with it, one call at a time; must be quick. False: has seen enough.
using TapViewer = std::function<bool(const Event& event)>;

/// One look at one plugin; ends with this object. Any thread.
class EventTap {
 public:
  /// `plugin` is the plugin's metric scope: it stays the same over reloads.
  EventTap(const MetricScope& plugin, TapSide side, TapViewer viewer);
  /// The viewer is not called any more when this returns.
  ~EventTap();
  EventTap(const EventTap&) = delete;
  EventTap& operator=(const EventTap&) = delete;

  /// True while anybody looks at any plugin: one relaxed load.
  static bool is_any() { return open_taps_.load(std::memory_order_relaxed) > 0; }
  /// Shows events to those that look at this side of this plugin. Call when is_any().
  static void show(const MetricScope* plugin, TapSide side, std::span<Event* const> events);

 private:
  struct Look;
  static std::atomic<int> open_taps_;
  std::shared_ptr<Look> look_;
};

}  // namespace logboom
