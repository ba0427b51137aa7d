// Codecs: between bytes and events. A Codec is immutable and shared; what a connection or file has begun is in its Decoder.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pipeline/event/batch.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"

namespace logboom {

/// Cuts one stream (a connection, a file, a topic's values) into events. One thread at a time.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Takes a piece of a stream; whole frames become events of `chunk`, a started one waits for the next piece.
  /// `bytes` lies inside chunk.received() or in memory that the chunk keeps: events may point into it.
  virtual void decode(std::string_view bytes, Chunk& chunk) = 0;
  /// Takes one whole message or line, without its delimiter. Unless a codec joins messages (multiline), all of it becomes
  /// events now.
  virtual void decode_message(std::string_view bytes, Chunk& chunk) {
    decode(bytes, chunk);
    flush(chunk);
  }
  /// The stream ended, or was silent for the codec's own time: what waits becomes an event.
  virtual void flush(Chunk& chunk) { (void)chunk; }
  /// Takes what waits back as raw bytes, for whoever decodes the stream next; the decoder is then empty.
  virtual std::string take_unfinished() { return {}; }
  /// Bytes that wait for the rest of their frame.
  virtual std::size_t held_bytes() const { return 0; }
  /// Seconds of silence after which flush() should be called; 0: never (multiline's auto_flush_interval).
  virtual double auto_flush_seconds() const { return 0; }
};

/// Any thread.
class Codec {
 public:
  virtual ~Codec() = default;
  /// nullptr when the codec only encodes.
  virtual std::unique_ptr<Decoder> make_decoder() const { return nullptr; }
  virtual bool can_encode() const { return false; }
  /// Appends one event, with its delimiter when the codec has one.
  virtual void encode(const Event& event, std::string& out) const {
    (void)event;
    (void)out;
  }
};
using CodecPtr = std::shared_ptr<const Codec>;

/// What tcp and stdin make of their codec, as Logstash: plain becomes line, json becomes json_lines.
inline CodecChoice for_byte_stream(CodecChoice choice) {
  if (choice.name == "plain") choice.name = "line";
  if (choice.name == "json") choice.name = "json_lines";
  return choice;
}

}  // namespace logboom
