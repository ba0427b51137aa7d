// Messages of one connection become chunks: decompressed, decoded, counted; refused when they must be.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "plugins/inputs/forward/json_messages.h"
#include "plugins/inputs/forward/session.h"

namespace logboom {

/// Used on the connection's strand. Nothing here waits.
class MessageIntake {
 public:
  MessageIntake(ForwardShared& shared, EventSink& sink) : shared_(shared), sink_(sink) {}
  void set_source(ForwardSource source) { source_ = std::move(source); }

  /// A chunk to be pushed, and whether the sender is told.
  struct Outgoing {
    ChunkPtr chunk;
    bool wants_ack = false;
    std::string ack;  // the answer's bytes
  };

  /// Takes a whole message; it lies in `piece`, which several messages may share. False: the connection must end, for the
  /// message was refused.
  bool take_msgpack(const Buffer& message, const Buffer& piece);
  bool take_json(const Buffer& message, const Buffer& piece);
  /// The next message comes in another piece: what was gathered goes out.
  void end_piece();
  bool has_outgoing() const { return !outgoing_.empty(); }
  Outgoing take_outgoing() {
    Outgoing next = std::move(outgoing_.front());
    outgoing_.pop_front();
    return next;
  }

  /// Counts and logs a message that ends its connection. Always false.
  bool refuse(std::string_view problem);
  void note_too_large();

 private:
  enum class Sharing { WithOthers, Alone };

  bool take_packed(MessageReader& reader, const Buffer& message);
  /// The chunk for a message's events: a new one, or that of the messages before it in the same piece.
  Chunk& chunk_over(const Buffer& bytes, Sharing sharing);
  /// Ends a message whose events are the last of the open chunk. `ack` is the encoded value; empty: none is wanted.
  bool finish_message(EventMaker& maker, const EntryCounts& counts, std::string ack);
  void acknowledge_without_events(std::string ack);
  bool are_too_many_invalid(EventMaker* maker, const EntryCounts& counts);
  void note_unusable();
  void warn_if_large(std::size_t bytes);

  ForwardShared& shared_;
  EventSink& sink_;
  ForwardSource source_;
  JsonReader json_;
  MsgpackNames names_;
  ChunkPtr open_chunk_;
  const char* open_over_ = nullptr;  // the piece that it is made over
  bool expects_acks_ = false;        // the last message wanted one
  std::deque<Outgoing> outgoing_;
};

}  // namespace logboom
