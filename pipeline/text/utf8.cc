#include "pipeline/text/utf8.h"

#include <cstdint>
#include <cstring>

namespace logboom {
namespace {

std::uint64_t load(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Length of the well-formed sequence at the front of `text`, 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const auto second = text.size() > 1 ? static_cast<unsigned char>(text[1]) : 0U;
  if (first >= 0xc2 && first <= 0xdf) return text.size() > 1 && is_continuation(text[1]) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (text.size() < 3 || !is_continuation(text[1]) || !is_continuation(text[2])) return 0;
    const bool is_overlong = first == 0xe0 && second < 0xa0;
    const bool is_surrogate = first == 0xed && second > 0x9f;
    return is_overlong || is_surrogate ? 0 : 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (text.size() < 4 || !is_continuation(text[1]) || !is_continuation(text[2]) || !is_continuation(text[3])) return 0;
    const bool is_overlong = first == 0xf0 && second < 0x90;
    const bool is_too_high = first == 0xf4 && second > 0x8f;
    return is_overlong || is_too_high ? 0 : 4;
  }
  return 0;
}

}  // namespace

bool is_ascii_text(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 32; left -= 32, at += 32) {
    if (((load(at) | load(at + 8) | load(at + 16) | load(at + 24)) & kHighBits) != 0) return false;
  }
  std::uint64_t seen = 0;
  for (; left >= 8; left -= 8, at += 8) seen |= load(at);
  for (; left > 0; --left, ++at) seen |= static_cast<unsigned char>(*at);
  return (seen & kHighBits) == 0;
}

bool is_utf8_text(std::string_view text) {
  while (!text.empty()) {
    if (text.size() >= 8 && (load(text.data()) & kHighBits) == 0) {
      text.remove_prefix(8);
      continue;
    }
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace logboom
