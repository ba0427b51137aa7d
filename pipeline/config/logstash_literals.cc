#include "pipeline/config/logstash_literals.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <utility>

namespace logboom {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

/// The escapes of config.support_escapes; an unknown one stays as it is.
std::string process_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char escaped = text[++i];
    switch (escaped) {
      case '"':
      case '\'':
      case '\\': out += escaped; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case '0': out += '\0'; break;
      default: out.append({'\\', escaped});
    }
  }
  return out;
}

/// Reads the digits of an integer into `number`; false when they are not all of its base.
bool set_integer(LogstashNumber& number) {
  std::string_view digits = number.text;
  const bool is_negative = digits.front() == '-';
  if (is_negative) digits.remove_prefix(1);
  const int base = digits.size() > 1 && digits.front() == '0' ? 8 : 10;
  number.real = 0;
  for (const char digit : digits) {
    if (digit - '0' >= base) return false;
    number.real = number.real * base + (digit - '0');
  }
  if (is_negative) number.real = -number.real;
  const std::string signed_digits = (is_negative ? "-" : "") + std::string(digits);
  const char* end = signed_digits.data() + signed_digits.size();
  const auto parsed = std::from_chars(signed_digits.data(), end, number.integer, base);
  number.is_integer = parsed.ec == std::errc() && parsed.ptr == end;
  if (!number.is_integer && base == 10) number.real = std::strtod(signed_digits.c_str(), nullptr);
  return true;
}

}  // namespace

std::optional<LogstashString> read_string(LogstashCursor& cursor) {
  const std::uint32_t begin = cursor.offset();
  const char quote = cursor.peek();
  const std::uint32_t end = cursor.string_end(begin);
  const std::string_view written = cursor.text_between(begin, end);
  const bool is_closed =
      written.size() >= 2 && written.back() == quote && !(written.size() > 2 && written[written.size() - 2] == '\\');
  if (!is_closed) {
    const std::string_view first_line = written.substr(0, written.find('\n'));
    const std::size_t kept_open = first_line.find(std::string{'\\', quote});
    std::string hint = fmt::format("it begins here; the closing {} is missing", quote);
    if (kept_open != std::string_view::npos) {
      hint = fmt::format("a backslash before {} keeps the string open, so a string cannot end in a backslash", quote);
    }
    cursor.error(cursor.span(begin, begin + 1), "this string is not closed", std::move(hint));
    cursor.stop();
    return std::nullopt;
  }
  cursor.go_to(end);
  cursor.note_string(begin, end);
  const std::string_view inner = written.substr(1, written.size() - 2);
  return LogstashString{cursor.options().support_escapes ? process_escapes(inner) : std::string(inner),
                        cursor.span(begin, end)};
}

bool looks_at_number(const LogstashCursor& cursor) {
  return is_digit(cursor.peek()) || (cursor.peek() == '-' && is_digit(cursor.peek(1)));
}

std::optional<LogstashNumber> read_number_prefix(LogstashCursor& cursor) {
  LogstashNumber number;
  const std::uint32_t begin = cursor.offset();
  if (cursor.peek() == '-') cursor.advance(1);
  while (is_digit(cursor.peek())) cursor.advance(1);
  const bool has_point = cursor.accept(".");
  if (has_point) {
    while (is_digit(cursor.peek())) cursor.advance(1);
  }
  number.span = cursor.span(begin, cursor.offset());
  number.text = std::string(cursor.text_between(begin, cursor.offset()));
  if (has_point) {
    number.real = std::strtod(number.text.c_str(), nullptr);
  } else if (!set_integer(number)) {
    cursor.error(number.span, fmt::format("{} is no number: a leading zero makes it octal", quoted_excerpt(number.text)),
                 "write it without the zero, or in quotes if it is text");
    return std::nullopt;
  }
  return number;
}

std::optional<LogstashNumber> read_number(LogstashCursor& cursor) {
  const std::string_view loose = peek_loose_text(cursor);
  const std::uint32_t begin = cursor.offset();
  auto number = read_number_prefix(cursor);
  if (!number || number->text.size() >= loose.size()) return number;
  cursor.go_to(static_cast<std::uint32_t>(begin + loose.size()));
  const bool has_exponent = loose[number->text.size()] == 'e' || loose[number->text.size()] == 'E';
  cursor.error(
      cursor.span(begin, cursor.offset()), fmt::format("{} is no number", quoted_excerpt(loose)),
      has_exponent ? "exponents are not known; write all digits, or put it in quotes" : "put it in quotes if it is text");
  return std::nullopt;
}

std::string_view peek_loose_text(const LogstashCursor& cursor) {
  const std::string_view rest = cursor.rest();
  constexpr std::string_view kEnds = " \t\r\n,[](){}\"'#=";
  std::size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (end > 0 && rest[end] == '{' &&
        (rest[end - 1] == '%' || rest[end - 1] == '$')) {  // %{field} or ${NAME} without quotes
      const std::size_t close = rest.find_first_of("}\n", end);
      if (close == std::string_view::npos || rest[close] == '\n') break;
      end = close;
    } else if (kEnds.find(rest[end]) != std::string_view::npos) {
      break;
    }
  }
  return rest.substr(0, end);
}

bool is_bareword(std::string_view text) {
  if (text.size() < 2 || !is_letter(text.front())) return false;
  for (const char c : text)
    if (!is_letter(c) && !is_digit(c)) return false;
  return true;
}

bool is_single_variable(std::string_view text) {
  if (text.size() < 4 || text.substr(0, 2) != "${" || text.back() != '}') return false;
  std::size_t end = 2;
  while (is_letter(text[end]) || text[end] == '.' || (end > 2 && is_digit(text[end]))) ++end;
  if (end == 2) return false;
  return end == text.size() - 1 || (text[end] == ':' && text.find('}') == text.size() - 1);
}

}  // namespace logboom
