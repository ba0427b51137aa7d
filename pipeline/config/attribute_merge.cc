#include "pipeline/config/attribute_merge.h"

#include <fmt/core.h>

#include <iterator>
#include <utility>

namespace logboom {
namespace {

using Kind = ConfigValue::Kind;

bool is_scalar(const ConfigValue& value) {
  return value.kind == Kind::Bareword || value.kind == Kind::String || value.kind == Kind::Number;
}

/// Equal texts for equal values; a bareword equals the string of the same text, a number equals no string.
void append_fingerprint(const ConfigValue& value, std::string& out) {
  switch (value.kind) {
    case Kind::Bareword:
    case Kind::String: out += fmt::format("s{}:{}", value.text.size(), value.text); break;
    case Kind::Number: out += value.is_integer ? fmt::format("i{};", value.integer) : fmt::format("r{};", value.real); break;
    case Kind::Array:
      out += '[';
      for (const ConfigValue& item : value.items) append_fingerprint(item, out);
      out += ']';
      break;
    case Kind::Hash:
      out += '{';
      for (const auto& [key, item] : value.entries) {
        append_fingerprint(key, out);
        append_fingerprint(item, out);
      }
      out += '}';
      break;
    case Kind::Plugin: out += fmt::format("p{};", static_cast<const void*>(value.plugin.get())); break;
  }
}

std::string fingerprint(const ConfigValue& value) {
  std::string out;
  append_fingerprint(value, out);
  return out;
}

void make_list(ConfigValue& value) {
  ConfigValue list;
  list.kind = Kind::Array;
  list.span = value.span;
  list.items.push_back(std::move(value));
  value = std::move(list);
}

void append_items(ConfigValue& list, ConfigValue from) {
  if (from.kind == Kind::Array) {
    list.items.insert(list.items.end(), std::make_move_iterator(from.items.begin()),
                      std::make_move_iterator(from.items.end()));
  } else {
    list.items.push_back(std::move(from));
  }
}

}  // namespace

void AttributeMerge::add(Attribute attribute) {
  const auto [position, is_new] = positions_.try_emplace(attribute.name, attributes_.size());
  if (is_new) {
    attributes_.push_back(std::move(attribute));
  } else {
    merge(position->second, attribute);
  }
}

void AttributeMerge::merge(std::size_t index, Attribute& repeated) {
  Attribute& first = attributes_[index];
  ConfigValue& into = first.value;
  ConfigValue& from = repeated.value;
  const auto refuse = [&](std::string message, std::string hint) {
    cursor_.error(repeated.name_span, std::move(message), std::move(hint));
  };
  if (first.name == "codec" || into.kind == Kind::Plugin || from.kind == Kind::Plugin) {
    refuse(fmt::format("option \"{}\" is given twice; a plugin has one", first.name),
           fmt::format("the first stands in line {}", cursor_.line_of(first.name_span.offset)));
  } else if (into.kind == Kind::Hash && from.kind == Kind::Hash) {
    EntryIndex& known = entries_[index];
    if (known.empty()) add_known_keys(into, known);
    merge_entries(into, known, from);
  } else if (into.kind == Kind::Hash || from.kind == Kind::Hash) {
    refuse(fmt::format("option \"{}\" is repeated with another kind of value, which cannot be merged", first.name),
           "a hash merges only with a hash; write one of them in the form of the other");
  } else if (into.kind == Kind::Array) {
    append_items(into, std::move(from));
  } else if (from.kind == Kind::Array || fingerprint(into) != fingerprint(from)) {
    make_list(into);
    append_items(into, std::move(from));
  }
}

void AttributeMerge::add_known_keys(const ConfigValue& hash, EntryIndex& known) {
  for (std::size_t i = 0; i < hash.entries.size(); ++i) known[hash.entries[i].first.text].index = i;
}

void AttributeMerge::merge_entries(ConfigValue& into, EntryIndex& known, ConfigValue& from) {
  for (auto& [key, value] : from.entries) {
    const auto [position, is_new] = known.try_emplace(key.text);
    if (is_new) {
      position->second.index = into.entries.size();
      into.entries.emplace_back(std::move(key), std::move(value));
    } else {
      merge_entry(into.entries[position->second.index].second, position->second, std::move(value));
    }
  }
}

void AttributeMerge::merge_entry(ConfigValue& into, Entry& entry, ConfigValue from) {
  if (into.kind == Kind::Hash && from.kind == Kind::Hash) {
    if (!entry.nested) {
      entry.nested = std::make_unique<EntryIndex>();
      add_known_keys(into, *entry.nested);
    }
    merge_entries(into, *entry.nested, from);
    return;
  }
  if (is_scalar(into) && is_scalar(from) && fingerprint(into) == fingerprint(from)) return;
  if (into.kind != Kind::Array) make_list(into);
  if (entry.known_values.empty())
    for (const ConfigValue& item : into.items) entry.known_values.insert(fingerprint(item));
  ConfigValue added;
  added.kind = Kind::Array;
  append_items(added, std::move(from));
  for (ConfigValue& item : added.items)
    if (entry.known_values.insert(fingerprint(item)).second) into.items.push_back(std::move(item));
}

}  // namespace logboom
