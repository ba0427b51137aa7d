#include "pipeline/store/stored_event.h"

#include <cstring>
#include <string>

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

namespace {

constexpr std::size_t kLargestHead = 6;     // of a text, a list or an object
constexpr std::size_t kLargestScalar = 15;  // a timestamp with nanoseconds before 1970

std::size_t most_bytes(const Object& object);

/// What a value takes at most.
std::size_t most_bytes(const Value& value) {
  switch (value.kind()) {
    case ValueKind::String:
    case ValueKind::BigNumber: return kLargestHead + value.as_string().size();
    case ValueKind::Array: {
      std::size_t bytes = kLargestHead;
      for (const Value& item : value.as_array()) bytes += most_bytes(item);
      return bytes;
    }
    case ValueKind::Object: return most_bytes(value.as_object());
    default: return kLargestScalar;
  }
}

std::size_t most_bytes(const Object& object) {
  std::size_t bytes = kLargestHead;
  for (const ObjectEntry& entry : object) bytes += kLargestHead + entry.key.size + most_bytes(entry.value);
  return bytes;
}

// Writers into memory that is known to suffice: one measure for a whole event instead of one for each of its texts.

char* put_bytes(std::string_view bytes, char* to) {
  std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

/// Through the writer for strings; what it writes fits into a string's own memory.
template <class Write>
char* put_small(Write&& write, char* to) {
  std::string bytes;
  write(bytes);
  return put_bytes(bytes, to);
}

char* put_text(std::string_view text, char* to) {
  constexpr std::size_t kShortTextBytes = 32;
  if (text.size() < kShortTextBytes) {
    *to++ = static_cast<char>(0xa0 | text.size());
    return put_bytes(text, to);
  }
  if (text.size() <= 0xff) {
    *to++ = static_cast<char>(0xd9);
    *to++ = static_cast<char>(text.size());
    return put_bytes(text, to);
  }
  if (text.size() <= 0xffff) {
    *to++ = static_cast<char>(0xda);
    *to++ = static_cast<char>(text.size() >> 8);
    *to++ = static_cast<char>(text.size());
    return put_bytes(text, to);
  }
  std::string whole;
  write_msgpack_string(text, whole);
  return put_bytes(whole, to);
}

char* put_object(const Object& object, char* to);

char* put_value(const Value& value, char* to) {
  switch (value.kind()) {
    case ValueKind::String: return put_text(value.as_string(), to);
    case ValueKind::BigNumber: {
      std::string bytes;
      write_msgpack_extension(kMsgpackBigNumber, value.as_string(), bytes);
      return put_bytes(bytes, to);
    }
    case ValueKind::Timestamp:
      return put_small([&](std::string& out) { write_msgpack_timestamp(value.as_timestamp(), out); }, to);
    case ValueKind::Array:
      to = put_small([&](std::string& out) { write_msgpack_array_head(value.as_array().size(), out); }, to);
      for (const Value& item : value.as_array()) to = put_value(item, to);
      return to;
    case ValueKind::Object: return put_object(value.as_object(), to);
    default: return put_small([&](std::string& out) { write_msgpack(value, out); }, to);
  }
}

char* put_object(const Object& object, char* to) {
  to = put_small([&](std::string& out) { write_msgpack_map_head(object.size(), out); }, to);
  for (const ObjectEntry& entry : object) {
    to = put_text(entry.key.text(), to);
    to = put_value(entry.value, to);
  }
  return to;
}

constexpr std::uint8_t kNil = 0xc0;
constexpr std::size_t kNameBytes = 16;
constexpr std::string_view kNameHead = "\xc4\x10";  // so many bytes of binary data

/// Little-endian, so that machines agree.
char* put_name(const EventName& name, char* to) {
  for (const std::uint64_t half : {name.low, name.high})
    for (int shift = 0; shift < 64; shift += 8) *to++ = static_cast<char>(half >> shift);
  return to;
}

EventName name_from(std::string_view bytes) {
  EventName name;
  for (int i = 7; i >= 0; --i) {
    name.low = (name.low << 8) | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    name.high = (name.high << 8) | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i) + 8]);
  }
  return name;
}

}  // namespace

void write_stored_event(const Event& event, std::string& out, const EventName& name) {
  const Object* const metadata = event.metadata_if_any();
  const std::size_t used = out.size();
  const std::size_t most = kLargestHead + most_bytes(event.fields()) + (metadata != nullptr ? most_bytes(*metadata) : 1) +
                           (name ? kNameHead.size() + kNameBytes : 0);
  out.resize(used + most);
  char* to = out.data() + used;
  const int parts = name ? 3 : metadata != nullptr ? 2 : 1;
  *to++ = static_cast<char>(0x90 | parts);
  to = put_object(event.fields(), to);
  if (metadata != nullptr) {
    to = put_object(*metadata, to);
  } else if (name) {
    *to++ = static_cast<char>(kNil);
  }
  if (name) to = put_name(name, put_bytes(kNameHead, to));
  out.resize(static_cast<std::size_t>(to - out.data()));
}

bool read_stored_event(MsgpackReader& reader, Event& event, EventName* name) {
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Array) return false;
  const std::uint32_t parts = item.size;
  if (parts < 1 || parts > 3) return false;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Map) return false;
  if (reader.read_fields(item.size, event.arena(), event.fields()) != MsgpackStatus::Read) return false;
  if (parts == 1) return true;
  if (reader.next(item) != MsgpackStatus::Read) return false;
  if (item.kind == MsgpackKind::Map) {
    if (reader.read_fields(item.size, event.arena(), event.metadata()) != MsgpackStatus::Read) return false;
  } else if (item.kind != MsgpackKind::Nil || parts == 2) {
    return false;
  }
  if (parts == 2) return true;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Binary || item.bytes.size() != kNameBytes)
    return false;
  if (name != nullptr) *name = name_from(item.bytes);
  return true;
}

}  // namespace logboom
