#include "pipeline/run/event_tap.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace logboom {

struct EventTap::Look {
  const MetricScope* plugin = nullptr;
  TapSide side = TapSide::Out;
  std::mutex mutex;
  TapViewer viewer;  // empty: has seen enough
};

std::atomic<int> EventTap::open_taps_{0};

namespace {

template <class Look>
struct Looks {
  std::mutex mutex;
  std::vector<std::shared_ptr<Look>> open;
};

template <class Look>
Looks<Look>& looks() {
  static Looks<Look> all;
  return all;
}

}  // namespace

EventTap::EventTap(const MetricScope& plugin, TapSide side, TapViewer viewer) : look_(std::make_shared<Look>()) {
  look_->plugin = &plugin;
  look_->side = side;
  look_->viewer = std::move(viewer);
  auto& all = looks<Look>();
  const std::lock_guard lock(all.mutex);
  all.open.push_back(look_);
  open_taps_.fetch_add(1, std::memory_order_relaxed);
}

EventTap::~EventTap() {
  auto& all = looks<Look>();
  {
    const std::lock_guard lock(all.mutex);
    std::erase(all.open, look_);
    open_taps_.fetch_sub(1, std::memory_order_relaxed);
  }
  const std::lock_guard lock(look_->mutex);  // a call that is under way ends first
  look_->viewer = nullptr;
}

void EventTap::show(const MetricScope* plugin, TapSide side, std::span<Event* const> events) {
  std::vector<std::shared_ptr<Look>> wanted;
  {
    auto& all = looks<Look>();
    const std::lock_guard lock(all.mutex);
    for (const auto& look : all.open)
      if (look->plugin == plugin && look->side == side) wanted.push_back(look);
  }
  for (const auto& look : wanted) {
    const std::lock_guard lock(look->mutex);
    for (const Event* event : events)
      if (look->viewer && !look->viewer(*event)) look->viewer = nullptr;
  }
}

}  // namespace logboom
