// Event: fields, metadata and a place in the chunk that it came from.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "pipeline/event/arena.h"
#include "pipeline/event/field_ref.h"
#include "pipeline/event/value.h"

namespace logboom {

class AckToken;

/// Keys that the engine itself knows, interned once.
struct WellKnownKeys {
  Key timestamp = intern_key("@timestamp");
  Key version = intern_key("@version");
  Key metadata = intern_key("@metadata");
  Key message = intern_key("message");
  Key tags = intern_key("tags");
  Key type = intern_key("type");
  Key host = intern_key("host");
};
const WellKnownKeys& well_known();

/// One event. Lives in its chunk's or batch's arena; used by one thread at a time; frozen once an output took it.
/// Whatever is set must live as long as the batch: copy texts into arena() first.
class Event {
 public:
  /// An event without fields. `arena` is where it grows; it counts for event number `origin` of `token` (nullptr: nobody
  /// waits).
  Event(Arena& arena, AckToken* token, std::uint32_t origin)
      : arena_(&arena), token_(token), origin_(origin), fields_(Object::make(arena, 0)) {}

  /// The value at a reference or nullptr; null is a value. The pointer is good until the event changes.
  const Value* get(const FieldRef& field) const { return field.find(*fields_, metadata_); }
  Value* get(const FieldRef& field) { return const_cast<Value*>(field.find(*fields_, metadata_)); }
  bool has(const FieldRef& field) const { return get(field) != nullptr; }
  /// Text of a String field; empty view with data() == nullptr when it is missing or of another kind.
  std::string_view string_at(const FieldRef& field) const {
    const Value* value = get(field);
    return value != nullptr && value->is_string() ? value->as_string() : std::string_view(nullptr, 0);
  }

  /// Sets a field, making parent objects on the way. False, with nothing changed, when the path leads through a scalar,
  /// when @timestamp would become something else than a timestamp (an ISO 8601 text is read as one), or when tags would
  /// become something else than a string or a list of strings.
  bool set(const FieldRef& field, Value value);
  /// Removes a field; false when it was not there. An array's later items move up.
  bool remove(const FieldRef& field);
  /// add_field: sets a missing field, turns one value into a list, extends a list. False as set().
  bool append(const FieldRef& field, Value value);

  /// Adds a tag, also a second time (the add_tag option). False when tags is something that cannot hold it.
  bool add_tag(std::string_view tag);
  /// Adds a tag that is not there yet (a plugin's failure tag). Any bad `tags` is replaced.
  void add_failure_tag(std::string_view tag);
  void remove_tag(std::string_view tag);
  bool has_tag(std::string_view tag) const;

  Object& fields() { return *fields_; }
  const Object& fields() const { return *fields_; }
  /// Fields below [@metadata]; never encoded for a destination.
  Object& metadata();
  const Object* metadata_if_any() const { return metadata_; }

  /// @timestamp, unless a filter removed it.
  std::optional<Timestamp> timestamp() const;
  void set_timestamp(Timestamp time) { fields_->set(*arena_, well_known().timestamp, Value::timestamp(time)); }

  /// Makes a decoded object a proper event, as Logstash does on creation: @metadata moves out, @version "1" and a
  /// @timestamp (`now` when missing) are added, a @timestamp that cannot be read moves to [_@timestamp] with the tag
  /// _timestampparsefailure, tags that are not texts move to [_tags] with _tagsparsefailure.
  void adopt_fields(Object* fields, Timestamp now);
  /// The same for a fresh event with nothing but what the codec set.
  void add_defaults(Timestamp now);

  Arena& arena() const { return *arena_; }
  /// Changes where the event grows; what it holds already stays where it is.
  void set_arena(Arena& arena) { arena_ = &arena; }
  AckToken* token() const { return token_; }
  std::uint32_t origin() const { return origin_; }
  /// 0 for an event as it was received; the same number for the same copy of it whenever it takes the same way.
  std::uint64_t lineage() const { return lineage_; }
  /// Makes this event the next copy of another one.
  void descend_from(const Event& parent);

  /// A copy in `arena` that counts for the same token and origin (which the caller must tell the token: see Batch::clone()).
  Event* copy_into(Arena& arena, CopyStrings strings) const;
  /// Replaces what it holds by copies of another event's fields and metadata, in its own arena.
  void copy_fields_of(const Event& other, CopyStrings strings);

  // For the engine alone (pipeline/compile, pipeline/run).
  std::uint32_t order = 0;                      // place in the batch; children share their parent's
  std::atomic<std::uint32_t> open_outcomes{0};  // outputs that have not told their outcome yet

 private:
  Value* make_path(const FieldRef& field);

  Arena* arena_;
  AckToken* token_;
  std::uint32_t origin_;
  mutable std::uint32_t children_ = 0;  // copies made so far, by the one who owns the event
  std::uint64_t lineage_ = 0;
  Object* fields_;
  Object* metadata_ = nullptr;
};

}  // namespace logboom
