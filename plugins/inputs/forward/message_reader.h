// One message of the forward protocol in MessagePack: [tag, time, record, option?], [tag, [[time, record], …], option?] or
// [tag, entries, option?].
#pragma once

#include <cstdint>
#include <string_view>

#include "pipeline/event/msgpack.h"
#include "plugins/inputs/forward/event_maker.h"

namespace logboom {

/// The option map of a message. Texts point into the message.
struct MessageOptions {
  std::string_view ack;         // the value of `chunk` as MessagePack or JSON, to be echoed; empty: no ack is wanted
  std::string_view compressed;  // empty: not said
  std::int64_t signal = 0;      // fluent_signal; 0: log events
  std::uint32_t size = 0;       // number of entries, a hint
  std::string_view metadata;    // a map, as MessagePack; empty: none
};

enum class MessageProblem {
  None,
  Heartbeat,    // nil: nothing to do
  NotAMessage,  // no array, or an empty one
  Corrupt,      // bytes that are no MessagePack: no events, no ack, close the connection
};

/// What the entries of a message came to.
struct EntryCounts {
  std::size_t invalid = 0;   // time, record or tag of the wrong kind
  std::string_view example;  // what was wrong with the last of them
};

/// A message that lies whole in memory.
class MessageReader {
 public:
  enum class Mode { Message, Forward, Packed };

  /// Reads the frame: tag and mode, and in Packed mode the options. `bytes` outlive the reader.
  MessageProblem open(std::string_view bytes);
  Mode mode() const { return mode_; }
  /// Empty when the tag is no text: then every event is invalid.
  std::string_view tag() const { return tag_; }
  bool has_tag() const { return has_tag_; }
  /// Packed: the entries as received.
  std::string_view entries() const { return entries_; }
  /// Complete after open() in Packed mode, after read_events() in the others.
  const MessageOptions& options() const { return options_; }

  /// Message and Forward mode: makes the events. Corrupt: the caller takes them back.
  MessageProblem read_events(EventMaker& maker, MsgpackNames& names, EntryCounts& counts);
  /// The same without making any: to get at the options.
  MessageProblem pass_over_events();
  /// Packed mode: `entries` are one behind the other; a last one that is cut short is left out.
  static MessageProblem read_entries(std::string_view entries, EventMaker& maker, MsgpackNames& names, EntryCounts& counts);

 private:
  MessageProblem read_options();

  MsgpackReader reader_{{}};
  MsgpackItem second_;
  std::uint32_t items_ = 0;
  Mode mode_ = Mode::Message;
  std::string_view tag_;
  bool has_tag_ = false;
  std::string_view entries_;
  MessageOptions options_;
};

}  // namespace logboom
