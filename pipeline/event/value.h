// Value: one field of an event. 16 bytes, trivially copyable; strings are views, arrays and objects are tables in an arena.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/event/arena.h"
#include "pipeline/event/key.h"
#include "pipeline/event/timestamp.h"

namespace logboom {

class Array;
class Object;

enum class ValueKind : std::uint8_t {
  Null,
  Boolean,
  Integer,    // 64 bits, signed
  Double,     // finite
  BigNumber,  // a number that fits neither: its digits are kept and printed back
  String,     // valid UTF-8
  Timestamp,
  Array,
  Object,
};

/// Copying a Value shares what it points to: use copy_value() where one side may change. The bytes and tables live in the
/// received buffer, an arena or (interned names, literals of the configuration) as long as the plan.
class Value {
 public:
  Value() : integer_(0) {}
  static Value null() { return {}; }
  static Value boolean(bool value) {
    Value made(ValueKind::Boolean);
    made.boolean_ = value;
    return made;
  }
  static Value integer(std::int64_t value) {
    Value made(ValueKind::Integer);
    made.integer_ = value;
    return made;
  }
  static Value real(double value) {
    Value made(ValueKind::Double);
    made.real_ = value;
    return made;
  }
  static Value big_number(std::string_view digits) { return text_of(ValueKind::BigNumber, digits); }
  static Value string(std::string_view text) { return text_of(ValueKind::String, text); }
  static Value timestamp(Timestamp time) {
    Value made(ValueKind::Timestamp);
    made.integer_ = time.seconds;
    made.size_ = time.nanoseconds;
    return made;
  }
  static Value array(Array* items) {
    Value made(ValueKind::Array);
    made.array_ = items;
    return made;
  }
  static Value object(Object* fields) {
    Value made(ValueKind::Object);
    made.object_ = fields;
    return made;
  }

  ValueKind kind() const { return kind_; }
  bool is_null() const { return kind_ == ValueKind::Null; }
  bool is_string() const { return kind_ == ValueKind::String; }
  bool is_integer() const { return kind_ == ValueKind::Integer; }
  bool is_double() const { return kind_ == ValueKind::Double; }
  bool is_number() const {
    return kind_ == ValueKind::Integer || kind_ == ValueKind::Double || kind_ == ValueKind::BigNumber;
  }
  bool is_boolean() const { return kind_ == ValueKind::Boolean; }
  bool is_timestamp() const { return kind_ == ValueKind::Timestamp; }
  bool is_array() const { return kind_ == ValueKind::Array; }
  bool is_object() const { return kind_ == ValueKind::Object; }

  // Each is only for its own kind.
  bool as_boolean() const { return boolean_; }
  std::int64_t as_integer() const { return integer_; }
  double as_double() const { return real_; }
  std::string_view as_string() const { return {text_, size_}; }  // String and BigNumber
  Timestamp as_timestamp() const { return {integer_, size_}; }
  Array& as_array() const { return *array_; }
  Object& as_object() const { return *object_; }

 private:
  explicit Value(ValueKind kind) : kind_(kind), integer_(0) {}
  static Value text_of(ValueKind kind, std::string_view text) {
    Value made(kind);
    made.text_ = text.data();
    made.size_ = static_cast<std::uint32_t>(text.size());
    return made;
  }

  ValueKind kind_ = ValueKind::Null;
  std::uint32_t size_ = 0;  // bytes of a text, nanoseconds of a timestamp
  union {
    bool boolean_;
    std::int64_t integer_;
    double real_;
    const char* text_;
    Array* array_;
    Object* object_;
  };
};
static_assert(sizeof(Value) == 16);

/// A growing list of values in an arena.
class Array {
 public:
  static Array* make(Arena& arena, std::uint32_t capacity = 4);

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Value& operator[](std::uint32_t index) { return items_[index]; }
  const Value& operator[](std::uint32_t index) const { return items_[index]; }
  Value* begin() { return items_; }
  Value* end() { return items_ + size_; }
  const Value* begin() const { return items_; }
  const Value* end() const { return items_ + size_; }

  void push(Arena& arena, Value value);
  /// Removes one item; those behind it move up. `index` < size().
  void erase(std::uint32_t index);
  void clear() { size_ = 0; }

 private:
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  Value* items_ = nullptr;
};

struct ObjectEntry {
  Key key;
  Value value;
};

/// Named values in insertion order. A filter of 64 bits says of most absent names that they are absent; the others are found
/// by scanning hashes up to kIndexedFrom entries, by an index of its own past that.
class Object {
 public:
  static constexpr std::uint32_t kIndexedFrom = 17;

  /// With capacity 0 room comes with the first entry, for 16: a parsed access log line with what comes on top.
  static Object* make(Arena& arena, std::uint32_t capacity = 4);

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const ObjectEntry* begin() const { return entries_; }
  const ObjectEntry* end() const { return entries_ + size_; }
  ObjectEntry* begin() { return entries_; }
  ObjectEntry* end() { return entries_ + size_; }

  /// The value under this name, or nullptr. Valid until the object grows or shrinks.
  Value* find(const Key& key) {
    if ((seen_ & filter_of(key)) == 0) return nullptr;
    if (size_ >= kIndexedFrom) return find_indexed(key);
    for (std::uint32_t i = 0; i < size_; ++i)
      if (entries_[i].key == key) return &entries_[i].value;
    return nullptr;
  }
  const Value* find(const Key& key) const { return const_cast<Object*>(this)->find(key); }

  /// A set of names, joined by |, for may_hold_any().
  static std::uint64_t filter_of(const Key& key) { return std::uint64_t{1} << (key.hash >> 26); }
  /// False when none of the names in the set is here.
  bool may_hold_any(std::uint64_t filter) const { return (seen_ & filter) != 0; }

  /// Replaces the value in place, or appends. The key's bytes must live as long as the object.
  Value& set(Arena& arena, const Key& key, Value value) {
    if (Value* found = find(key)) return *found = value;
    return append(arena, key, value);
  }
  /// Appends without looking for the key: only for keys known to be new.
  Value& append(Arena& arena, const Key& key, Value value) {
    if (size_ == capacity_) grow(arena);
    seen_ |= filter_of(key);
    ObjectEntry& entry = entries_[size_++];
    entry = {key, value};
    if (size_ >= kIndexedFrom) note_in_index(arena);
    return entry.value;
  }
  /// Appends the entries of another object, whose names must be new here. Texts, arrays and objects are shared.
  void append_all(Arena& arena, const Object& other);
  /// Room for this many entries without another allocation.
  void reserve(Arena& arena, std::uint32_t capacity);
  /// Removes the entry, keeping the order of the others. False when there was none.
  bool erase(const Key& key);
  void clear();

 private:
  Value* find_indexed(const Key& key);
  void grow(Arena& arena);
  void note_in_index(Arena& arena);
  void rebuild_index(Arena& arena);
  void insert_in_index(std::uint32_t position);

  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  ObjectEntry* entries_ = nullptr;
  std::uint64_t seen_ = 0;            // a bit for each name that was ever in it
  std::uint32_t* index_ = nullptr;    // open addressing, entry position + 1; nullptr while small
  std::uint32_t index_capacity_ = 0;  // power of two
};

enum class CopyStrings { Share, Copy };

/// A copy whose arrays and objects are its own, made in `arena`. With Share, texts and names still point where they did
/// (a clone inside the same batch); with Copy nothing of the original is needed any more.
Value copy_value(const Value& value, Arena& arena, CopyStrings strings);
Object* copy_object(const Object& object, Arena& arena, CopyStrings strings);

/// Deep equality: Integer and Double compare as numbers, objects without regard to order.
bool values_equal(const Value& left, const Value& right);

/// The text form that sprintf, grok, gsub and join see: numbers and booleans as printed, timestamps as ISO 8601, null as "",
/// arrays joined by commas (nested ones flattened), objects as JSON. Strings are returned as they are; other kinds are
/// written to `arena`.
std::string_view value_text(const Value& value, Arena& arena);
/// The same, appended to a string.
void append_value_text(const Value& value, std::string& out);

}  // namespace logboom
