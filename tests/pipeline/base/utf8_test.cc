#include "pipeline/base/utf8.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace logboom {
namespace {

/// RFC 3629 by decoding: length of the sequence at the start, 0 when it is none.
std::size_t naive_length(const std::string& text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::size_t length = 0;
  std::uint32_t code_point = 0;
  if (byte(0) < 0x80) return 1;
  if ((byte(0) & 0xE0) == 0xC0) {
    length = 2;
    code_point = byte(0) & 0x1F;
  } else if ((byte(0) & 0xF0) == 0xE0) {
    length = 3;
    code_point = byte(0) & 0x0F;
  } else if ((byte(0) & 0xF8) == 0xF0) {
    length = 4;
    code_point = byte(0) & 0x07;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code_point = code_point << 6 | (byte(i) & 0x3F);
  }
  constexpr std::uint32_t kFirstOfLength[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code_point < kFirstOfLength[length] || code_point > 0x10FFFF) return 0;
  return code_point >= 0xD800 && code_point < 0xE000 ? 0 : length;
}

std::string random_bytes(std::mt19937& random) {
  static const std::string pieces[] = {"a",
                                       "é",
                                       "€",
                                       "😀",
                                       "\x80",
                                       "\xC3",
                                       "\xE2\x82",
                                       "\xF0\x9F\x98",
                                       "\xED\xA0\x80",
                                       "\xC0\xAF",
                                       "\xFF",
                                       "\xF4\x90\x80\x80",
                                       "\xE0\x80\xAF",
                                       std::string(1, '\0')};
  std::string out;
  const int count = static_cast<int>(random() % 12);
  for (int i = 0; i < count; ++i)
    out += random() % 4 == 0 ? std::string(1, static_cast<char>(random())) : pieces[random() % std::size(pieces)];
  return out;
}

TEST_CASE("every code point is written so that it reads back as one sequence", "[utf8]") {
  for (std::uint32_t code_point = 0; code_point <= 0x10FFFF; code_point += code_point < 0x3000 ? 1 : 61) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    std::string text;
    append_utf8(code_point, text);
    if (utf8_sequence_length(text) != text.size() || naive_length(text) != text.size() || !is_valid_utf8(text))
      FAIL("U+" << code_point);
  }
  std::string borders;
  for (const std::uint32_t code_point : {0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u, 0x10FFFFu})
    append_utf8(code_point, borders);
  CHECK(borders == "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
}

TEST_CASE("validity, sequence length and repair agree with decoding by the book", "[utf8]") {
  std::mt19937 random(20261122);
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = random_bytes(random);
    CAPTURE(text);
    REQUIRE(utf8_sequence_length(text) == naive_length(text));
    std::string repaired_by_the_book;
    std::string escaped_by_the_book;
    bool is_valid = true;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = naive_length(text.substr(at));
      if (length == 0) {
        is_valid = false;
        repaired_by_the_book += "\xEF\xBF\xBD";
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\x%02X", static_cast<unsigned char>(text[at]));
        escaped_by_the_book += escape;
        ++at;
      } else {
        repaired_by_the_book += text.substr(at, length);
        escaped_by_the_book += text.substr(at, length);
        at += length;
      }
    }
    REQUIRE(is_valid_utf8(text) == is_valid);
    std::string repaired = "before ";
    append_valid_utf8(text, repaired);
    REQUIRE(repaired == "before " + repaired_by_the_book);
    std::string escaped;
    append_utf8_escaped(text, escaped);
    REQUIRE(escaped == escaped_by_the_book);
    REQUIRE(is_valid_utf8(repaired));
    REQUIRE(is_valid_utf8(escaped));
  }
}

TEST_CASE("an escaped byte is written as a backslash, x and two upper case digits", "[utf8]") {
  std::string out;
  append_utf8_escaped("caf\xE9 \xFF\xC3", out);
  CHECK(out == "caf\\xE9 \\xFF\\xC3");
}

}  // namespace
}  // namespace logboom
