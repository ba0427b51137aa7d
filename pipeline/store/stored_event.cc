#include "pipeline/store/stored_event.h"

namespace logboom {
namespace {

constexpr int kMostDepth = 5000;

}  // namespace

MsgpackLimits stored_event_limits() {
  MsgpackLimits limits;
  limits.max_depth = kMostDepth;
  limits.max_values = UINT32_MAX;
  limits.reads_big_numbers = true;
  return limits;
}

void write_stored_value(const Value& value, std::string& out) {
  switch (value.kind()) {
    case ValueKind::BigNumber: write_msgpack_extension(kMsgpackBigNumber, value.as_string(), out); return;
    case ValueKind::Timestamp: write_msgpack_timestamp(value.as_timestamp(), out); return;
    case ValueKind::Array:
      write_msgpack_array_head(value.as_array().size(), out);
      for (const Value& item : value.as_array()) write_stored_value(item, out);
      return;
    case ValueKind::Object: write_stored_object(value.as_object(), out); return;
    default: write_msgpack(value, out); return;
  }
}

void write_stored_object(const Object& object, std::string& out) {
  write_msgpack_map_head(object.size(), out);
  for (const ObjectEntry& entry : object) {
    write_msgpack_string(entry.key.text(), out);
    write_stored_value(entry.value, out);
  }
}

void write_stored_event(const Event& event, std::string& out) {
  const Object* const metadata = event.metadata_if_any();
  write_msgpack_array_head(metadata != nullptr ? 2 : 1, out);
  write_stored_object(event.fields(), out);
  if (metadata != nullptr) write_stored_object(*metadata, out);
}

bool read_stored_event(MsgpackReader& reader, Event& event) {
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Array) return false;
  const std::uint32_t parts = item.size;
  if (parts < 1 || parts > 2) return false;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Map) return false;
  if (reader.read_fields(item.size, event.arena(), event.fields()) != MsgpackStatus::Read) return false;
  if (parts == 1) return true;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Map) return false;
  return reader.read_fields(item.size, event.arena(), event.metadata()) == MsgpackStatus::Read;
}

}  // namespace logboom
