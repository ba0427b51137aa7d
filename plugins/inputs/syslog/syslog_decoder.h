// A stream of syslog messages as a Decoder: cuts it into messages and lets the input's codec make events of them.
#pragma once

#include <memory>
#include <string>

#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/plugin/codec.h"
#include "plugins/inputs/syslog/syslog_framing.h"

namespace logboom {

/// What all connections of one input count, and say in the log now and then. Any thread.
struct SyslogCounters {
  SyslogCounters(std::string input_id, MetricScope& scope)
      : id(std::move(input_id)),
        messages(scope.counter("messages_received")),
        too_long(scope.counter("messages_too_long")),
        incomplete(scope.counter("incomplete_messages")) {}
  std::string id;
  Counter& messages;
  Counter& too_long;    // cut at decode_size_limit_bytes
  Counter& incomplete;  // counted messages whose connection closed before their end: dropped
  mutable LogRateLimit log;
};

/// One connection's messages. One thread at a time.
class SyslogDecoder final : public Decoder {
 public:
  /// `counters` outlives it.
  SyslogDecoder(std::unique_ptr<Decoder> codec, std::size_t limit_bytes, const SyslogCounters& counters)
      : codec_(std::move(codec)), framing_(limit_bytes), counters_(counters) {}

  void decode(std::string_view bytes, Chunk& chunk) override;
  void flush(Chunk& chunk) override;
  std::string take_unfinished() override;
  std::size_t held_bytes() const override { return framing_.held_bytes() + codec_->held_bytes(); }
  /// What the codec asks for, but never inside a message.
  double auto_flush_seconds() const override { return framing_.is_inside_message() ? 0 : codec_->auto_flush_seconds(); }

 private:
  void add(const SyslogFraming::Frame& frame, Chunk& chunk);

  std::unique_ptr<Decoder> codec_;
  SyslogFraming framing_;
  const SyslogCounters& counters_;
};

}  // namespace logboom
