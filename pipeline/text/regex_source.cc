#include "pipeline/text/regex_source.h"

#include <utility>

namespace logboom {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

void check_code_point(const RegexSource& source, std::size_t offset, char32_t character) {
  if (character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff)) {
    source.fail(offset, "this number is no Unicode character; use 0 to 10ffff without d800 to dfff");
  }
}

std::u32string take_unicode_escape(RegexSource& source, std::size_t escape) {
  std::size_t digits = 0;
  if (!source.take("{")) {
    const char32_t character = source.take_number(16, 4, digits);
    if (digits != 4) source.fail(escape, "\\u needs four hexadecimal digits, or \\u{…}");
    check_code_point(source, escape, character);
    return {character};
  }
  std::u32string out;
  for (;;) {
    while (source.peek() == ' ' || source.peek() == '\t') source.skip(1);
    if (source.take("}")) break;
    const char32_t character = source.take_number(16, 6, digits);
    if (digits == 0) source.fail(escape, "\\u{ needs hexadecimal digits and a closing }");
    check_code_point(source, escape, character);
    out += character;
  }
  if (out.empty()) source.fail(escape, "\\u{} names no character");
  return out;
}

// \xE2\x82\xAC: bytes above 7f are the UTF-8 of one character.
std::u32string take_byte_escape(RegexSource& source, std::size_t escape) {
  std::size_t digits = 0;
  const char32_t first = source.take_number(16, 2, digits);
  if (digits == 0) source.fail(escape, "\\x needs one or two hexadecimal digits (\\x41); for more use \\u{…}");
  if (first < 0x80) return {first};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  std::string bytes(1, static_cast<char>(first));
  while (bytes.size() < length && source.take("\\x")) bytes += static_cast<char>(source.take_number(16, 2, digits));
  bool is_whole = bytes.size() == length && first >= 0xc2 && first <= 0xf4;
  for (std::size_t i = 1; i < bytes.size(); ++i)
    is_whole = is_whole && (static_cast<unsigned char>(bytes[i]) & 0xc0) == 0x80;
  if (!is_whole) source.fail(escape, "this byte alone is no character; write all bytes of its UTF-8 form or \\u{…}");
  RegexSource decoded(bytes);
  const char32_t character = decoded.take_character();
  check_code_point(source, escape, character);
  return {character};
}

}  // namespace

void RegexSource::fail(std::size_t offset, std::string problem) const { throw RegexSyntaxError{offset, std::move(problem)}; }

char32_t RegexSource::take_character() {
  const auto byte = [&](std::size_t ahead) { return static_cast<unsigned char>(peek(ahead)); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    skip(1);
    return first;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  char32_t character = first & (0xff >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) character = character << 6 | (byte(i) & 0x3f);
  skip(length);
  return character;
}

char32_t RegexSource::take_number(unsigned base, std::size_t limit, std::size_t& count) {
  char32_t value = 0;
  for (count = 0; count < limit; ++count) {
    const int digit = digit_value(peek());
    if (digit >= static_cast<int>(base)) break;
    value = value * base + static_cast<char32_t>(digit);
    skip(1);
  }
  return value;
}

void append_utf8(std::string& out, char32_t character) {
  if (character < 0x80) {
    out += static_cast<char>(character);
  } else if (character < 0x800) {
    out += static_cast<char>(0xc0 | character >> 6);
    out += static_cast<char>(0x80 | (character & 0x3f));
  } else if (character < 0x10000) {
    out += static_cast<char>(0xe0 | character >> 12);
    out += static_cast<char>(0x80 | (character >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (character & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | character >> 18);
    out += static_cast<char>(0x80 | (character >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (character >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (character & 0x3f));
  }
}

std::u32string take_character_escape(RegexSource& source, bool in_bracket) {
  const std::size_t escape = source.offset() - 1;
  if (source.at_end()) source.fail(escape, "a backslash ends the expression; write \\\\ for a backslash");
  std::size_t digits = 0;
  const char c = source.peek();
  if (c >= '0' && c <= '7') {
    const char32_t value = source.take_number(8, 3, digits);
    if (value > 0xff) source.fail(escape, "an octal escape goes up to \\377");
    if (value >= 0x80) source.fail(escape, "this byte alone is no character; use \\u{…}");
    return {value};
  }
  if (static_cast<unsigned char>(c) >= 0x80) return {source.take_character()};
  source.skip(1);
  switch (c) {
    case 't': return U"\t";
    case 'n': return U"\n";
    case 'r': return U"\r";
    case 'f': return U"\f";
    case 'v': return U"\v";
    case 'a': return U"\a";
    case 'e': return U"\x1b";
    case 'x': return take_byte_escape(source, escape);
    case 'u': return take_unicode_escape(source, escape);
    case 'C':
    case 'c': {
      if (c == 'C' && !source.take("-")) source.fail(escape, "a control character is written \\cA or \\C-A");
      if (source.at_end()) source.fail(escape, "a control character is written \\cA or \\C-A");
      const char32_t base = source.take_character();
      if (base >= 0x80 || base == '\\') source.fail(escape, "a control character is written \\cA or \\C-A");
      return {base == '?' ? char32_t{0x7f} : base & 0x1f};
    }
    case 'M': source.fail(escape, "meta characters (\\M-a) are no text; write the character itself");
    case 'b':
      if (in_bracket) return U"\b";
      break;
    default: break;
  }
  return {static_cast<unsigned char>(c)};
}

}  // namespace logboom
