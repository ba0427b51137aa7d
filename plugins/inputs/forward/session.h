// One connection of the forward input, and what all of them share.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/plugin/input.h"
#include "plugins/inputs/forward/event_maker.h"
#include "plugins/inputs/forward/security.h"

namespace logboom {

struct ForwardSettings {
  ForwardFields fields;
  std::size_t chunk_size_limit = 0;       // bytes of a message; larger ones are passed over
  std::size_t chunk_size_warn_limit = 0;  // 0: none
  std::size_t decompression_size_limit = 0;
  bool skips_invalid_events = true;
  bool denies_keepalive = false;
  double handshake_seconds = 10;
  std::optional<ForwardSecurity> security;
};

struct ForwardCounters {
  explicit ForwardCounters(MetricScope& metrics)
      : messages(metrics.counter("messages")),
        acks(metrics.counter("acks")),
        invalid_events(metrics.counter("invalid_events")),
        invalid_messages(metrics.counter("invalid_messages")),
        too_large_messages(metrics.counter("too_large_messages")),
        corrupt_messages(metrics.counter("corrupt_messages")),
        signals(metrics.counter("signals")),
        handshake_failures(metrics.counter("handshake_failures")),
        not_delivered(metrics.counter("not_delivered")) {}
  Counter& messages;            // with log events in it
  Counter& acks;                // sent
  Counter& invalid_events;      // left out
  Counter& invalid_messages;    // no array: ignored
  Counter& too_large_messages;  // past chunk_size_limit: passed over
  Counter& corrupt_messages;    // the connection was closed
  Counter& signals;             // metrics, traces, profiles: acknowledged and dropped
  Counter& handshake_failures;
  Counter& not_delivered;  // messages whose events were given up: not acknowledged
};

/// Immutable but for counters and limits; outlives the connections.
struct ForwardShared {
  ForwardShared(ForwardSettings given, const PluginContext& context)
      : settings(std::move(given)), decorations(context), counters(context.metrics()), id(context.id()) {}
  ForwardSettings settings;
  InputDecorations decorations;
  ForwardCounters counters;
  std::string id;
  LogRateLimit invalid_log;
  LogRateLimit large_log;
  LogRateLimit warn_log;
  LogRateLimit corrupt_log;
  LogRateLimit handshake_log;
};

/// The connections of one input. `shared` is kept.
std::shared_ptr<StreamService> make_forward_service(std::shared_ptr<ForwardShared> shared);

}  // namespace logboom
