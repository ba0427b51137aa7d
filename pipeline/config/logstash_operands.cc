#include "pipeline/config/logstash_operands.h"

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <utility>

#include "pipeline/config/logstash_literals.h"

namespace logboom {
namespace {

using Kind = Operand::Kind;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_quoted(std::string_view text) {
  return text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
}

bool is_digits(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// Length of the `[name]` at the start of `text`, 0 when it is none. As in Logstash anything but brackets and commas makes a
/// name, quotes included; line breaks only around a quoted or numeric item, so that an unclosed bracket is seen where it is.
std::size_t fragment_length(std::string_view text) {
  if (text.empty() || text.front() != '[') return 0;
  const std::size_t end = text.find_first_of("[],", 1);
  if (end == std::string_view::npos || text[end] != ']') return 0;
  const std::string_view name = text.substr(1, end - 1);
  const std::string_view item = trimmed(name);
  if (item.empty()) return 0;
  if ((item.front() == '"' || item.front() == '\'') && !is_quoted(item)) return 0;  // a bracket inside of a string
  if (name.find('\n') != std::string_view::npos && !is_quoted(item) && !is_digits(item)) return 0;
  return end + 1;
}

bool read_field(LogstashCursor& cursor, Operand& operand) {
  const std::uint32_t begin = cursor.offset();
  while (const std::size_t length = fragment_length(cursor.rest())) cursor.advance(length);
  operand.kind = Kind::Field;
  operand.text = std::string(cursor.text_between(begin, cursor.offset()));
  operand.span = cursor.span(begin, cursor.offset());
  return true;
}

/// Why the bracket that is next begins neither a field nor a list; null when a list may follow.
const char* bracket_problem(std::string_view text) {
  const std::size_t end = text.find_first_of("[],\"'\n", 1);
  const std::string_view nearby = text.substr(0, text.find_first_of(",\n\"'"));
  if (text.substr(0, 2) == "[[" && nearby.find("]]") != std::string_view::npos) {
    return "a reference inside of a reference is not allowed in a condition; write [a][b]";
  }
  if (text.size() > 1 && trimmed(text.substr(1, end == std::string_view::npos ? end : end - 1)).empty()) return nullptr;
  if (end == std::string_view::npos || text[end] == '\n' || text[end] == '[') return "its ] is missing";
  return nullptr;
}

bool read_list(LogstashCursor& cursor, Operand& operand) {
  const std::uint32_t begin = cursor.offset();
  const SourceSpan bracket = cursor.span(begin, begin + 1);
  if (const char* problem = bracket_problem(cursor.rest())) {
    cursor.error(bracket, "this bracket begins neither a field nor a list", problem);
    return false;
  }
  if (!cursor.enter(bracket)) return false;
  cursor.advance(1);
  operand.kind = Kind::Array;
  bool is_read = false;
  for (bool needs_item = false;;) {
    cursor.skip_space();
    if (!needs_item && cursor.accept("]")) {
      is_read = true;
      break;
    }
    if (cursor.peek() == ']') {
      cursor.error(cursor.next_span(), "no comma may stand before the closing bracket of a list", "delete it");
      break;
    }
    if (cursor.is_at_end() || cursor.peek() == '{') {
      cursor.error(bracket, "this bracket is not closed", "its ] is missing");
      break;
    }
    Operand item;
    const std::string_view loose = peek_loose_text(cursor);
    if (cursor.peek() == '[') {
      if (!read_list(cursor, item)) break;
    } else if (is_bareword(loose)) {
      const std::uint32_t word_begin = cursor.offset();
      cursor.advance(loose.size());
      item.text = std::string(loose);
      item.span = cursor.span(word_begin, cursor.offset());
    } else if (cursor.peek() == '/') {
      cursor.error_expected("a string or a number", "a list holds no regular expressions; use =~ /a|b/");
      break;
    } else if (!read_operand(cursor, item)) {
      break;
    }
    operand.items.push_back(std::move(item));
    cursor.skip_space();
    needs_item = cursor.accept(",");
    if (needs_item || cursor.peek() == ']' || cursor.peek() == '{' || cursor.is_at_end()) continue;
    cursor.error_expected("\",\" or \"]\"", "items of a list are separated by commas");
    break;
  }
  cursor.leave();
  operand.span = cursor.span(begin, cursor.offset());
  return is_read;
}

bool read_regex(LogstashCursor& cursor, Operand& operand) {
  const std::uint32_t begin = cursor.offset();
  const std::string_view rest = cursor.rest();
  const bool may_span_lines = rest.substr(0, 3) == "/(?" && rest.substr(3, rest.find_first_of(":)", 3) - 3).find('x') == 0;
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '/' && (rest[end] != '\n' || may_span_lines))
    end += rest[end] == '\\' && end + 1 < rest.size() && rest[end + 1] == '/' ? 2 : 1;
  if (end >= rest.size() || rest[end] != '/') {
    cursor.error(cursor.span(begin, begin + 1), "this regular expression is not closed",
                 "its closing / is missing in this line");
    return false;
  }
  operand.kind = Kind::Regex;
  operand.text = std::string(rest.substr(1, end - 1));
  cursor.advance(end + 1);
  operand.span = cursor.span(begin, cursor.offset());
  const std::string_view flags = cursor.peek_word();
  if (flags.empty() || flags.find_first_not_of("imxsguo") != std::string_view::npos) return true;
  cursor.error(cursor.next_span(), "a regular expression has no flags behind it",
               fmt::format("write them inside: /(?{}){}/", flags.substr(0, 8), operand.text.substr(0, 40)));
  return false;
}

/// Words are no values in conditions: says what to write instead.
void refuse_word(LogstashCursor& cursor) {
  const std::string_view loose = peek_loose_text(cursor);
  const std::uint32_t begin = cursor.offset();
  const std::uint32_t end = begin + static_cast<std::uint32_t>(loose.size());
  const SourceSpan span = cursor.span(begin, end);
  cursor.go_to(end);
  if (loose == "true" || loose == "false") {
    cursor.error(span, fmt::format("\"{}\" is no value in a condition", loose),
                 loose == "true" ? "test the field itself: if [field]" : "test the field itself: if ![field]");
  } else if (loose == "null" || loose == "nil" || loose == "none" || loose == "undefined") {
    cursor.error(span, fmt::format("\"{}\" is no value in a condition", loose), "a missing field is tested by ![field]");
  } else if (loose.substr(0, 2) == "%{") {
    const std::string_view name = loose.substr(2, loose.find_first_of("}[", 2) - 2);
    cursor.error(span, fmt::format("{} is no value in a condition", quoted_excerpt(loose)),
                 name.empty() ? "a field is written [name]" : fmt::format("a field is written [{}]", name.substr(0, 40)));
  } else if (loose.substr(0, 2) == "${") {
    cursor.error(span, fmt::format("{} needs quotes", quoted_excerpt(loose)),
                 fmt::format("write {}", quoted_excerpt(loose)));
  } else if (cursor.text_between(end, end + 1) == "(") {
    cursor.error(span, "there are no functions in conditions");
  } else {
    cursor.error(span, fmt::format("a bare word ({}) is no value in a condition", quoted_excerpt(loose)),
                 fmt::format("text needs quotes, a field brackets: [{}]", loose.substr(0, 40)));
  }
}

}  // namespace

bool read_operand(LogstashCursor& cursor, Operand& operand) {
  if (cursor.looks_at_string()) {
    auto string = read_string(cursor);
    if (!string) return false;
    operand.text = std::move(string->text);
    operand.span = string->span;
    return true;
  }
  if (looks_at_number(cursor)) {
    auto number = read_number_prefix(cursor);
    if (!number) return false;
    operand.kind = Kind::Number;
    operand.text = std::move(number->text);
    operand.span = number->span;
    operand.is_integer = number->is_integer;
    operand.integer = number->integer;
    operand.real = number->real;
    return true;
  }
  if (cursor.peek() == '[') {
    return fragment_length(cursor.rest()) > 0 ? read_field(cursor, operand) : read_list(cursor, operand);
  }
  if (cursor.peek() == '/' && cursor.peek(1) != '/') return read_regex(cursor, operand);
  const std::string_view loose = peek_loose_text(cursor);
  const bool is_text = !cursor.peek_word().empty() || loose.substr(0, 2) == "%{" || loose.substr(0, 2) == "${";
  if (is_text) {
    refuse_word(cursor);
  } else {
    cursor.error_expected("a field, string, number, list or regular expression");
  }
  return false;
}

std::string_view operand_kind_name(Kind kind) {
  switch (kind) {
    case Kind::String: return "string";
    case Kind::Number: return "number";
    case Kind::Field: return "field";
    case Kind::Array: return "list";
    case Kind::Regex: return "regular expression";
  }
  return "value";
}

bool is_whole_variable(const Operand& operand) { return is_single_variable(operand.text); }

void notice_single_item(LogstashCursor& cursor, const Operand& operand) {
  if (operand.kind != Kind::Field) return;
  const std::string_view item = trimmed(std::string_view(operand.text).substr(1, operand.text.size() - 2));
  if (!is_quoted(item) && !is_digits(item)) return;
  cursor.notice(operand.span,
                fmt::format("as in Logstash, a list of one item is read as the field {}", quoted_excerpt(item)),
                fmt::format("write [{0}, {0}] for a list, or compare with == {0}", item.substr(0, 40)));
}

}  // namespace logboom
