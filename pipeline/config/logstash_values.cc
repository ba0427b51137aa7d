#include "pipeline/config/logstash_values.h"

#include <fmt/core.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "pipeline/config/logstash_literals.h"
#include "pipeline/config/logstash_plugin_body.h"

namespace logboom {
namespace {

using Kind = ConfigValue::Kind;

/// Text that needs quotes: reported, stepped over, taken as a string.
void read_unquoted_text(LogstashCursor& cursor, ConfigValue& value) {
  const std::string_view loose = peek_loose_text(cursor);
  const std::uint32_t begin = cursor.offset();
  cursor.advance(loose.size());
  value.kind = Kind::String;
  value.text = std::string(loose);
  value.span = cursor.span(begin, cursor.offset());
  const bool is_signed = loose.size() > 1 && loose.front() == '+';
  cursor.error(value.span, fmt::format("{} needs quotes", quoted_excerpt(loose)),
               is_signed ? "a number has no plus sign"
               : loose.size() == 1
                   ? fmt::format("a bareword has two characters at least; write \"{}\"", loose)
                   : fmt::format("barewords are made of letters, digits and _; write {}", quoted_excerpt(loose)));
}

bool read_plugin_value(LogstashCursor& cursor, std::string name, SourceSpan name_span, ConfigValue& value) {
  value.kind = Kind::Plugin;
  value.text.clear();
  value.plugin = std::make_shared<PluginNode>();
  value.plugin->kind = PluginKind::Codec;
  value.plugin->name = std::move(name);
  value.plugin->name_span = name_span;
  cursor.skip_space();
  if (!read_plugin_body(cursor, *value.plugin)) return false;
  value.span = value.plugin->span;
  return true;
}

bool read_word_value(LogstashCursor& cursor, ConfigValue& value) {
  const std::uint32_t begin = cursor.offset();
  const std::string word(cursor.peek_word());
  if (cursor.is_word_followed_by("{")) {
    cursor.advance(word.size());
    return read_plugin_value(cursor, word, cursor.span(begin, cursor.offset()), value);
  }
  const std::string_view loose = peek_loose_text(cursor);
  if (!is_bareword(loose)) {
    read_unquoted_text(cursor, value);
    return true;
  }
  cursor.advance(loose.size());
  value.kind = Kind::Bareword;
  value.text = std::string(loose);
  value.span = cursor.span(begin, cursor.offset());
  return true;
}

bool read_string_value(LogstashCursor& cursor, ConfigValue& value) {
  const bool is_plugin = cursor.is_word_followed_by("{");
  auto string = read_string(cursor);
  if (!string) return false;
  if (is_plugin) return read_plugin_value(cursor, std::move(string->text), string->span, value);
  value.kind = Kind::String;
  value.text = std::move(string->text);
  value.span = string->span;
  return true;
}

void read_number_value(LogstashCursor& cursor, ConfigValue& value) {
  const std::uint32_t begin = cursor.offset();
  value.kind = Kind::Number;
  if (auto number = read_number(cursor)) {
    value.text = std::move(number->text);
    value.is_integer = number->is_integer;
    value.integer = number->integer;
    value.real = number->real;
  }
  value.span = cursor.span(begin, cursor.offset());
}

bool read_array(LogstashCursor& cursor, ConfigValue& value) {
  const std::uint32_t begin = cursor.offset();
  const SourceSpan bracket = cursor.span(begin, begin + 1);
  const auto refuse_unclosed = [&] {
    cursor.error(bracket, fmt::format("this list is not closed: expected \",\" or \"]\" before {}", cursor.describe_next()),
                 "the closing ] is missing");
  };
  value.kind = Kind::Array;
  cursor.advance(1);
  bool needs_comma = false;
  for (;;) {
    const std::uint32_t item_end = cursor.offset();
    cursor.skip_space();
    if (cursor.accept("]")) break;
    if (cursor.peek() == '}' || cursor.is_at_end()) {
      refuse_unclosed();
      return !cursor.is_at_end();
    }
    if (cursor.peek() == ',') {
      const SourceSpan comma = cursor.next_span();
      cursor.advance(1);
      cursor.skip_space();
      if (!needs_comma) {
        cursor.error(comma, "a value is missing before this comma");
      } else if (cursor.peek() == ']') {
        cursor.error(comma, "no comma may stand before the closing bracket of a list", "delete it");
      }
      needs_comma = false;
      continue;
    }
    if (needs_comma) {
      if (cursor.is_word_followed_by("=>")) {  // the next option: the bracket is what is missing
        refuse_unclosed();
        cursor.go_to(item_end);
        return true;
      }
      if (cursor.looks_at("=>")) {
        cursor.error_expected("\",\" or \"]\"", "a list has no keys; pairs stand in { }");
        return false;
      }
      cursor.error_expected("\",\" or \"]\"", "items of a list are separated by commas");
    }
    const std::uint32_t item_begin = cursor.offset();
    ConfigValue item;
    if (!read_value(cursor, item)) return false;
    if (cursor.offset() == item_begin) return false;
    value.items.push_back(std::move(item));
    needs_comma = true;
  }
  value.span = cursor.span(begin, cursor.offset());
  return true;
}

/// Reads the key that is next; false after an error that cannot be stepped over.
bool read_key(LogstashCursor& cursor, ConfigValue& key) {
  if (cursor.looks_at_string()) {
    auto string = read_string(cursor);
    if (!string) return false;
    key.text = std::move(string->text);
    key.span = string->span;
    return true;
  }
  if (looks_at_number(cursor)) {
    read_number_value(cursor, key);
    return true;
  }
  const std::string_view loose = peek_loose_text(cursor);
  const std::uint32_t begin = cursor.offset();
  if (is_bareword(loose)) {
    cursor.advance(loose.size());
    key.kind = Kind::Bareword;
    key.text = std::string(loose);
    key.span = cursor.span(begin, cursor.offset());
    return true;
  }
  if (cursor.peek() == '[') {
    const std::string_view line = cursor.rest().substr(0, cursor.rest().find_first_of("\n=\""));
    const std::string_view reference = line.substr(0, line.find_last_of(']') + 1);
    cursor.error(cursor.next_span(), "a field reference as a key needs quotes",
                 reference.empty() ? std::string() : fmt::format("write {}", quoted_excerpt(reference)));
    return false;
  }
  if (loose.empty() || cursor.peek_word().empty()) {
    cursor.error_expected("a key or \"}\"");
    return false;
  }
  read_unquoted_text(cursor, key);
  return true;
}

/// Reads one `key => value` of a hash.
bool read_entry(LogstashCursor& cursor, ConfigValue& key, ConfigValue& value) {
  if (!read_key(cursor, key)) return false;
  cursor.skip_space();
  if (!cursor.accept("=>")) {
    const bool is_doubled = key.kind == Kind::String && key.text.empty() && !cursor.peek_word().empty();
    const bool is_assigned = cursor.peek() == '=' || cursor.peek() == ':';
    cursor.error_expected(fmt::format("\"=>\" after the key {}", quoted_excerpt(key.text)),
                          is_doubled    ? "the quotes are doubled; one pair is enough"
                          : is_assigned ? "a key and its value are joined by =>"
                                        : "");
    if (!is_assigned) return false;
    cursor.advance(1);
  }
  cursor.skip_space();
  return read_value(cursor, value);
}

/// Gets behind the closing brace of a hash that could not be read to its end.
void skip_rest_of_hash(LogstashCursor& cursor) {
  for (;;) {
    if (cursor.skip_to('}')) return cursor.advance(1);
    if (cursor.is_at_end()) return cursor.stop();
    if (cursor.peek() == '}') return cursor.advance(1);
  }
}

bool read_hash(LogstashCursor& cursor, ConfigValue& value) {
  const std::uint32_t begin = cursor.offset();
  value.kind = Kind::Hash;
  cursor.advance(1);
  std::unordered_map<std::string, std::size_t> known;
  bool has_refused_comma = false;
  bool has_space = true;
  for (;;) {
    has_space = cursor.skip_space() || has_space;
    if (cursor.accept("}")) break;
    if (cursor.is_at_end()) {
      cursor.error(cursor.span(begin, begin + 1), "this hash is not closed", "the closing } is missing");
      cursor.stop();
      return false;
    }
    if (cursor.peek() == ',') {
      if (!has_refused_comma) {
        cursor.error(cursor.next_span(), "entries of a hash are separated by white space, not by commas",
                     "delete the comma");
      }
      has_refused_comma = true;
      has_space = true;
      cursor.advance(1);
      continue;
    }
    if (!has_space)
      cursor.error(cursor.next_span(), "entries of a hash are separated by white space", "put a blank before it");
    ConfigValue key, item;
    if (!read_entry(cursor, key, item)) {
      skip_rest_of_hash(cursor);
      break;
    }
    has_space = false;
    const auto [position, is_new] = known.try_emplace(key.text, value.entries.size());
    if (is_new) {
      value.entries.emplace_back(std::move(key), std::move(item));
      continue;
    }
    auto& first = value.entries[position->second];
    const auto written = [&](const SourceSpan& span) { return cursor.text_between(span.offset, span.offset + span.length); };
    if (written(first.first.span) == written(key.span)) {
      cursor.error(
          key.span, fmt::format("the key {} stands twice in this hash", quoted_excerpt(key.text)),
          fmt::format("the first stands in line {}; give both values as a list", cursor.line_of(first.first.span.offset)));
    } else {  // Logstash compares keys as written, quotes included, and then lets the last one win
      cursor.warning(key.span,
                     fmt::format("the key {} stands twice in this hash; the last value counts", quoted_excerpt(key.text)));
      first.second = std::move(item);
    }
  }
  value.span = cursor.span(begin, cursor.offset());
  return true;
}

}  // namespace

bool read_value(LogstashCursor& cursor, ConfigValue& value) {
  const std::uint32_t begin = cursor.offset();
  value.span = cursor.span(begin, begin);
  if (cursor.looks_at_string()) return read_string_value(cursor, value);
  if (cursor.peek() == '[' || cursor.peek() == '{') {
    if (!cursor.enter(cursor.next_span())) return false;
    const bool is_read = cursor.peek() == '[' ? read_array(cursor, value) : read_hash(cursor, value);
    cursor.leave();
    return is_read;
  }
  if (looks_at_number(cursor)) {
    read_number_value(cursor, value);
    return true;
  }
  const std::string_view loose = peek_loose_text(cursor);
  const bool is_text = !loose.empty() && static_cast<unsigned char>(loose.front()) < 0x80 && loose.front() != '}' &&
                       loose.front() != '`' && loose.substr(0, 2) != "//" && loose.substr(0, 2) != "/*";
  if (!cursor.peek_word().empty() && cursor.peek() != '-') return read_word_value(cursor, value);
  if (is_text) {
    read_unquoted_text(cursor, value);
    return true;
  }
  cursor.error_expected("a value");
  return false;
}

}  // namespace logboom
