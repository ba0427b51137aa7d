// One OTLP log record as an event, whichever encoding it came in.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pipeline/event/batch.h"
#include "pipeline/event/field_ref.h"

namespace logboom {

/// What log records of one scope share. Objects and texts live in the chunk.
struct LogOrigin {
  const Object* resource_attributes = nullptr;  // nullptr: none
  std::string_view resource_schema_url;
  std::string_view scope_name;
  std::string_view scope_version;
  const Object* scope_attributes = nullptr;
};

struct LogRecord {
  std::uint64_t time_nanoseconds = 0;  // since 1970; 0: not given
  std::uint64_t observed_nanoseconds = 0;
  std::int64_t severity_number = 0;
  std::string_view severity_text;
  Value body;
  Object* attributes = nullptr;
  std::int64_t dropped_attributes = 0;
  std::int64_t flags = 0;
  std::string_view trace_id;  // hexadecimal
  std::string_view span_id;
  std::string_view event_name;
};

/// Any thread.
class LogEventMaker {
 public:
  explicit LogEventMaker(bool is_ecs) : is_ecs_(is_ecs) {}
  /// Adds an event to the chunk. Takes the record's attributes and body; what the origin has is copied.
  void add(const LogRecord& record, const LogOrigin& origin, std::string_view peer_ip, Chunk& chunk) const;

 private:
  void set_ecs(const LogRecord& record, const LogOrigin& origin, Event& event) const;
  static void set_flat(const LogRecord& record, Event& event);
  static void set_origin(const LogOrigin& origin, Event& event);

  const bool is_ecs_;
};

/// 16 bytes as 32 hexadecimal digits, in the arena; empty when the id has another length or is all zero, which means none.
std::string_view hex_id(std::string_view bytes, std::size_t wanted_bytes, Arena& arena);
/// Bytes that claim to be text, in the arena, with U+FFFD for what is no UTF-8.
std::string_view keep_text(std::string_view text, Arena& arena);
/// Bytes as base64, in the arena.
std::string_view base64_text(std::string_view bytes, Arena& arena);
/// A double as a value: what JSON cannot say becomes a text.
Value double_value(double number);

}  // namespace logboom
