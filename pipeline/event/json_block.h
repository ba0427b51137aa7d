// Sixteen bytes of JSON text at a time: what the reader and the writer look for in them is the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace logboom {

constexpr std::size_t kJsonBlockBytes = 16;

#if defined(__SSE2__)
using JsonBlock = __m128i;
inline JsonBlock load_json_block(const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
inline void store_json_block(char* to, JsonBlock block) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block); }
/// A bit for each quote, backslash and control character, the first byte's the lowest: what ends a text or needs an escape.
inline std::uint32_t marked_bytes(JsonBlock block) {
  const __m128i is_quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
  const __m128i is_backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
  const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_quote, is_backslash), is_control)));
}
/// A bit for each byte that is the same in both.
inline std::uint32_t equal_bytes(JsonBlock left, JsonBlock right) {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(left, right)));
}
inline JsonBlock joined(JsonBlock left, JsonBlock right) { return _mm_or_si128(left, right); }
inline bool has_high_bits(JsonBlock block) { return _mm_movemask_epi8(block) != 0; }
#else
using JsonBlock = std::array<char, kJsonBlockBytes>;
inline JsonBlock load_json_block(const char* from) {
  JsonBlock block;
  std::memcpy(block.data(), from, kJsonBlockBytes);
  return block;
}
inline void store_json_block(char* to, const JsonBlock& block) { std::memcpy(to, block.data(), kJsonBlockBytes); }
inline std::uint32_t marked_bytes(const JsonBlock& block) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < kJsonBlockBytes; ++i)
    found |= static_cast<std::uint32_t>(static_cast<unsigned char>(block[i]) < 0x20 || block[i] == '"' || block[i] == '\\')
             << i;
  return found;
}
inline std::uint32_t equal_bytes(const JsonBlock& left, const JsonBlock& right) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < kJsonBlockBytes; ++i) found |= static_cast<std::uint32_t>(left[i] == right[i]) << i;
  return found;
}
inline JsonBlock joined(JsonBlock left, const JsonBlock& right) {
  for (std::size_t i = 0; i < kJsonBlockBytes; ++i) left[i] = static_cast<char>(left[i] | right[i]);
  return left;
}
inline bool has_high_bits(const JsonBlock& block) {
  for (const char byte : block)
    if ((byte & 0x80) != 0) return true;
  return false;
}
#endif

/// A block may be read whole also where less of it belongs to the text, as long as it does not reach into the next page: no
/// copy by halves, for which the next load would have to wait.
inline bool json_block_stays_in_page(const char* from) {
  constexpr std::uintptr_t kPageBytes = 4096;
  return (reinterpret_cast<std::uintptr_t>(from) & (kPageBytes - 1)) <= kPageBytes - kJsonBlockBytes;
}

/// The same load for the last bytes in a page of memory that is readable, though not all of them belong to the text.
#if defined(__SSE2__)
__attribute__((no_sanitize("address", "thread"))) inline JsonBlock load_beyond_text(const char* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
#else
__attribute__((no_sanitize("address", "thread"))) inline JsonBlock load_beyond_text(const char* from) {
  JsonBlock block;
  for (std::size_t i = 0; i < kJsonBlockBytes; ++i) block[i] = from[i];
  return block;
}
#endif

}  // namespace logboom
