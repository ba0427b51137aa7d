#include <bit>
#include <charconv>
#include <cstring>

#include "pipeline/event/msgpack.h"

namespace logboom {
namespace {

template <class Number>
void append_big_endian(unsigned char head, Number number, std::string& out) {
  char bytes[1 + sizeof(Number)];
  bytes[0] = static_cast<char>(head);
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    bytes[1 + i] = static_cast<char>(number >> (8 * (sizeof(Number) - 1 - i)) & 0xff);
  out.append(bytes, sizeof bytes);
}

template <class Number>
void append_big_endian_bare(Number number, std::string& out) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) out += static_cast<char>(number >> (8 * (sizeof(Number) - 1 - i)) & 0xff);
}

void append_head(unsigned char head, std::string& out) { out += static_cast<char>(head); }

void write_big_number(std::string_view digits, std::string& out) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem == std::errc() && end == digits.data() + digits.size()) {
    write_msgpack_unsigned(number, out);
  } else {
    write_msgpack_string(digits, out);
  }
}

}  // namespace

void write_msgpack_unsigned(std::uint64_t value, std::string& out) {
  if (value < 0x80) {
    append_head(static_cast<unsigned char>(value), out);
  } else if (value <= 0xff) {
    append_big_endian(0xcc, static_cast<std::uint8_t>(value), out);
  } else if (value <= 0xffff) {
    append_big_endian(0xcd, static_cast<std::uint16_t>(value), out);
  } else if (value <= 0xffffffff) {
    append_big_endian(0xce, static_cast<std::uint32_t>(value), out);
  } else {
    append_big_endian(0xcf, value, out);
  }
}

void write_msgpack_integer(std::int64_t value, std::string& out) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0) {
    write_msgpack_unsigned(bits, out);
  } else if (value >= -32) {
    append_head(static_cast<unsigned char>(bits & 0xff), out);
  } else if (value >= INT8_MIN) {
    append_big_endian(0xd0, static_cast<std::uint8_t>(bits), out);
  } else if (value >= INT16_MIN) {
    append_big_endian(0xd1, static_cast<std::uint16_t>(bits), out);
  } else if (value >= INT32_MIN) {
    append_big_endian(0xd2, static_cast<std::uint32_t>(bits), out);
  } else {
    append_big_endian(0xd3, bits, out);
  }
}

void write_msgpack_string(std::string_view text, std::string& out) {
  if (text.size() < 32) {
    append_head(static_cast<unsigned char>(0xa0 | text.size()), out);
  } else if (text.size() <= 0xff) {
    append_big_endian(0xd9, static_cast<std::uint8_t>(text.size()), out);
  } else if (text.size() <= 0xffff) {
    append_big_endian(0xda, static_cast<std::uint16_t>(text.size()), out);
  } else {
    append_big_endian(0xdb, static_cast<std::uint32_t>(text.size()), out);
  }
  out += text;
}

void write_msgpack_binary(std::string_view bytes, std::string& out) {
  if (bytes.size() <= 0xff) {
    append_big_endian(0xc4, static_cast<std::uint8_t>(bytes.size()), out);
  } else if (bytes.size() <= 0xffff) {
    append_big_endian(0xc5, static_cast<std::uint16_t>(bytes.size()), out);
  } else {
    append_big_endian(0xc6, static_cast<std::uint32_t>(bytes.size()), out);
  }
  out += bytes;
}

void write_msgpack_array_head(std::uint32_t items, std::string& out) {
  if (items < 16) {
    append_head(static_cast<unsigned char>(0x90 | items), out);
  } else if (items <= 0xffff) {
    append_big_endian(0xdc, static_cast<std::uint16_t>(items), out);
  } else {
    append_big_endian(0xdd, items, out);
  }
}

void write_msgpack_map_head(std::uint32_t pairs, std::string& out) {
  if (pairs < 16) {
    append_head(static_cast<unsigned char>(0x80 | pairs), out);
  } else if (pairs <= 0xffff) {
    append_big_endian(0xde, static_cast<std::uint16_t>(pairs), out);
  } else {
    append_big_endian(0xdf, pairs, out);
  }
}

void write_msgpack_event_time(Timestamp time, std::string& out) {
  append_head(0xd7, out);
  append_big_endian(0x00, static_cast<std::uint64_t>(time.seconds) << 32 | time.nanoseconds, out);  // 0x00: the type
}

void write_msgpack_timestamp(Timestamp time, std::string& out) {
  const auto seconds = static_cast<std::uint64_t>(time.seconds);
  if (time.seconds >= 0 && time.nanoseconds == 0 && seconds <= UINT32_MAX) {
    append_head(0xd6, out);
    append_big_endian(0xff, static_cast<std::uint32_t>(seconds), out);  // 0xff: the type, -1
  } else if (time.seconds >= 0 && seconds >> 34 == 0) {
    append_head(0xd7, out);
    append_big_endian(0xff, static_cast<std::uint64_t>(time.nanoseconds) << 34 | seconds, out);
  } else {
    append_head(0xc7, out);
    append_head(12, out);
    append_big_endian(0xff, time.nanoseconds, out);
    append_big_endian_bare(seconds, out);
  }
}

void write_msgpack_extension(std::int8_t type, std::string_view bytes, std::string& out) {
  if (bytes.size() <= 0xff) {
    append_big_endian(0xc7, static_cast<std::uint8_t>(bytes.size()), out);
  } else if (bytes.size() <= 0xffff) {
    append_big_endian(0xc8, static_cast<std::uint16_t>(bytes.size()), out);
  } else {
    append_big_endian(0xc9, static_cast<std::uint32_t>(bytes.size()), out);
  }
  out += static_cast<char>(type);
  out += bytes;
}

void write_msgpack(const Value& value, std::string& out) {
  switch (value.kind()) {
    case ValueKind::Null: append_head(0xc0, out); return;
    case ValueKind::Boolean: append_head(value.as_boolean() ? 0xc3 : 0xc2, out); return;
    case ValueKind::Integer: write_msgpack_integer(value.as_integer(), out); return;
    case ValueKind::Double: append_big_endian(0xcb, std::bit_cast<std::uint64_t>(value.as_double()), out); return;
    case ValueKind::BigNumber: write_big_number(value.as_string(), out); return;
    case ValueKind::String: write_msgpack_string(value.as_string(), out); return;
    case ValueKind::Timestamp: {
      char text[kMaxIso8601Bytes];
      write_msgpack_string({text, static_cast<std::size_t>(format_iso8601(value.as_timestamp(), text) - text)}, out);
      return;
    }
    case ValueKind::Array:
      write_msgpack_array_head(value.as_array().size(), out);
      for (const Value& item : value.as_array()) write_msgpack(item, out);
      return;
    case ValueKind::Object: write_msgpack(value.as_object(), out); return;
  }
}

void write_msgpack(const Object& object, std::string& out) {
  write_msgpack_map_head(object.size(), out);
  for (const ObjectEntry& entry : object) {
    write_msgpack_string(entry.key.text(), out);
    write_msgpack(entry.value, out);
  }
}

}  // namespace logboom
