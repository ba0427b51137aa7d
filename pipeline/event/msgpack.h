// MessagePack between bytes and values: a reader that leaves texts where they are, our own writer, and a scanner that finds
// where a message ends. Source: the MessagePack specification (msgpack/msgpack, spec.md), Fluentd's EventTime extension.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/value.h"

namespace logboom {

struct MsgpackLimits {
  int max_depth = 1000;                  // levels of arrays and maps, as for JSON
  std::uint32_t max_values = 1'000'000;  // in one value that is read whole, each of its parts counted
  bool reads_big_numbers = false;        // extension kMsgpackBigNumber is a BigNumber: only for bytes of our own making
};

/// An extension of our own, for what must come back as it was: the digits of a BigNumber.
inline constexpr std::int8_t kMsgpackBigNumber = 66;

enum class MsgpackKind : std::uint8_t {
  Nil,
  Boolean,
  Integer,     // fits 64 bits, signed
  BigInteger,  // does not: unsigned
  Double,
  String,
  Binary,
  Array,
  Map,
  Extension,
};

/// One item as it stands on the wire; of an array or map only how much follows.
struct MsgpackItem {
  MsgpackKind kind = MsgpackKind::Nil;
  std::int8_t extension_type = 0;
  std::uint32_t size = 0;  // Array: items, Map: pairs
  union {
    bool boolean;
    std::int64_t integer = 0;
    std::uint64_t big_integer;
    double real;
  };
  std::string_view bytes;  // String, Binary, Extension: as received, not checked
};

enum class MsgpackStatus : std::uint8_t {
  Read,
  Incomplete,  // the bytes end within the item
  Corrupt,     // a byte that begins no item
  TooDeep,     // past MsgpackLimits::max_depth
  TooLarge,    // past MsgpackLimits::max_values
};

/// A text for a person ("more than 1000 levels of nesting").
std::string_view msgpack_problem(MsgpackStatus status);

/// Names that came before, in the order in which records bring them: records of one sender look alike, so most names need
/// one comparison instead of a check, a hash and a look for repetitions. Points into the bytes that were read: forget()
/// before those go.
class MsgpackNames {
 public:
  void forget() { names_.clear(); }
  void begin_record() {
    next_ = 0;
    is_as_before_ = true;
  }
  /// Where a name stands: how deep its map lies, and its number in it.
  static std::uint64_t place(int depth, std::uint32_t number) { return static_cast<std::uint64_t>(depth) << 32 | number; }
  /// The name that stood in this place before when it is the same, else nullptr. `end` is that of the bytes.
  const Key* recall(std::string_view bytes, std::uint64_t place, const char* end) {
    if (next_ < names_.size()) {
      const Remembered& known = names_[next_];
      if (known.place == place && known.key.size == bytes.size() && are_same(known.key.data, bytes, end)) {
        ++next_;
        return &known.key;
      }
    }
    is_as_before_ = false;
    return nullptr;
  }
  /// True when all names of the record so far were recalled, in their places: then each is new in its map.
  bool is_as_before() const { return is_as_before_; }
  void break_off() { is_as_before_ = false; }
  /// Notes a name that was not recalled; `is_new` when its map had none like it.
  void remember(const Key& key, std::uint64_t place, bool is_new) {
    const Remembered made{key, is_new ? place : kNowhere};
    if (next_ < names_.size()) {
      names_[next_] = made;
    } else if (names_.size() < kMostNames) {
      names_.push_back(made);
    }
    ++next_;
  }

 private:
  struct Remembered {
    Key key;
    std::uint64_t place;
  };
  /// memcmp() for short texts of the same bytes' memory, `known` the earlier one: without a call.
  static bool are_same(const char* known, std::string_view bytes, const char* end) {
    const auto difference = [&](std::size_t at) {
      std::uint64_t left, right;
      std::memcpy(&left, known + at, sizeof left);
      std::memcpy(&right, bytes.data() + at, sizeof right);
      return left ^ right;
    };
    const std::size_t size = bytes.size();
    if (size < sizeof(std::uint64_t)) {
      if (bytes.data() + sizeof(std::uint64_t) > end) return std::memcmp(known, bytes.data(), size) == 0;
      return size == 0 || difference(0) << (64 - 8 * size) == 0;
    }
    for (std::size_t at = 0; at + sizeof(std::uint64_t) <= size; at += sizeof(std::uint64_t))
      if (difference(at) != 0) return false;
    return difference(size - sizeof(std::uint64_t)) == 0;
  }

  static constexpr std::size_t kMostNames = 256;
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
  std::vector<Remembered> names_;
  std::size_t next_ = 0;
  bool is_as_before_ = false;
};

/// Reads items one behind the other. What it gives points into `bytes` or the arena, and must not outlive either. Used by
/// one thread. After anything but Read the position is undefined.
///
/// How things become values: str and bin are Strings; bytes that are not valid UTF-8 become U+FFFD (so binary data does not
/// survive). An integer above 2^63-1 is a BigNumber. Float 32 widens; NaN and the infinities are null. Extension 0 of 8
/// bytes (EventTime) and extension -1 (the specification's timestamp) are Timestamps, held within the years 1 to 9999; any
/// other is the String of its bytes. A name that is no text is written as JSON would (5, true, null). A repeated name keeps
/// its first place and its last value.
class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view bytes, MsgpackLimits limits = {}, MsgpackNames* names = nullptr)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), begin_(bytes.data()), limits_(limits), names_(names) {}

  bool at_end() const { return at_ == end_; }
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

  /// Takes one item; the parts of an array or map follow as items.
  MsgpackStatus next(MsgpackItem& item);
  /// Passes over one item with all its parts, however deep. The bytes passed over are those between two position()s.
  MsgpackStatus skip();
  /// Takes one item with all its parts.
  MsgpackStatus read(Arena& arena, Value& out);
  /// The pairs of a map whose head was taken by next(), set in `fields`. Counts as a record of its own.
  MsgpackStatus read_fields(std::uint32_t pairs, Arena& arena, Object& fields);
  /// The value of an item that next() gave, with its parts.
  MsgpackStatus complete(const MsgpackItem& item, Arena& arena, Value& out);

 private:
  friend struct MsgpackReading;
  const char* at_;
  const char* end_;
  const char* begin_;
  MsgpackLimits limits_;
  MsgpackNames* names_;
};

/// Reads one document that fills `bytes`. Errors: Corrupt - cut short, broken, or something follows; TooLarge - a limit.
Result<Value> parse_msgpack(std::string_view bytes, Arena& arena, MsgpackLimits limits = {});

/// The instant of an extension 0 (EventTime) or -1; false for any other item. Held within the years 1 to 9999.
bool msgpack_timestamp(const MsgpackItem& item, Timestamp& out);
/// Text as an event may hold it: the same bytes when they are valid UTF-8, else a copy in `arena` with U+FFFD.
std::string_view msgpack_text(std::string_view bytes, Arena& arena);

/// Finds the end of one item in a stream that arrives in pieces; keeps nothing of it. Depth and counts do not matter.
class MsgpackScanner {
 public:
  enum class Outcome { NeedsMore, Complete, Corrupt };
  /// Goes on at `bytes`; `used` is set to how many of them belong to the item. After Complete or reset() a new item begins.
  Outcome scan(std::string_view bytes, std::size_t& used);
  void reset() { *this = MsgpackScanner(); }
  /// Bytes that are still missing for sure: a hint for who gathers them, not to be trusted further than memory allows.
  std::uint64_t missing_bytes() const { return payload_left_; }

 private:
  void count_items(std::uint64_t more);
  std::uint64_t open_items_ = 1;
  std::uint64_t payload_left_ = 0;
  std::uint64_t length_ = 0;
  std::uint8_t length_bytes_left_ = 0;
  std::uint8_t head_ = 0;
};

// The writer: smallest forms throughout. Appends to `out`.

/// Timestamps become ISO 8601 texts as in JSON, a BigNumber an unsigned 64-bit integer when it is one, else the text of its
/// digits. Texts longer than 2^32-1 bytes do not occur.
void write_msgpack(const Value& value, std::string& out);
void write_msgpack(const Object& object, std::string& out);
void write_msgpack_string(std::string_view text, std::string& out);
void write_msgpack_integer(std::int64_t value, std::string& out);
void write_msgpack_unsigned(std::uint64_t value, std::string& out);
void write_msgpack_array_head(std::uint32_t items, std::string& out);
void write_msgpack_map_head(std::uint32_t pairs, std::string& out);
void write_msgpack_binary(std::string_view bytes, std::string& out);
/// Fluentd's EventTime (extension 0, fixext 8). `time` must lie in 1970 to 2106.
void write_msgpack_event_time(Timestamp time, std::string& out);
/// The specification's timestamp (extension -1) in its smallest form.
void write_msgpack_timestamp(Timestamp time, std::string& out);
void write_msgpack_extension(std::int8_t type, std::string_view bytes, std::string& out);

}  // namespace logboom
