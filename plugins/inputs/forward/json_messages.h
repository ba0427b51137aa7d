// Messages of a connection that speaks JSON: where they end, and what is in them.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/event/json.h"
#include "plugins/inputs/forward/message_reader.h"

namespace logboom {

/// Finds the end of one array or object in a stream that arrives in pieces, blanks before it included.
class JsonScanner {
 public:
  enum class Outcome { NeedsMore, Complete, Corrupt };
  /// As MsgpackScanner::scan().
  Outcome scan(std::string_view bytes, std::size_t& used);
  void reset() { *this = JsonScanner(); }
  std::uint64_t missing_bytes() const { return 0; }

 private:
  std::size_t depth_ = 0;
  bool is_in_text_ = false;
  bool is_escaped_ = false;
};

/// A message in JSON: Message or Forward mode.
class JsonMessage {
 public:
  /// Parses it into `arena`; `text` outlives the message and is padded as JsonReader wants it.
  MessageProblem open(std::string_view text, JsonReader& reader, Arena& arena);
  std::string_view tag() const { return tag_; }
  bool has_tag() const { return has_tag_; }
  /// `chunk` as JSON text; empty: no ack is wanted.
  const std::string& ack() const { return ack_; }
  /// Makes the events.
  void read_events(EventMaker& maker, EntryCounts& counts) const;

 private:
  static void read_entry(const Value& time, const Value& record, EventMaker& maker, EntryCounts& counts);
  const Array* items_ = nullptr;
  std::string_view tag_;
  bool has_tag_ = false;
  std::string ack_;
};

}  // namespace logboom
