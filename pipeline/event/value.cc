#include "pipeline/event/value.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "pipeline/event/json.h"

namespace logboom {
namespace {

constexpr std::uint32_t kFirstCapacity = 16;

}  // namespace

Array* Array::make(Arena& arena, std::uint32_t capacity) {
  auto* made = new (arena.allocate(sizeof(Array), alignof(Array))) Array;
  if (capacity > 0) {
    made->items_ = arena.allocate_array<Value>(capacity);
    made->capacity_ = capacity;
  }
  return made;
}

void Array::push(Arena& arena, Value value) {
  if (size_ == capacity_) {
    const std::uint32_t capacity = capacity_ == 0 ? 4 : capacity_ * 2;
    auto* items = arena.allocate_array<Value>(capacity);
    if (size_ > 0) std::memcpy(static_cast<void*>(items), items_, size_ * sizeof(Value));
    items_ = items;
    capacity_ = capacity;
  }
  items_[size_++] = value;
}

void Array::erase(std::uint32_t index) {
  std::memmove(static_cast<void*>(items_ + index), items_ + index + 1, (size_ - index - 1) * sizeof(Value));
  --size_;
}

Object* Object::make(Arena& arena, std::uint32_t capacity) {
  auto* made = new (arena.allocate(sizeof(Object), alignof(Object))) Object;
  if (capacity > 0) made->reserve(arena, capacity);
  return made;
}

void Object::reserve(Arena& arena, std::uint32_t capacity) {
  if (capacity <= capacity_) return;
  auto* entries = arena.allocate_array<ObjectEntry>(capacity);
  if (size_ > 0) std::memcpy(static_cast<void*>(entries), entries_, size_ * sizeof(ObjectEntry));
  entries_ = entries;
  capacity_ = capacity;
}

void Object::grow(Arena& arena) { reserve(arena, capacity_ == 0 ? kFirstCapacity : capacity_ * 2); }

void Object::append_all(Arena& arena, const Object& other) {
  reserve(arena, size_ + other.size_);
  if (other.size_ > 0) std::memcpy(static_cast<void*>(entries_ + size_), other.entries_, other.size_ * sizeof(ObjectEntry));
  size_ += other.size_;
  seen_ |= other.seen_;
  if (size_ >= kIndexedFrom) rebuild_index(arena);
}

void Object::note_in_index(Arena& arena) {
  if (index_ == nullptr || size_ * 2 > index_capacity_) {
    rebuild_index(arena);
  } else {
    insert_in_index(size_ - 1);
  }
}

void Object::rebuild_index(Arena& arena) {
  std::uint32_t wanted = 64;
  while (wanted < size_ * 4) wanted *= 2;
  if (wanted > index_capacity_) {
    index_ = arena.allocate_array<std::uint32_t>(wanted);
    index_capacity_ = wanted;
  }
  std::memset(index_, 0, index_capacity_ * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < size_; ++i) insert_in_index(i);
}

void Object::insert_in_index(std::uint32_t position) {
  std::uint32_t slot = entries_[position].key.hash & (index_capacity_ - 1);
  while (index_[slot] != 0) slot = (slot + 1) & (index_capacity_ - 1);
  index_[slot] = position + 1;
}

Value* Object::find_indexed(const Key& key) {
  if (index_ == nullptr) {  // after erase(): the next append() builds it again
    for (std::uint32_t i = 0; i < size_; ++i)
      if (entries_[i].key == key) return &entries_[i].value;
    return nullptr;
  }
  std::uint32_t slot = key.hash & (index_capacity_ - 1);
  while (index_[slot] != 0) {
    ObjectEntry& entry = entries_[index_[slot] - 1];
    if (entry.key == key) return &entry.value;
    slot = (slot + 1) & (index_capacity_ - 1);
  }
  return nullptr;
}

bool Object::erase(const Key& key) {
  for (std::uint32_t i = 0; i < size_; ++i) {
    if (!(entries_[i].key == key)) continue;
    std::memmove(static_cast<void*>(entries_ + i), entries_ + i + 1, (size_ - i - 1) * sizeof(ObjectEntry));
    --size_;
    index_ = nullptr;  // positions moved
    index_capacity_ = 0;
    return true;
  }
  return false;
}

void Object::clear() {
  size_ = 0;
  seen_ = 0;
  index_ = nullptr;
  index_capacity_ = 0;
}

Value copy_value(const Value& value, Arena& arena, CopyStrings strings) {
  switch (value.kind()) {
    case ValueKind::String: return strings == CopyStrings::Share ? value : Value::string(arena.copy(value.as_string()));
    case ValueKind::BigNumber:
      return strings == CopyStrings::Share ? value : Value::big_number(arena.copy(value.as_string()));
    case ValueKind::Array: {
      const Array& from = value.as_array();
      Array* to = Array::make(arena, from.size());
      for (const Value& item : from) to->push(arena, copy_value(item, arena, strings));
      return Value::array(to);
    }
    case ValueKind::Object: return Value::object(copy_object(value.as_object(), arena, strings));
    default: return value;
  }
}

Object* copy_object(const Object& object, Arena& arena, CopyStrings strings) {
  Object* to = Object::make(arena, object.size() + 2);
  to->append_all(arena, object);
  for (ObjectEntry& entry : *to) {
    if (strings == CopyStrings::Copy) entry.key.data = arena.copy(entry.key.text()).data();
    const ValueKind kind = entry.value.kind();
    const bool is_text = kind == ValueKind::String || kind == ValueKind::BigNumber;
    if (kind == ValueKind::Array || kind == ValueKind::Object || (is_text && strings == CopyStrings::Copy))
      entry.value = copy_value(entry.value, arena, strings);
  }
  return to;
}

bool values_equal(const Value& left, const Value& right) {
  if (left.kind() != right.kind()) {
    if (left.is_integer() && right.is_double()) return static_cast<double>(left.as_integer()) == right.as_double();
    if (left.is_double() && right.is_integer()) return left.as_double() == static_cast<double>(right.as_integer());
    return false;
  }
  switch (left.kind()) {
    case ValueKind::Null: return true;
    case ValueKind::Boolean: return left.as_boolean() == right.as_boolean();
    case ValueKind::Integer: return left.as_integer() == right.as_integer();
    case ValueKind::Double: return left.as_double() == right.as_double();
    case ValueKind::BigNumber:
    case ValueKind::String: return left.as_string() == right.as_string();
    case ValueKind::Timestamp: return left.as_timestamp() == right.as_timestamp();
    case ValueKind::Array: {
      const Array &a = left.as_array(), &b = right.as_array();
      if (a.size() != b.size()) return false;
      for (std::uint32_t i = 0; i < a.size(); ++i)
        if (!values_equal(a[i], b[i])) return false;
      return true;
    }
    case ValueKind::Object: {
      const Object &a = left.as_object(), &b = right.as_object();
      if (a.size() != b.size()) return false;
      for (const ObjectEntry& entry : a) {
        const Value* other = b.find(entry.key);
        if (other == nullptr || !values_equal(entry.value, *other)) return false;
      }
      return true;
    }
  }
  return false;
}

std::string_view value_text(const Value& value, Arena& arena) {
  if (value.is_string()) return value.as_string();
  std::string text;
  append_value_text(value, text);
  return arena.copy(text);
}

void append_value_text(const Value& value, std::string& out) {
  switch (value.kind()) {
    case ValueKind::Null: return;
    case ValueKind::String: out += value.as_string(); return;
    case ValueKind::Timestamp: {
      char text[kMaxIso8601Bytes];
      out.append(text, format_iso8601(value.as_timestamp(), text));
      return;
    }
    case ValueKind::Array: {
      bool is_first = true;
      for (const Value& item : value.as_array()) {
        if (!is_first) out += ',';
        is_first = false;
        append_value_text(item, out);
      }
      return;
    }
    default: write_json(value, out); return;
  }
}

}  // namespace logboom
