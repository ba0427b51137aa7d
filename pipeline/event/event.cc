#include "pipeline/event/event.h"

#include "pipeline/event/failure_notes.h"

namespace logboom {
namespace {

constexpr std::uint32_t kMaxArrayPadding = 10'000;  // [list][9999999] must not allocate gigabytes of nulls

bool are_legal_tags(const Value& value) {
  if (value.is_string() || value.is_null()) return true;
  if (!value.is_array()) return false;
  for (const Value& item : value.as_array())
    if (!item.is_string()) return false;
  return true;
}

/// Whether a value may go below @timestamp or tags: only a text into, or right behind, an existing list of tags.
bool may_set_below(const Object& fields, const std::vector<FieldRef::Step>& steps, const Value& value) {
  if (steps[0].key == well_known().timestamp) return false;
  if (!(steps[0].key == well_known().tags)) return true;
  const Value* tags = fields.find(well_known().tags);
  if (tags == nullptr || !tags->is_array() || steps.size() != 2 || !value.is_string()) return false;
  return steps[1].index <= static_cast<std::int64_t>(tags->as_array().size());
}

}  // namespace

const WellKnownKeys& well_known() {
  static const WellKnownKeys keys;
  return keys;
}

Object& Event::metadata() {
  if (metadata_ == nullptr) metadata_ = Object::make(*arena_, 4);
  return *metadata_;
}

std::optional<Timestamp> Event::timestamp() const {
  const Value* value = fields_->find(well_known().timestamp);
  if (value == nullptr || !value->is_timestamp()) return std::nullopt;
  return value->as_timestamp();
}

/// The slot for a reference, with parents made; nullptr when the path leads through a scalar.
Value* Event::make_path(const FieldRef& field) {
  const auto& steps = field.steps();
  if (steps.empty()) return nullptr;
  Object* object = field.is_metadata() ? &metadata() : fields_;
  Value* at = object->find(steps[0].key);
  if (at == nullptr) at = &object->append(*arena_, steps[0].key, Value::null());
  for (std::size_t i = 1; i < steps.size(); ++i) {
    if (at->is_null()) *at = Value::object(Object::make(*arena_, 4));
    if (at->is_object()) {
      Object& parent = at->as_object();
      at = parent.find(steps[i].key);
      if (at == nullptr) at = &parent.append(*arena_, steps[i].key, Value::null());
    } else if (at->is_array()) {
      Array& parent = at->as_array();
      std::int64_t index = steps[i].index;
      if (index == FieldRef::Step::kNotAnIndex) return nullptr;
      if (index < 0) index += parent.size();
      if (index < 0 || index > static_cast<std::int64_t>(parent.size()) + kMaxArrayPadding) return nullptr;
      while (parent.size() <= index) parent.push(*arena_, Value::null());
      at = &parent[static_cast<std::uint32_t>(index)];
    } else {
      return nullptr;
    }
  }
  return at;
}

bool Event::set(const FieldRef& field, Value value) {
  const auto& steps = field.steps();
  if (field.is_metadata() && steps.empty()) {
    if (!value.is_object()) return false;
    metadata_ = &value.as_object();
    return true;
  }
  if (steps.size() == 1 && !field.is_metadata()) {
    if (steps[0].key == well_known().timestamp && !value.is_timestamp()) {
      const auto time = value.is_string() ? parse_iso8601(value.as_string()) : std::nullopt;
      if (!time) return false;
      value = Value::timestamp(*time);
    } else if (steps[0].key == well_known().tags && !are_legal_tags(value)) {
      return false;
    }
    fields_->set(*arena_, steps[0].key, value);
    return true;
  }
  if (steps.size() == 1) {
    metadata().set(*arena_, steps[0].key, value);
    return true;
  }
  if (!field.is_metadata() && !steps.empty() && !may_set_below(*fields_, steps, value)) return false;
  // Look before making parents, so that a refused path leaves nothing behind.
  const Object* object = field.is_metadata() ? metadata_ : fields_;
  const Value* at = object != nullptr && !steps.empty() ? object->find(steps[0].key) : nullptr;
  for (std::size_t i = 1; i < steps.size() && at != nullptr; ++i) {
    if (at->is_object()) {
      at = at->as_object().find(steps[i].key);
    } else if (at->is_array()) {
      if (steps[i].index == FieldRef::Step::kNotAnIndex) return false;
      at = array_item(at->as_array(), steps[i].index);
    } else if (at->is_null()) {
      break;
    } else {
      return false;
    }
  }
  Value* slot = make_path(field);
  if (slot == nullptr) return false;
  *slot = value;
  return true;
}

bool Event::remove(const FieldRef& field) {
  const auto& steps = field.steps();
  if (steps.empty()) {
    if (!field.is_metadata() || metadata_ == nullptr) return false;
    metadata_ = nullptr;
    return true;
  }
  Object* object = field.is_metadata() ? metadata_ : fields_;
  if (object == nullptr) return false;
  if (steps.size() == 1) return object->erase(steps[0].key);
  Value* at = object->find(steps[0].key);
  for (std::size_t i = 1; i + 1 < steps.size() && at != nullptr; ++i) {
    if (at->is_object()) {
      at = at->as_object().find(steps[i].key);
    } else if (at->is_array() && steps[i].index != FieldRef::Step::kNotAnIndex) {
      at = array_item(at->as_array(), steps[i].index);
    } else {
      return false;
    }
  }
  if (at == nullptr) return false;
  if (at->is_object()) return at->as_object().erase(steps.back().key);
  if (!at->is_array() || steps.back().index == FieldRef::Step::kNotAnIndex) return false;
  Array& array = at->as_array();
  const Value* item = array_item(array, steps.back().index);
  if (item == nullptr) return false;
  array.erase(static_cast<std::uint32_t>(item - array.begin()));
  return true;
}

bool Event::append(const FieldRef& field, Value value) {
  Value* existing = get(field);
  if (existing == nullptr || existing->is_null()) return set(field, value);
  if (existing->is_array()) {
    const bool is_tags = !field.is_metadata() && field.steps().size() == 1 && field.steps()[0].key == well_known().tags;
    if (is_tags && (value.is_null() || !are_legal_tags(value))) return false;
    if (value.is_array()) {
      for (const Value& item : value.as_array()) existing->as_array().push(*arena_, item);
    } else {
      existing->as_array().push(*arena_, value);
    }
    return true;
  }
  Array* list = Array::make(*arena_, 4);
  list->push(*arena_, *existing);
  if (value.is_array()) {
    for (const Value& item : value.as_array()) list->push(*arena_, item);
  } else {
    list->push(*arena_, value);
  }
  return set(field, Value::array(list));
}

bool Event::add_tag(std::string_view tag) {
  const Value item = Value::string(tag);
  Value* tags = fields_->find(well_known().tags);
  if (tags != nullptr && tags->is_array()) {
    tags->as_array().push(*arena_, item);
    return true;
  }
  if (tags != nullptr && !tags->is_string() && !tags->is_null()) return false;
  Array* list = Array::make(*arena_, 4);
  if (tags != nullptr && tags->is_string()) list->push(*arena_, *tags);
  list->push(*arena_, item);
  fields_->set(*arena_, well_known().tags, Value::array(list));
  return true;
}

bool Event::has_tag(std::string_view tag) const {
  const Value* tags = fields_->find(well_known().tags);
  if (tags == nullptr) return false;
  if (tags->is_string()) return tags->as_string() == tag;
  if (!tags->is_array()) return false;
  for (const Value& item : tags->as_array())
    if (item.is_string() && item.as_string() == tag) return true;
  return false;
}

void Event::add_failure_tag(std::string_view tag) {
  const bool is_new = !has_tag(tag);
  failure_notes().note(tag, is_new);
  if (!is_new) return;
  if (!add_tag(tag)) {
    fields_->erase(well_known().tags);
    add_tag(tag);
  }
}

void Event::remove_tag(std::string_view tag) {
  Value* tags = fields_->find(well_known().tags);
  if (tags == nullptr) return;
  if (tags->is_string()) {
    Array* list = Array::make(*arena_, 2);
    if (tags->as_string() != tag) list->push(*arena_, *tags);
    *tags = Value::array(list);
    return;
  }
  if (!tags->is_array()) return;
  Array& list = tags->as_array();
  for (std::uint32_t i = 0; i < list.size();) {
    if (list[i].is_string() && list[i].as_string() == tag) {
      list.erase(i);
    } else {
      ++i;
    }
  }
}

void Event::adopt_fields(Object* fields, Timestamp now) {
  fields_ = fields;
  if (Value* metadata = fields_->find(well_known().metadata)) {
    if (metadata->is_object()) metadata_ = &metadata->as_object();
    fields_->erase(well_known().metadata);
  }
  if (Value* time = fields_->find(well_known().timestamp); time != nullptr && !time->is_timestamp()) {
    const auto parsed = time->is_string() ? parse_iso8601(time->as_string()) : std::nullopt;
    if (parsed) {
      *time = Value::timestamp(*parsed);
    } else {
      static const Key moved = intern_key("_@timestamp");
      const Value bad = *time;
      const bool was_null = bad.is_null();
      *time = Value::timestamp(now);
      if (!was_null) {
        fields_->set(*arena_, moved, bad);
        add_failure_tag("_timestampparsefailure");
      }
    }
  }
  if (Value* tags = fields_->find(well_known().tags); tags != nullptr && !are_legal_tags(*tags)) {
    static const Key moved = intern_key("_tags");
    Value bad = *tags;
    if (!bad.is_array()) {
      Array* list = Array::make(*arena_, 1);
      list->push(*arena_, bad);
      bad = Value::array(list);
    }
    fields_->set(*arena_, moved, bad);
    fields_->erase(well_known().tags);
    add_failure_tag("_tagsparsefailure");
  }
  add_defaults(now);
}

void Event::add_defaults(Timestamp now) {
  if (fields_->find(well_known().timestamp) == nullptr)
    fields_->append(*arena_, well_known().timestamp, Value::timestamp(now));
  if (fields_->find(well_known().version) == nullptr) fields_->append(*arena_, well_known().version, Value::string("1"));
}

void Event::copy_fields_of(const Event& other, CopyStrings strings) {
  fields_ = copy_object(*other.fields_, *arena_, strings);
  metadata_ = other.metadata_ != nullptr ? copy_object(*other.metadata_, *arena_, strings) : nullptr;
}

Event* Event::copy_into(Arena& arena, CopyStrings strings) const {
  auto* made = new (arena.allocate(sizeof(Event), alignof(Event))) Event(arena, token_, origin_);
  made->copy_fields_of(*this, strings);
  made->order = order;
  made->lineage_ = lineage_;
  return made;
}

void Event::descend_from(const Event& parent) {
  // A mixture of the parent's number and the child's place (the finisher of SplitMix64), so that lines of descent differ.
  std::uint64_t mixed = parent.lineage_ + (++parent.children_) * 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  lineage_ = mixed ^ (mixed >> 31);
}

}  // namespace logboom
