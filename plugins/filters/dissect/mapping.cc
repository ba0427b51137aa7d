#include "plugins/filters/dissect/mapping.h"

#include <fmt/core.h>

#include <algorithm>

#include "pipeline/text/byte_search.h"

namespace logboom {
namespace {

constexpr std::size_t kNotFound = std::string_view::npos;

std::size_t find_from(std::string_view text, const std::string& wanted, std::size_t from) {
  if (wanted.empty() || from > text.size()) return kNotFound;
  const char* const end = text.data() + text.size();
  const char* const found = find_near(text.data() + from, end, wanted);
  return found == end ? kNotFound : static_cast<std::size_t>(found - text.data());
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Length of "/N" or "/NN" at the end of `text`, 0 when there is none.
std::size_t order_suffix_length(std::string_view text) {
  for (const std::size_t digits : {2U, 1U}) {
    if (text.size() < digits + 1 || text[text.size() - digits - 1] != '/') continue;
    if (is_digit(text.back()) && is_digit(text[text.size() - digits])) return digits + 1;
  }
  return 0;
}

bool ends_with_arrow(std::string_view text) { return text.size() >= 2 && text.substr(text.size() - 2) == "->"; }

/// Length of the longest suffix "->", "/N", "/N->" or "->/N".
std::size_t suffix_length(std::string_view text) {
  if (ends_with_arrow(text)) return 2 + order_suffix_length(text.substr(0, text.size() - 2));
  const std::size_t order = order_suffix_length(text);
  return order > 0 && ends_with_arrow(text.substr(0, text.size() - order)) ? order + 2 : order;
}

}  // namespace

Result<DissectMapping::Field> DissectMapping::read_field(std::string_view text) {
  Field made;
  const auto refuse = [&](const char* what) {
    return Error{ErrorCode::InvalidArgument, fmt::format("the field \"%{{{}}}\" {}", text, what)};
  };
  std::string_view name = text;
  if (name.empty() || name.front() == '?') {
    made.kind = FieldKind::Skip;
  } else if (name.substr(0, 2) == "+&" || name.substr(0, 2) == "&+") {
    return refuse("is both appended (+) and indirect (&): choose one");
  } else if (name.front() == '+') {
    made.kind = FieldKind::Append;
  } else if (name.front() == '&') {
    made.kind = FieldKind::Indirect;
  } else {
    made.kind = FieldKind::Plain;
  }
  if (made.kind != FieldKind::Plain && !name.empty()) name.remove_prefix(1);
  const std::string_view suffix = name.substr(name.size() - suffix_length(name));
  name.remove_suffix(suffix.size());
  if (name.empty() && (made.kind == FieldKind::Append || made.kind == FieldKind::Indirect)) return refuse("has no name");
  made.name = name;
  made.skips_padding = suffix.find("->") != kNotFound;
  for (const char c : suffix)
    if (is_digit(c)) made.order = made.order * 10 + (c - '0');
  if (auto field = FieldRef::parse(name)) {
    made.field = std::move(*field);
    made.is_ordinary = !made.field->is_metadata() && made.field->steps().size() == 1 &&
                       !(made.field->steps()[0].key == well_known().timestamp) &&
                       !(made.field->steps()[0].key == well_known().tags);
    if (made.is_ordinary) made.key = made.field->steps()[0].key;
  } else if (made.kind == FieldKind::Plain || made.kind == FieldKind::Append) {
    return refuse("has a name that is no field reference: write name or [outer][inner]");
  }
  return made;
}

Result<DissectMapping> DissectMapping::parse(std::string_view text) {
  DissectMapping made;
  if (text.empty()) return made;
  std::size_t at = 0;
  for (;;) {
    const std::size_t open = text.find("%{", at);
    const std::size_t close = open == kNotFound ? kNotFound : text.find('}', open);
    if (close == kNotFound) break;
    auto field = read_field(text.substr(open + 2, close - open - 2));
    if (!field) return field.error();
    field->delimiter_before = text.substr(at, open - at);
    made.fields_.push_back(std::move(*field));
    at = close + 1;
  }
  if (made.fields_.empty())
    return Error{ErrorCode::InvalidArgument, "the mapping has no field: write %{name} for what is to be kept"};
  const std::size_t last_brace = text.rfind('}');
  if (last_brace + 1 < text.size()) {  // text behind the last field ends it; what follows is passed over
    Field rest;
    rest.name = "auto_added_skip";
    rest.delimiter_before = text.substr(last_brace + 1);
    made.fields_.push_back(std::move(rest));
  }
  for (std::size_t i = 0; i < made.fields_.size(); ++i)
    if (made.fields_[i].kind != FieldKind::Skip) made.stored_.push_back(i);
  const auto rank = [&made](std::size_t index) {
    const Field& field = made.fields_[index];
    return field.kind == FieldKind::Plain ? 0 : field.kind == FieldKind::Append ? 1 + field.order : 1000;
  };
  std::stable_sort(made.stored_.begin(), made.stored_.end(),
                   [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  return made;
}

bool DissectMapping::cut(std::string_view source, DissectedParts& parts) const {
  parts.values.assign(fields_.size(), std::string_view());
  if (source.empty()) return false;
  std::size_t left = 0;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const std::string& before = fields_[i].delimiter_before;
    if (i == 0) {
      if (source.substr(0, before.size()) != before) return false;
      left = before.size();
    } else if (fields_[i - 1].skips_padding && !before.empty()) {
      while (source.compare(left, before.size(), before) == 0) left += before.size();
    }
    if (i + 1 == fields_.size()) {
      parts.values[i] = source.substr(left);
      break;
    }
    const std::string& behind = fields_[i + 1].delimiter_before;
    const std::size_t end = find_from(source, behind, left);
    if (end == kNotFound) return false;
    parts.values[i] = source.substr(left, end - left);
    if (end > 0) left = end + behind.size();  // Logstash does not move past a delimiter at the very start
  }
  return true;
}

bool DissectMapping::store(Event& event, const DissectedParts& parts) const {
  event.fields().reserve(event.arena(), event.fields().size() + static_cast<std::uint32_t>(stored_.size()));
  for (const std::size_t index : stored_)
    if (!store_one(index, event, parts)) return false;
  return true;
}

bool DissectMapping::store_one(std::size_t index, Event& event, const DissectedParts& parts) const {
  const Field& field = fields_[index];
  const std::string_view value = parts.values[index];
  if (field.kind == FieldKind::Plain) {
    if (!field.is_ordinary) return event.set(*field.field, Value::string(value));
    event.fields().set(event.arena(), field.key, Value::string(value));
    return true;
  }
  const Value* present = field.field ? event.get(*field.field) : nullptr;
  if (field.kind == FieldKind::Append) {
    if (present == nullptr) return event.set(*field.field, Value::string(value));
    static thread_local std::string joined;
    joined.clear();
    append_value_text(*present, joined);
    joined += field.delimiter_before.empty() ? std::string_view(" ") : std::string_view(field.delimiter_before);
    joined += value;
    return event.set(*field.field, Value::string(event.arena().copy(joined)));
  }
  std::string_view name;
  if (present != nullptr) {
    name = value_text(*present, event.arena());
  } else {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (i == index || fields_[i].name != field.name) continue;
      name = parts.values[i];
      break;
    }
  }
  if (name.empty()) return true;
  const auto made = FieldRef::parse_in(event.arena(), name);
  return made && event.set(*made, Value::string(value));
}

}  // namespace logboom
