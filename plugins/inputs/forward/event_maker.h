// From what the forward protocol says of an event (tag, time, record, metadata) to the event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/event/batch.h"
#include "pipeline/event/msgpack.h"

namespace logboom {

/// What the options say about tags and fields. Shared by all connections.
struct ForwardFields {
  std::optional<std::string> fixed_tag;
  std::string tag_prefix;  // with its dot
  std::optional<FieldRef> tag_field;
  std::optional<FieldRef> source_address_field;
  std::optional<FieldRef> source_hostname_field;
};

/// Whom a connection is with.
struct ForwardSource {
  std::string address;
  std::string hostname;     // only looked up when a field wants it
  std::string tls_subject;  // of its certificate; empty without one
};

/// When an entry says it happened.
struct EntryTime {
  enum class Kind { Instant, Now, OutOfRange, GroupStart, GroupEnd, Invalid };
  Kind kind = Kind::Invalid;
  Timestamp instant;
  Value as_written;  // OutOfRange

  /// An integer or double of seconds, or an EventTime. Anything else is Invalid.
  static EntryTime of(const MsgpackItem& item);
  static EntryTime of_integer(std::int64_t seconds);
  static EntryTime of_double(double seconds);
};

/// Makes events of one message in one chunk, and can take all of them back.
class EventMaker {
 public:
  /// `tag` need not outlive the call.
  EventMaker(const ForwardFields& fields, const ForwardSource& source, Chunk& chunk, std::string_view tag);

  Arena& arena() { return chunk_.arena(); }
  /// An event whose fields are to be read next.
  Event& begin() { return chunk_.new_event(); }
  void discard() { chunk_.discard_last_event(); }
  /// Completes the last event: `record` becomes its fields. `metadata` may be nullptr.
  void finish(Event& event, Object& record, const EntryTime& time, Object* metadata);
  /// The events up to end_group() belong together; both may be nullptr.
  void begin_group(Object* attributes, Object* metadata) {
    group_ = attributes;
    group_metadata_ = metadata;
  }
  void end_group() { begin_group(nullptr, nullptr); }
  /// Takes back every event of this message.
  void take_back() {
    while (chunk_.events().size() > first_event_) chunk_.discard_last_event();
  }
  std::size_t made() const { return chunk_.events().size() - first_event_; }

 private:
  const ForwardFields& fields_;
  Chunk& chunk_;
  std::size_t first_event_;
  Value tag_;
  Value source_address_;
  Value source_hostname_;
  std::string_view tls_subject_;
  Object* group_ = nullptr;
  Object* group_metadata_ = nullptr;
};

}  // namespace logboom
