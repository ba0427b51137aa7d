#include "pipeline/config/logstash_plugin_body.h"

#include <fmt/core.h>

#include <string>
#include <utility>

#include "pipeline/config/attribute_merge.h"
#include "pipeline/config/logstash_literals.h"
#include "pipeline/config/logstash_values.h"

namespace logboom {
namespace {

bool is_array_of_references(std::string_view text) { return !text.empty() && text.front() == '[' && text.back() == ']'; }

/// `if …` and its relatives inside a plugin: reported once and stepped over with all its blocks.
void refuse_condition_inside(LogstashCursor& cursor, const PluginNode& plugin) {
  cursor.error(cursor.next_span(), fmt::format("a condition cannot stand inside a plugin (\"{}\")", plugin.name),
               "put the plugin inside the if");
  do {
    cursor.advance(cursor.peek_word().size());
    if (!cursor.skip_to('{')) return;
    cursor.skip_block();
    cursor.skip_space();
  } while (cursor.peek_word() == "else");
}

/// Looks for the next option or the end of the plugin.
void find_next_option(LogstashCursor& cursor) {
  while (cursor.skip_space(), !cursor.is_at_end()) {
    if (cursor.peek() == '}' || looks_at_section(cursor) || cursor.is_word_followed_by("=>")) return;
    cursor.skip_one();
  }
  cursor.stop();
}

/// Steps over "=>"; signs used by mistake for it are reported and taken as one. False when no value can follow.
bool read_arrow(LogstashCursor& cursor, const std::string& name, const PluginNode& plugin) {
  if (cursor.accept("=>")) return true;
  const std::string what = fmt::format("\"=>\" after the option {}", quoted_excerpt(name));
  for (const std::string_view sign : {"->", ":=", "=", ":"}) {
    if (!cursor.looks_at(sign)) continue;
    cursor.error(cursor.span(cursor.offset(), static_cast<std::uint32_t>(cursor.offset() + sign.size())),
                 fmt::format("expected {}, found \"{}\"", what, sign), "an option and its value are joined by =>");
    cursor.advance(sign.size());
    return true;
  }
  if (cursor.looks_at_string() || looks_at_number(cursor)) {
    cursor.error_expected(what, "an option and its value are joined by =>");
    return true;
  }
  std::string hint;
  if (cursor.peek() == '{') {
    hint = fmt::format("if {} is the next plugin, \"{}\" in line {} lacks its closing brace", quoted_excerpt(name),
                       plugin.name, cursor.line_of(plugin.name_span.offset));
  }
  cursor.error_expected(what, std::move(hint));
  if (cursor.peek() == '{') cursor.skip_block();
  return false;
}

bool read_attribute(LogstashCursor& cursor, const PluginNode& plugin, AttributeMerge& merge) {
  Attribute attribute;
  const std::uint32_t begin = cursor.offset();
  if (cursor.looks_at_string()) {
    auto string = read_string(cursor);
    if (!string) return false;
    attribute.name = std::string(cursor.text_between(begin + 1, cursor.offset() - 1));
  } else {
    attribute.name = std::string(cursor.peek_word());
    if (attribute.name.empty()) {
      cursor.error_expected("an option name or \"}\"");
      if (cursor.peek() != '}') cursor.skip_one();
      return false;
    }
    cursor.advance(attribute.name.size());
  }
  attribute.name_span = cursor.span(begin, cursor.offset());
  cursor.skip_space();
  if (!read_arrow(cursor, attribute.name, plugin)) return false;
  cursor.skip_space();
  if (!read_value(cursor, attribute.value)) return false;
  merge.add(std::move(attribute));
  return true;
}

/// What stands directly behind a value, without white space between.
void refuse_text_behind_value(LogstashCursor& cursor) {
  if (cursor.peek() == '[') {
    const std::string_view loose = cursor.rest().substr(0, cursor.rest().find_first_of(" \t\r\n,{}\"'#="));
    const bool is_reference = is_array_of_references(loose);
    cursor.error(cursor.next_span(), "options are separated by white space",
                 is_reference ? "a field reference as a value needs quotes: \"[a][b]\"" : "put a blank before it");
    if (is_reference) cursor.skip_block();
    return;
  }
  cursor.error(cursor.next_span(), "options are separated by white space", "put a blank before it");
}

}  // namespace

bool read_plugin_body(LogstashCursor& cursor, PluginNode& plugin) {
  if (!cursor.enter(plugin.name_span)) return false;
  cursor.advance(1);
  AttributeMerge merge(cursor, plugin.attributes);
  bool is_read = false;
  bool has_space = true;
  for (;;) {
    has_space = cursor.skip_space() || has_space;
    if (cursor.accept("}")) {
      cursor.note_block(plugin.name, plugin.name_span, cursor.offset() - 1);
      is_read = true;
      break;
    }
    if (cursor.refuse_end(plugin.name, plugin.name_span)) break;
    if (refuse_section_inside(cursor, plugin.name, plugin.name_span)) break;
    const std::string_view word = cursor.peek_word();
    if ((word == "if" || word == "else" || word == "elsif" || word == "elif") && !cursor.is_word_followed_by("=>")) {
      refuse_condition_inside(cursor, plugin);
      has_space = true;
    } else if (cursor.peek() == ',' || cursor.peek() == ';') {
      cursor.error(cursor.next_span(), fmt::format("options are separated by white space, not by \"{}\"", cursor.peek()),
                   "delete it");
      cursor.advance(1);
      has_space = true;
    } else {
      if (!has_space) refuse_text_behind_value(cursor);
      cursor.skip_space();
      if (cursor.peek() == '}') continue;
      has_space = !read_attribute(cursor, plugin, merge);
      if (has_space) find_next_option(cursor);
    }
  }
  cursor.leave();
  const std::uint32_t begin = plugin.name_span.offset;
  plugin.span = cursor.span(begin, cursor.offset());
  return is_read;
}

bool looks_at_section(LogstashCursor& cursor) {
  const std::string_view word = cursor.peek_word();
  if (word == "input" || word == "filter" || word == "output") return cursor.is_word_followed_by("{");
  if (word != "label") return false;
  const std::uint32_t before = cursor.offset();
  cursor.advance(word.size());
  cursor.skip_space();
  cursor.accept("@");
  const bool found = cursor.is_word_followed_by("{");
  cursor.go_to(before);
  return found;
}

bool refuse_section_inside(LogstashCursor& cursor, std::string_view block, SourceSpan opened) {
  if (!looks_at_section(cursor)) return false;
  cursor.error(cursor.next_span(), fmt::format("a section cannot begin inside of \"{}\"", block),
               cursor.suspect().empty()
                   ? fmt::format("\"{}\" in line {} lacks its closing brace", block, cursor.line_of(opened.offset))
                   : "a closing brace is missing, " + cursor.suspect());
  return true;
}

}  // namespace logboom
