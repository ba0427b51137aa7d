// What all connections of a beats input share: limits, times, counters, and how a refusal is told.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/plugin/pending_acks.h"
#include "plugins/inputs/beats/events.h"
#include "plugins/inputs/beats/frames.h"

namespace logboom::beats {

/// How the sender is kept informed. Times of the protocol's users: Beats give up after 30 seconds without a word.
struct AckTimes {
  std::chrono::milliseconds partial_every{1000};  // acknowledgements of a part of a window
  std::chrono::milliseconds keep_alive_after{5000};
  std::chrono::milliseconds inactivity{60'000};  // PendingAcks::kForever: no limit
};

/// Counters of all connections, looked up once.
struct BeatsCounters {
  explicit BeatsCounters(MetricScope& scope);
  Counter& windows;
  Counter& events;
  Counter& inflated_bytes;
  Counter& acknowledgements;  // of whole windows
  Counter& partial_acknowledgements;
  Counter& keep_alives;
  Counter& unfinished_windows;  // another one began before all of its events came
  Counter& not_delivered;
  Counter& inactive_closed;
  std::array<Counter*, kRefusals> refused;
};

/// Any thread.
struct BeatsShared {
  std::string id;
  EventSettings events;
  FrameLimits limits;
  std::size_t max_inflated_bytes;
  AckTimes times;
  BeatsCounters counters;
  LogRateLimit refusal_log;

  /// Counts a refusal and logs it, one line in ten seconds. `detail` may be empty.
  void refuse(const PeerAddress& peer, Refusal why, std::string_view detail);
};

/// Reads an input's options; problems are reported.
std::unique_ptr<BeatsShared> make_beats_shared(BeatsOptions& options, const PluginContext& context);

}  // namespace logboom::beats
