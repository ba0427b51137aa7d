#include "pipeline/store/stored_event.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "pipeline/event/event_identity.h"
#include "pipeline/event/json_block.h"

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

constexpr std::uint8_t kNil = 0xc0;
constexpr std::size_t kNameBytes = 16;
constexpr std::string_view kNameHead = "\xc4\x10";  // so many bytes of binary data

/// Little-endian, so that machines agree.
std::array<char, kNameBytes> bytes_of(const EventName& name) {
  std::array<char, kNameBytes> bytes;
  char* to = bytes.data();
  for (const std::uint64_t half : {name.low, name.high})
    for (int shift = 0; shift < 64; shift += 8) *to++ = static_cast<char>(half >> shift);
  return bytes;
}

/// Writes behind the end of a string through a bare pointer, which goes from call to call; finish() cuts the string to what
/// was written.
class StoredWriter {
 public:
  explicit StoredWriter(std::string& out) : out_(out), start_(out.size()) {
    out_.resize(start_ + kSlack);
    end_ = out_.data() + out_.size();
  }
  char* start() { return out_.data() + start_; }
  std::size_t written(const char* to) const { return static_cast<std::size_t>(to - out_.data()) - start_; }
  /// Room for so many bytes more.
  char* expect(char* to, std::size_t bytes) { return need(to, bytes); }
  void finish(const char* to) { out_.resize(static_cast<std::size_t>(to - out_.data())); }

  char* put_event(const Event& event, const EventName& name, char* to) {
    const Object* const metadata = event.metadata_if_any();
    const int parts = name ? 3 : metadata != nullptr ? 2 : 1;
    to = put_byte(static_cast<std::uint8_t>(0x90 | parts), to);
    to = put_object(event.fields(), to);
    if (metadata != nullptr) {
      to = put_object(*metadata, to);
    } else if (name) {
      to = put_byte(kNil, to);
    }
    if (!name) return to;
    const auto bytes = bytes_of(name);
    return put_bytes({bytes.data(), bytes.size()}, put_bytes(kNameHead, to));
  }

 private:
  char* put_object(const Object& object, char* to) {
    to = need(to, kLargestHead);
    to = put_head(object.size(), 0x80, 0xde, to);
    for (const ObjectEntry& entry : object) {
      to = put_text(entry.key.text(), to);
      to = entry.value.is_string() ? put_text(entry.value.as_string(), to) : put_value(entry.value, to);
    }
    return to;
  }
  char* put_byte(std::uint8_t byte, char* to) {
    to = need(to, 1);
    *to++ = static_cast<char>(byte);
    return to;
  }
  char* put_bytes(std::string_view bytes, char* to) {
    to = need(to, bytes.size());
    std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
  }

  static constexpr std::size_t kSlack = 512;
  static constexpr std::size_t kLargestHead = 6;                   // of a text, a list or an object
  static constexpr std::size_t kShortBytes = 4 * kJsonBlockBytes;  // texts that are copied by whole blocks

  [[gnu::always_inline]] char* need(char* to, std::size_t bytes) {
    return static_cast<std::size_t>(end_ - to) < bytes ? grow(to, bytes) : to;
  }
  [[gnu::noinline]] char* grow(const char* to, std::size_t bytes) {
    const auto used = static_cast<std::size_t>(to - out_.data());
    out_.resize(used + used / 2 + bytes + kSlack);
    end_ = out_.data() + out_.size();
    return out_.data() + used;
  }

  template <class Number>
  static char* put_big_endian(std::uint8_t head, Number number, char* to) {
    *to++ = static_cast<char>(head);
    for (std::size_t i = 0; i < sizeof(Number); ++i) to[i] = static_cast<char>(number >> (8 * (sizeof(Number) - 1 - i)));
    return to + sizeof(Number);
  }

  /// Of a list or an object; `head` with 16 bits behind it, and its successor with 32.
  static char* put_head(std::uint32_t size, std::uint8_t small_head, std::uint8_t head, char* to) {
    if (size < 16) {
      *to++ = static_cast<char>(small_head | size);
      return to;
    }
    if (size <= 0xffff) return put_big_endian(head, static_cast<std::uint16_t>(size), to);
    return put_big_endian(static_cast<std::uint8_t>(head + 1), size, to);
  }

  [[gnu::always_inline]] char* put_text(std::string_view text, char* to) {
    to = need(to, text.size() + kLargestHead + kJsonBlockBytes);
    if (text.size() < 32) {
      *to++ = static_cast<char>(0xa0 | text.size());
    } else if (text.size() <= 0xff) {
      *to++ = static_cast<char>(0xd9);
      *to++ = static_cast<char>(text.size());
    } else if (text.size() <= 0xffff) {
      to = put_big_endian(0xda, static_cast<std::uint16_t>(text.size()), to);
    } else {
      to = put_big_endian(0xdb, static_cast<std::uint32_t>(text.size()), to);
    }
    const std::size_t last_block = (text.size() - 1) & ~(kJsonBlockBytes - 1);
    if (text.size() - 1 < kShortBytes && json_block_stays_in_page(text.data() + last_block)) {  // and not empty
      for (std::size_t i = 0; i <= last_block; i += kJsonBlockBytes)
        store_json_block(to + i, load_beyond_text(text.data() + i));
    } else {
      std::memcpy(to, text.data(), text.size());
    }
    return to + text.size();
  }

  char* put_value(const Value& value, char* to) {
    to = need(to, kSlack);
    switch (value.kind()) {
      case ValueKind::String: return put_text(value.as_string(), to);
      case ValueKind::Integer:
        if (const auto number = static_cast<std::uint64_t>(value.as_integer()); number <= 0xffffffff) {
          if (number > 0xffff) return put_big_endian(0xce, static_cast<std::uint32_t>(number), to);
          if (number > 0xff) return put_big_endian(0xcd, static_cast<std::uint16_t>(number), to);
          if (number >= 0x80) *to++ = static_cast<char>(0xcc);
          *to++ = static_cast<char>(number);
          return to;
        }
        return put_rare(value, to);
      case ValueKind::Timestamp: {
        const Timestamp time = value.as_timestamp();
        const auto seconds = static_cast<std::uint64_t>(time.seconds);
        if (time.nanoseconds != 0 && seconds >> 34 == 0) {
          *to++ = static_cast<char>(0xd7);
          return put_big_endian(0xff, static_cast<std::uint64_t>(time.nanoseconds) << 34 | seconds,
                                to);  // 0xff: the type, -1
        }
        return put_rare(value, to);
      }
      case ValueKind::Array:
        to = put_head(value.as_array().size(), 0x90, 0xdc, to);
        for (const Value& item : value.as_array()) to = put_value(item, to);
        return to;
      case ValueKind::Object: return put_object(value.as_object(), to);
      default: return put_rare(value, to);
    }
  }
  [[gnu::noinline]] char* put_rare(const Value& value, char* to) {
    std::string bytes;
    if (value.kind() == ValueKind::BigNumber) {
      write_msgpack_extension(kMsgpackBigNumber, value.as_string(), bytes);
    } else if (value.kind() == ValueKind::Timestamp) {
      write_msgpack_timestamp(value.as_timestamp(), bytes);
    } else {
      write_msgpack(value, bytes);
    }
    return put_bytes(bytes, to);
  }

  std::string& out_;
  const std::size_t start_;
  char* end_;
};

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
  StoredWriter writer(out);
  writer.finish(writer.put_event(event, name, writer.start()));
}

std::size_t write_stored_events(std::span<Event* const> events, bool are_named, std::size_t most_bytes, std::string& out) {
  StoredWriter writer(out);
  std::size_t count = 0;
  char* to = writer.start();
  for (; count < events.size() && writer.written(to) < most_bytes; ++count) {
    to = writer.put_event(*events[count], are_named ? event_name(*events[count]) : EventName{}, to);
    // The others will be much like the first.
    if (count == 0) to = writer.expect(to, std::min(most_bytes, writer.written(to) * (events.size() - 1) * 9 / 8));
  }
  writer.finish(to);
  return count;
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
