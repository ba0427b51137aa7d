#include "pipeline/base/utf8.h"

#include <simdjson.h>

#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace logboom {

#if defined(__SSE2__)
bool is_ascii(std::string_view text) {
  constexpr std::size_t kBlock = 16;
  constexpr std::size_t kStride = 4 * kBlock;
  const auto load = [](const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() < kBlock) {
    unsigned char seen = 0;
    for (; at != end; ++at) seen |= static_cast<unsigned char>(*at);
    return seen < 0x80;
  }
  __m128i seen = load(end - kBlock);  // some bytes twice
  for (; end - at >= static_cast<std::ptrdiff_t>(kStride); at += kStride) {
    seen = _mm_or_si128(seen, _mm_or_si128(_mm_or_si128(load(at), load(at + kBlock)),
                                           _mm_or_si128(load(at + 2 * kBlock), load(at + 3 * kBlock))));
  }
  for (; end - at >= static_cast<std::ptrdiff_t>(kBlock); at += kBlock) seen = _mm_or_si128(seen, load(at));
  return _mm_movemask_epi8(seen) == 0;
}
#else
bool is_ascii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  std::uint64_t seen = 0;
  for (; text.size() >= sizeof seen; text.remove_prefix(sizeof seen)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    seen |= word;
  }
  for (const char byte : text) seen |= static_cast<unsigned char>(byte);
  return (seen & kHighBits) == 0;
}
#endif

bool is_valid_utf8(std::string_view text) {
  return is_ascii(text) || simdjson::validate_utf8(text.data(), text.size());
}

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
