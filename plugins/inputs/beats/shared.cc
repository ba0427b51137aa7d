#include "plugins/inputs/beats/shared.h"

#include <fmt/format.h>

#include "pipeline/net/address.h"

namespace logboom::beats {
namespace {

struct RefusalText {
  const char* counter;
  const char* text;
};

RefusalText text_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::WrongVersion: return {"refused_wrong_version", "this is not the Lumberjack protocol, version 1 or 2"};
    case Refusal::UnknownFrame: return {"refused_unknown_frame", "there is no such frame type"};
    case Refusal::WindowTooLarge: return {"refused_window_too_large", "the window is larger than max_window_events"};
    case Refusal::FrameTooLarge: return {"refused_frame_too_large", "the frame is larger than max_frame_bytes"};
    case Refusal::EmptyFrame: return {"refused_empty_frame", "a frame without content"};
    case Refusal::EventWithoutWindow: return {"refused_event_without_window", "an event came before any window"};
    case Refusal::InflateFailure: return {"refused_inflate_failure", "the compressed frame cannot be inflated"};
    case Refusal::InflatedTooLarge:
      return {"refused_inflated_too_large", "the compressed frame inflates to more than max_inflated_bytes"};
    case Refusal::NestedCompression: return {"refused_nested_compression", "a compressed frame inside a compressed frame"};
    case Refusal::CutShort: return {"refused_cut_short", "a compressed frame ends inside one of its frames"};
    case Refusal::BadJson: return {"refused_bad_json", "a JSON frame holds no JSON object"};
  }
  return {"refused_unknown_frame", "unknown"};
}

}  // namespace

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

void BeatsShared::refuse(const PeerAddress& peer, Refusal why, std::string_view detail) {
  counters.refused[static_cast<std::size_t>(why)]->add();
  if (!refusal_log.allow()) return;
  const std::uint64_t held_back = refusal_log.suppressed();
  log_warn("input.beats", "{}: the connection from {} is closed: {}{}{}{}", id, host_and_port(peer.ip, peer.port),
           text_of(why).text, detail.empty() ? "" : ": ", detail,
           held_back == 0 ? "" : fmt::format(" ({} more refusals since the last line)", held_back));
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
