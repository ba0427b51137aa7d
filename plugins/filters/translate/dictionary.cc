#include "plugins/filters/translate/dictionary.h"

#include <fmt/core.h>

namespace logboom {

void Dictionary::set(std::string_view key, const Value& value) {
  const Value own = copy_value(value, arena_, CopyStrings::Copy);
  const Key known = make_key(key);
  if (Value* present = entries_->find(known)) {
    *present = own;
  } else {
    entries_->append(arena_, make_key(arena_.copy(key)), own);
  }
}

void Dictionary::add_all(const Dictionary& other) {
  for (const ObjectEntry& entry : *other.entries_) set(entry.key.text(), entry.value);
}

Result<void> Dictionary::finish() {
  std::uint32_t index = 0;
  for (const ObjectEntry& entry : *entries_) {
    const std::string_view key = entry.key.text();
    if (mode_ == LookupMode::Expression) {
      auto matcher = Matcher::compile(key, {.captures = false});
      if (!matcher) return Error{matcher.error().code, fmt::format("the key \"{}\": {}", key, matcher.error().message)};
      expressions_.push_back({std::move(*matcher), index});
    } else if (mode_ == LookupMode::Substrings && !key.empty()) {
      by_first_byte_[static_cast<unsigned char>(key.front())].push_back(index);
    }
    ++index;
  }
  return {};
}

bool Dictionary::find(std::string_view text, MatchScratch& scratch, Arena& arena, Value& found) const {
  switch (mode_) {
    case LookupMode::Exact: {
      const Value* value = entries_->find(make_key(text));
      if (value == nullptr) return false;
      found = copy_value(*value, arena, CopyStrings::Copy);
      return true;
    }
    case LookupMode::Expression:
      for (const Expression& expression : expressions_) {
        if (expression.matcher->match(text, scratch) != MatchStatus::Matched) continue;
        found = copy_value(entries_->begin()[expression.entry].value, arena, CopyStrings::Copy);
        return true;
      }
      return false;
    case LookupMode::Substrings: return replace_substrings(text, arena, found);
  }
  return false;
}

/// From left to right; where several keys begin at one place the first of the dictionary wins.
bool Dictionary::replace_substrings(std::string_view text, Arena& arena, Value& found) const {
  static thread_local std::string out;
  out.clear();
  bool is_changed = false;
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    const ObjectEntry* hit = nullptr;
    for (const std::uint32_t index : by_first_byte_[static_cast<unsigned char>(text[at])]) {
      const ObjectEntry& entry = entries_->begin()[index];
      if (text.compare(at, entry.key.size, entry.key.text()) != 0) continue;
      hit = &entry;
      break;
    }
    if (hit == nullptr) {
      ++at;
      continue;
    }
    out.append(text, copied, at - copied);
    append_value_text(hit->value, out);
    if (out.size() > kLargestResult) return false;
    is_changed = true;
    at += hit->key.size;
    copied = at;
  }
  if (!is_changed) return false;
  out.append(text, copied);
  if (out == text) return false;
  found = Value::string(out.empty() ? std::string_view("") : arena.copy(out));
  return true;
}

}  // namespace logboom
