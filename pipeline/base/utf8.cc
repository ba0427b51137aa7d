#include "pipeline/base/utf8.h"

#include <simdjson.h>

#include <array>
#include <cstring>

namespace logboom {

bool is_ascii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  constexpr std::size_t kStride = 32;
  const char* at = text.data();
  std::size_t left = text.size();
  std::array<std::uint64_t, kStride / 8> seen{};
  const auto look = [&](const char* from) {
    std::array<std::uint64_t, kStride / 8> words;
    std::memcpy(words.data(), from, kStride);
    for (std::size_t i = 0; i < words.size(); ++i) seen[i] |= words[i];
  };
  for (; left >= kStride; left -= kStride, at += kStride) look(at);
  if (text.size() >= kStride) {
    look(text.data() + text.size() - kStride);  // some bytes twice
  } else {
    for (; left > 0; --left, ++at) seen[0] |= static_cast<unsigned char>(*at);
  }
  return ((seen[0] | seen[1] | seen[2] | seen[3]) & kHighBits) == 0;
}

bool is_valid_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::size_t put_utf8(std::uint32_t code_point, char* to) {
  const auto low_bits = [&](int shift) { return static_cast<char>(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    to[0] = static_cast<char>(code_point);
    return 1;
  }
  if (code_point < 0x800) {
    to[0] = static_cast<char>(0xC0 | (code_point >> 6));
    to[1] = low_bits(0);
    return 2;
  }
  if (code_point < 0x10000) {
    to[0] = static_cast<char>(0xE0 | (code_point >> 12));
    to[1] = low_bits(6);
    to[2] = low_bits(0);
    return 3;
  }
  to[0] = static_cast<char>(0xF0 | (code_point >> 18));
  to[1] = low_bits(12);
  to[2] = low_bits(6);
  to[3] = low_bits(0);
  return 4;
}

void append_utf8(std::uint32_t code_point, std::string& out) {
  char bytes[4];
  out.append(bytes, put_utf8(code_point, bytes));
}

std::size_t utf8_sequence_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
    if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogate
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

void append_valid_utf8(std::string_view text, std::string& out) {
  if (is_valid_utf8(text)) {
    out += text;
    return;
  }
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0) {
      append_utf8(kReplacementCodePoint, out);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
}

void append_utf8_escaped(std::string_view text, std::string& out) {
  constexpr char kHexDigits[] = "0123456789ABCDEF";
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0) {
      const auto byte = static_cast<unsigned char>(text[0]);
      out += {'\\', 'x', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
}

}  // namespace logboom
