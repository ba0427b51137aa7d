// Frames as events: what a Beat sent, what the codec makes of its message, and what the input knows of the sender.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pipeline/event/batch.h"
#include "pipeline/event/json.h"
#include "pipeline/net/byte_stream.h"
#include "pipeline/plugin/codec.h"
#include "pipeline/plugin/input.h"
#include "plugins/inputs/beats/settings.h"

namespace logboom::beats {

/// What all connections share. Immutable.
class EventSettings {
 public:
  EventSettings(const Enrichment& enrichment, CodecPtr codec, const std::string& codec_name, const PluginContext& context);

  Enrichment enrichment;
  CodecPtr codec;  // nullptr: messages are taken as they are
  std::string codec_tag;
  InputDecorations decorations;
  // Names that the input itself reads and writes.
  Key line = intern_key("line");
  Key event = intern_key("event");
  Key original = intern_key("original");
  Key ip_address = intern_key("ip_address");
  Key input = intern_key("input");
  Key beats = intern_key("beats");
  Key host = intern_key("host");
  Key ip = intern_key("ip");
  FieldRef beat_hostname;
  FieldRef host_name;
  FieldRef source_ip;
  FieldRef tls_status;
  FieldRef tls_protocol;
  FieldRef tls_subject;
  FieldRef tls_cipher;
};

/// Makes the events of one connection. One thread at a time.
class EventMaker {
 public:
  EventMaker(const EventSettings& settings, const ByteStream& peer);

  /// Prepares for a chunk, which gets what all its events share.
  void begin(Chunk& chunk);
  /// Adds the events of one Json or Data frame to the chunk: one, unless the codec makes more or fewer of its message.
  /// `payload` lies in memory that the chunk keeps. False: no JSON object; the chunk is as it was.
  bool add_json(std::string_view payload, Chunk& chunk);
  void add_pairs(std::string_view payload, Chunk& chunk);

 private:
  void add(Object* fields, Chunk& chunk);
  void add_whole(Object* fields, Value* message, Chunk& chunk);
  void add_decoded(Object* fields, const Key& target, std::string_view message, Chunk& chunk);
  void keep_original(Object& fields, const Value& message, Arena& arena) const;
  void finish(Event& event, std::size_t number, std::string_view tag, Chunk& chunk);
  void add_source(Event& event) const;
  void add_tls_peer(Event& event) const;

  const EventSettings& settings_;
  const std::string peer_ip_;
  const TlsSession* const tls_;
  JsonReader reader_;
  std::unique_ptr<Decoder> decoder_;
  Value ip_;  // in the chunk's arena, as those below
  Value tls_protocol_;
  Value tls_subject_;
  Value tls_cipher_;
  Value tls_status_;
};

}  // namespace logboom::beats
