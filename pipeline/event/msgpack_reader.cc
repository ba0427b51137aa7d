#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "pipeline/base/utf8.h"
#include "pipeline/event/json.h"
#include "pipeline/event/msgpack.h"

namespace logboom {
namespace {

constexpr std::uint32_t kMostReserved = 64;  // places made at once for what a head announces; more are made as it comes
constexpr std::int8_t kEventTime = 0;
constexpr std::int8_t kStandardTimestamp = -1;

std::uint64_t big_endian(const char* at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}
std::uint32_t big_endian_32(const char* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}
std::uint64_t big_endian_64(const char* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
}

Timestamp clamped(std::int64_t seconds, std::uint64_t nanoseconds) {
  seconds = std::clamp(seconds, Timestamp::kMinSeconds, Timestamp::kMaxSeconds);
  seconds = std::min(seconds + static_cast<std::int64_t>(nanoseconds / 1'000'000'000), Timestamp::kMaxSeconds);
  return {seconds, static_cast<std::uint32_t>(nanoseconds % 1'000'000'000)};
}

/// True when no byte is above 127; reads up to `readable_end`.
bool is_ascii_within(const char* at, std::size_t size, const char* readable_end) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  if (size > 64 || at + size + 8 > readable_end) return is_ascii({at, size});
  std::uint64_t seen = 0;
  std::uint64_t word;
  for (; size >= 8; size -= 8, at += 8) {
    std::memcpy(&word, at, 8);
    seen |= word;
  }
  if (size > 0) {
    std::memcpy(&word, at, 8);
    seen |= word << (8 * (8 - size));
  }
  return (seen & kHighBits) == 0;
}

}  // namespace

std::string_view msgpack_problem(MsgpackStatus status) {
  switch (status) {
    case MsgpackStatus::Read: return "no problem";
    case MsgpackStatus::Incomplete: return "the bytes end too early";
    case MsgpackStatus::Corrupt: return "a byte that is no MessagePack";
    case MsgpackStatus::TooDeep: return "too many levels of nesting";
    case MsgpackStatus::TooLarge: return "too many values";
  }
  return "unknown";
}

std::string_view msgpack_text(std::string_view bytes, Arena& arena) {
  if (is_ascii(bytes) || is_valid_utf8(bytes)) return bytes;
  std::string repaired;
  append_valid_utf8(bytes, repaired);
  return arena.copy(repaired);
}

bool msgpack_timestamp(const MsgpackItem& item, Timestamp& out) {
  if (item.kind != MsgpackKind::Extension) return false;
  const char* const at = item.bytes.data();
  if (item.extension_type == kEventTime && item.bytes.size() == 8) {
    out = clamped(big_endian_32(at), big_endian_32(at + 4));
    return true;
  }
  if (item.extension_type != kStandardTimestamp) return false;
  switch (item.bytes.size()) {
    case 4: out = clamped(big_endian_32(at), 0); return true;
    case 8: {
      const std::uint64_t both = big_endian_64(at);
      out = clamped(static_cast<std::int64_t>(both & 0x3FFFFFFFFULL), both >> 34);
      return true;
    }
    case 12: out = clamped(static_cast<std::int64_t>(big_endian_64(at + 4)), big_endian_32(at)); return true;
    default: return false;
  }
}

MsgpackStatus MsgpackReader::next(MsgpackItem& item) {
  if (at_ == end_) return MsgpackStatus::Incomplete;
  const auto head = static_cast<unsigned char>(*at_);
  const auto left = static_cast<std::size_t>(end_ - at_) - 1;
  const char* const behind = at_ + 1;
  const auto integer = [&](std::int64_t value, std::size_t bytes) {
    item.kind = MsgpackKind::Integer;
    item.integer = value;
    at_ = behind + bytes;
    return MsgpackStatus::Read;
  };
  const auto counted = [&](MsgpackKind kind, std::uint32_t size, std::size_t bytes) {
    item.kind = kind;
    item.size = size;
    at_ = behind + bytes;
    return MsgpackStatus::Read;
  };
  const auto payload = [&](MsgpackKind kind, std::uint64_t size, std::size_t bytes) {
    if (left - bytes < size) return MsgpackStatus::Incomplete;
    item.kind = kind;
    item.bytes = {behind + bytes, static_cast<std::size_t>(size)};
    at_ = behind + bytes + size;
    return MsgpackStatus::Read;
  };
  const auto extension = [&](std::uint64_t size, std::size_t bytes) {
    if (left < bytes + 1) return MsgpackStatus::Incomplete;
    item.extension_type = static_cast<std::int8_t>(behind[bytes]);
    return payload(MsgpackKind::Extension, size, bytes + 1);
  };
  if (head < 0x80) return integer(head, 0);
  if (head >= 0xe0) return integer(static_cast<std::int8_t>(head), 0);
  if (head < 0x90) return counted(MsgpackKind::Map, head & 15, 0);
  if (head < 0xa0) return counted(MsgpackKind::Array, head & 15, 0);
  if (head < 0xc0) return payload(MsgpackKind::String, head & 31, 0);
  // Bytes of length or number behind each head from 0xc0 on.
  static constexpr std::uint8_t kLengths[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                                1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
  const std::size_t bytes = kLengths[head - 0xc0];
  if (left < bytes) return MsgpackStatus::Incomplete;
  switch (head) {
    case 0xc0:
      item.kind = MsgpackKind::Nil;
      at_ = behind;
      return MsgpackStatus::Read;
    case 0xc2:
    case 0xc3:
      item.kind = MsgpackKind::Boolean;
      item.boolean = head == 0xc3;
      at_ = behind;
      return MsgpackStatus::Read;
    case 0xc4:
    case 0xc5:
    case 0xc6: return payload(MsgpackKind::Binary, big_endian(behind, bytes), bytes);
    case 0xc7:
    case 0xc8:
    case 0xc9: return extension(big_endian(behind, bytes), bytes);
    case 0xca:
      item.kind = MsgpackKind::Double;
      item.real = std::bit_cast<float>(big_endian_32(behind));
      at_ = behind + 4;
      return MsgpackStatus::Read;
    case 0xcb:
      item.kind = MsgpackKind::Double;
      item.real = std::bit_cast<double>(big_endian_64(behind));
      at_ = behind + 8;
      return MsgpackStatus::Read;
    case 0xcc:
    case 0xcd:
    case 0xce: return integer(static_cast<std::int64_t>(big_endian(behind, bytes)), bytes);
    case 0xcf: {
      const std::uint64_t value = big_endian_64(behind);
      if (value <= INT64_MAX) return integer(static_cast<std::int64_t>(value), 8);
      item.kind = MsgpackKind::BigInteger;
      item.big_integer = value;
      at_ = behind + 8;
      return MsgpackStatus::Read;
    }
    case 0xd0: return integer(static_cast<std::int8_t>(*behind), 1);
    case 0xd1: return integer(static_cast<std::int16_t>(big_endian(behind, 2)), 2);
    case 0xd2: return integer(static_cast<std::int32_t>(big_endian_32(behind)), 4);
    case 0xd3: return integer(static_cast<std::int64_t>(big_endian_64(behind)), 8);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: return extension(std::uint64_t{1} << (head - 0xd4), 0);
    case 0xd9:
    case 0xda:
    case 0xdb: return payload(MsgpackKind::String, big_endian(behind, bytes), bytes);
    case 0xdc:
    case 0xdd: return counted(MsgpackKind::Array, static_cast<std::uint32_t>(big_endian(behind, bytes)), bytes);
    case 0xde:
    case 0xdf: return counted(MsgpackKind::Map, static_cast<std::uint32_t>(big_endian(behind, bytes)), bytes);
    default: return MsgpackStatus::Corrupt;  // 0xc1
  }
}

MsgpackStatus MsgpackReader::skip() {
  MsgpackScanner scanner;
  std::size_t used = 0;
  const auto outcome = scanner.scan(rest(), used);
  at_ += used;
  if (outcome == MsgpackScanner::Outcome::Complete) return MsgpackStatus::Read;
  return outcome == MsgpackScanner::Outcome::Corrupt ? MsgpackStatus::Corrupt : MsgpackStatus::Incomplete;
}

/// One value with its parts, counted against the limits.
struct MsgpackReading {
  MsgpackReader& reader;
  Arena& arena;
  std::uint32_t values_left;
  bool is_within_name = false;  // that is a list or map

  MsgpackStatus read(Value& out, int depth) {
    // The usual cases first, without a detour through an item.
    const auto left = static_cast<std::size_t>(reader.end_ - reader.at_);
    if (left >= 2) {
      const auto head = static_cast<unsigned char>(*reader.at_);
      if (head < 0x80) {
        out = Value::integer(head);
        ++reader.at_;
        return MsgpackStatus::Read;
      }
      const bool is_fixstr = head >= 0xa0 && head < 0xc0;
      if (is_fixstr || head == 0xd9) {
        const std::size_t size = is_fixstr ? head & 31U : static_cast<unsigned char>(reader.at_[1]);
        const std::size_t before = is_fixstr ? 1 : 2;
        if (left < before + size) return MsgpackStatus::Incomplete;
        out = text({reader.at_ + before, size});
        reader.at_ += before + size;
        return MsgpackStatus::Read;
      }
    }
    MsgpackItem item;
    const MsgpackStatus status = reader.next(item);
    return status == MsgpackStatus::Read ? complete(item, out, depth) : status;
  }

  MsgpackStatus complete(const MsgpackItem& item, Value& out, int depth) {
    switch (item.kind) {
      case MsgpackKind::Nil: out = Value::null(); break;
      case MsgpackKind::Boolean: out = Value::boolean(item.boolean); break;
      case MsgpackKind::Integer: out = Value::integer(item.integer); break;
      case MsgpackKind::BigInteger: {
        char digits[20];
        const auto [end, problem] = std::to_chars(digits, digits + sizeof digits, item.big_integer);
        (void)problem;  // 20 digits hold every 64-bit number
        out = Value::big_number(arena.copy({digits, static_cast<std::size_t>(end - digits)}));
        break;
      }
      case MsgpackKind::Double: out = std::isfinite(item.real) ? Value::real(item.real) : Value::null(); break;
      case MsgpackKind::String:
      case MsgpackKind::Binary: out = text(item.bytes); break;
      case MsgpackKind::Extension: {
        Timestamp time;
        if (msgpack_timestamp(item, time)) {
          out = Value::timestamp(time);
        } else if (reader.limits_.reads_big_numbers && item.extension_type == kMsgpackBigNumber) {
          out = Value::big_number(item.bytes);
        } else {
          out = text(item.bytes);
        }
        break;
      }
      case MsgpackKind::Array: return read_array(item.size, out, depth);
      case MsgpackKind::Map: {
        if (depth > reader.limits_.max_depth) return MsgpackStatus::TooDeep;
        Object* made = Object::make(arena, room_for(item.size, 2));
        out = Value::object(made);
        return read_pairs(item.size, *made, depth);
      }
    }
    return MsgpackStatus::Read;
  }

  MsgpackStatus read_array(std::uint32_t items, Value& out, int depth) {
    if (depth > reader.limits_.max_depth) return MsgpackStatus::TooDeep;
    if (!take_values(items)) return too_many(items);
    Array* made = Array::make(arena, room_for(items, 1));
    out = Value::array(made);
    for (std::uint32_t i = 0; i < items; ++i) {
      Value item;
      if (const auto status = read(item, depth + 1); status != MsgpackStatus::Read) return status;
      made->push(arena, item);
    }
    return MsgpackStatus::Read;
  }

  MsgpackStatus read_pairs(std::uint32_t pairs, Object& fields, int depth) {
    if (!take_values(pairs)) return too_many(pairs);
    if (reader.names_ != nullptr && !fields.empty()) reader.names_->break_off();
    for (std::uint32_t i = 0; i < pairs; ++i) {
      if (const Key* known = recall_short_name(depth, i)) {
        Value& value = fields.append(arena, *known, Value::null());
        if (const auto status = read(value, depth + 1); status != MsgpackStatus::Read) return status;
        continue;
      }
      Key key;
      Value* before = nullptr;  // what a repeated name had; stays where it is, for values go to objects of their own
      if (const auto status = read_name(fields, depth, i, key, before); status != MsgpackStatus::Read) return status;
      // Read where it stays, like values of JSON: a copy just after the parts were written would wait for them.
      Value& value = before != nullptr ? *before : fields.append(arena, key, Value::null());
      if (const auto status = read(value, depth + 1); status != MsgpackStatus::Read) return status;
    }
    return MsgpackStatus::Read;
  }

  /// The usual case of read_name(): a short name, as in the records before. nullptr, with nothing taken, in all others.
  const Key* recall_short_name(int depth, std::uint32_t number) {
    MsgpackNames* const names = reader.names_;
    if (names == nullptr || !names->is_as_before() || reader.at_ == reader.end_) return nullptr;
    const unsigned head = static_cast<unsigned char>(*reader.at_);
    const std::size_t size = head & 31U;
    if (head < 0xa0 || head >= 0xc0 || static_cast<std::size_t>(reader.end_ - reader.at_) <= size) return nullptr;
    const Key* const known = names->recall({reader.at_ + 1, size}, MsgpackNames::place(depth, number), reader.end_);
    if (known != nullptr) reader.at_ += size + 1;
    return known;
  }

  MsgpackStatus read_name(Object& fields, int depth, std::uint32_t number, Key& out, Value*& before) {
    MsgpackItem item;
    const auto left = static_cast<std::size_t>(reader.end_ - reader.at_);
    const unsigned head = left > 0 ? static_cast<unsigned char>(*reader.at_) : 0;
    if (head >= 0xa0 && head < 0xc0 && left > (head & 31U)) {
      item.kind = MsgpackKind::String;
      item.bytes = {reader.at_ + 1, head & 31U};
      reader.at_ += 1 + (head & 31U);
    } else if (const auto status = reader.next(item); status != MsgpackStatus::Read) {
      return status;
    }
    MsgpackNames* const names = reader.names_;
    if (item.kind != MsgpackKind::String && item.kind != MsgpackKind::Binary) {
      if (names != nullptr) names->break_off();
      const auto status = read_odd_name(item, out, depth + 1);
      before = fields.find(out);
      return status;
    }
    if (names == nullptr) {
      out = make_key(text(item.bytes).as_string());
      before = fields.find(out);
      return MsgpackStatus::Read;
    }
    const std::uint64_t place = MsgpackNames::place(depth, number);
    if (const Key* known = names->recall(item.bytes, place, reader.end_)) {
      out = *known;
      if (!names->is_as_before()) before = fields.find(out);
      return MsgpackStatus::Read;
    }
    out = make_key(text(item.bytes).as_string());
    before = fields.find(out);
    const bool is_in_place = out.data == item.bytes.data();  // no copy that was repaired
    names->remember(out, place, before == nullptr && is_in_place);
    return MsgpackStatus::Read;
  }

  MsgpackStatus read_odd_name(const MsgpackItem& item, Key& out, int depth) {
    // A list or map as a name becomes its JSON text. One inside another would be escaped again at every level, and its
    // length double each time (found by the fuzzer).
    const bool holds_others = item.kind == MsgpackKind::Array || item.kind == MsgpackKind::Map;
    if (holds_others && is_within_name) return MsgpackStatus::TooDeep;
    const bool was_within_name = std::exchange(is_within_name, is_within_name || holds_others);
    Value value;
    const auto status = complete(item, value, depth);
    is_within_name = was_within_name;
    if (status != MsgpackStatus::Read) return status;
    std::string name;
    if (value.is_string() || value.is_timestamp()) {
      append_value_text(value, name);
    } else {
      write_json(value, name);
    }
    out = make_key(arena.copy(name));
    return MsgpackStatus::Read;
  }

  Value text(std::string_view bytes) {
    if (bytes.empty()) return Value::string(std::string_view("", 0));
    if (is_ascii_within(bytes.data(), bytes.size(), reader.end_)) return Value::string(bytes);
    return Value::string(msgpack_text(bytes, arena));
  }

  /// Places to make for what a head announces: never more than can still come.
  std::uint32_t room_for(std::uint32_t announced, std::size_t smallest_bytes) const {
    const auto possible = static_cast<std::size_t>(reader.end_ - reader.at_) / smallest_bytes;
    return static_cast<std::uint32_t>(std::min<std::size_t>({announced, possible, kMostReserved}));
  }
  bool take_values(std::uint32_t count) {
    if (count > values_left) return false;
    values_left -= count;
    return true;
  }
  /// What is wrong with a count past the limit: it may lie.
  MsgpackStatus too_many(std::uint32_t count) const {
    return count > static_cast<std::size_t>(reader.end_ - reader.at_) ? MsgpackStatus::Incomplete : MsgpackStatus::TooLarge;
  }
};

MsgpackStatus MsgpackReader::read(Arena& arena, Value& out) {
  if (names_ != nullptr) names_->begin_record();
  return MsgpackReading{*this, arena, limits_.max_values}.read(out, 1);
}

MsgpackStatus MsgpackReader::complete(const MsgpackItem& item, Arena& arena, Value& out) {
  if (names_ != nullptr) names_->begin_record();
  return MsgpackReading{*this, arena, limits_.max_values}.complete(item, out, 1);
}

MsgpackStatus MsgpackReader::read_fields(std::uint32_t pairs, Arena& arena, Object& fields) {
  if (names_ != nullptr) names_->begin_record();
  MsgpackReading reading{*this, arena, limits_.max_values};
  fields.reserve(arena, fields.size() + reading.room_for(pairs, 2));
  return reading.read_pairs(pairs, fields, 1);
}

Result<Value> parse_msgpack(std::string_view bytes, Arena& arena, MsgpackLimits limits) {
  MsgpackReader reader(bytes, limits);
  Value value;
  const MsgpackStatus status = reader.read(arena, value);
  if (status == MsgpackStatus::Read && reader.at_end()) return value;
  if (status == MsgpackStatus::Read) return Error{ErrorCode::Corrupt, "something follows the end of the document"};
  const bool is_limit = status == MsgpackStatus::TooDeep || status == MsgpackStatus::TooLarge;
  return Error{is_limit ? ErrorCode::TooLarge : ErrorCode::Corrupt, std::string(msgpack_problem(status))};
}

}  // namespace logboom
