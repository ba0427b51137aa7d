// MessageEvents: events out of one Kafka message.
#pragma once

#include <cstddef>
#include <string>

#include "pipeline/plugin/codec.h"
#include "pipeline/plugin/input.h"

struct rd_kafka_message_s;

namespace logboom {

enum class KafkaDecoration { None, Basic, Extended };

/// Immutable. Any thread.
class MessageEvents {
 public:
  MessageEvents(CodecPtr codec, KafkaDecoration decoration, std::string group, const PluginContext& context);

  bool has_codec() const { return codec_ != nullptr; }  // false: its configuration was refused
  std::unique_ptr<Decoder> make_decoder() const { return codec_->make_decoder(); }
  /// Puts [@metadata][kafka] into the chunk's events from number `first` on.
  void decorate(const rd_kafka_message_s& message, Chunk& chunk, std::size_t first) const;
  /// type, tags and add_field of the input, for all events of a chunk.
  void finish(Chunk& chunk) const { decorations_.apply(chunk); }

 private:
  CodecPtr codec_;
  KafkaDecoration decoration_;
  std::string group_;
  InputDecorations decorations_;
  Key kafka_, topic_, partition_, offset_, key_, timestamp_, consumer_group_, headers_;
};

}  // namespace logboom
