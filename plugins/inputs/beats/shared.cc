// What all connections of a beats input share, made from its options.
#include "plugins/inputs/beats/session.h"

namespace logboom::beats {

BeatsCounters::BeatsCounters(MetricScope& scope)
    : windows(scope.counter("windows")),
      events(scope.counter("events")),
      inflated_bytes(scope.counter("inflated_bytes")),
      acknowledgements(scope.counter("acknowledgements")),
      partial_acknowledgements(scope.counter("partial_acknowledgements")),
      keep_alives(scope.counter("keep_alives")),
      unfinished_windows(scope.counter("unfinished_windows")),
      not_delivered(scope.counter("not_delivered")),
      inactive_closed(scope.counter("inactive_closed")) {
  for (std::size_t i = 0; i < kRefusals; ++i) refused[i] = &scope.counter(text_of(static_cast<Refusal>(i)).counter);
}

std::unique_ptr<BeatsShared> make_beats_shared(BeatsOptions& options, const PluginContext& context) {
  resolve_tls_spellings(options, context);
  const Enrichment enrichment = resolve_enrichment(options, context);
  CodecPtr codec = resolve_codec(options, context);
  AckTimes times;
  times.inactivity = options.client_inactivity_timeout == 0 ? PendingAcks::kForever
                                                            : std::chrono::seconds(options.client_inactivity_timeout);
  return std::unique_ptr<BeatsShared>(
      new BeatsShared{context.id(), EventSettings(enrichment, std::move(codec), options.codec.name, context),
                      FrameLimits{options.max_frame_bytes.bytes, static_cast<std::uint32_t>(options.max_window_events)},
                      options.max_inflated_bytes.bytes, times, BeatsCounters(context.metrics()), LogRateLimit()});
}

}  // namespace logboom::beats
