#include "pipeline/text/byte_class.h"

#include <bit>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace logboom {
namespace {

#if defined(__x86_64__)
constexpr std::ptrdiff_t kBlockBytes = 16;
constexpr std::ptrdiff_t kWideBytes = 32;

// Source of the method: two look-ups of 16 entries, one by each half of the byte, whose results share a bit where the byte
// is a member. A bit for each byte that is none.
__attribute__((target("ssse3"))) inline unsigned outside_of_block(__m128i rows, const char* at) {
  const __m128i by_high_half = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i high_half = _mm_and_si128(_mm_srli_epi16(block, 4), _mm_set1_epi8(0x0f));
  const __m128i is_member = _mm_and_si128(_mm_shuffle_epi8(rows, block), _mm_shuffle_epi8(by_high_half, high_half));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(is_member, _mm_setzero_si128())));
}

// Stops at the first byte outside, or, where there are less than 16 bytes in all, at once.
__attribute__((target("ssse3"))) const char* skip_by_16(const std::uint8_t* rows, const char* at, const char* end) {
  if (end - at < kBlockBytes) return at;
  const __m128i by_low_half = _mm_load_si128(reinterpret_cast<const __m128i*>(rows));
  for (; end - at >= kBlockBytes; at += kBlockBytes)
    if (const unsigned outside = outside_of_block(by_low_half, at)) return at + std::countr_zero(outside);
  if (at == end) return end;
  const unsigned outside = outside_of_block(by_low_half, end - kBlockBytes);  // some members once more
  return outside == 0 ? end : end - kBlockBytes + std::countr_zero(outside);
}

__attribute__((target("avx2"))) const char* skip_by_32(const std::uint8_t* rows, const char* at, const char* end) {
  if (end - at < kWideBytes) return skip_by_16(rows, at, end);
  const __m256i by_low_half = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(rows)));
  const __m256i by_high_half =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0));
  const __m256i low_bits = _mm256_set1_epi8(0x0f);
  const auto outside_of = [&](const char* from) __attribute__((target("avx2"))) {
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i high_half = _mm256_and_si256(_mm256_srli_epi16(block, 4), low_bits);
    const __m256i is_member =
        _mm256_and_si256(_mm256_shuffle_epi8(by_low_half, block), _mm256_shuffle_epi8(by_high_half, high_half));
    return static_cast<unsigned>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(is_member, _mm256_setzero_si256())));
  };
  for (; end - at >= kWideBytes; at += kWideBytes)
    if (const unsigned outside = outside_of(at)) return at + std::countr_zero(outside);
  if (at == end) return end;
  const unsigned outside = outside_of(end - kWideBytes);
  return outside == 0 ? end : end - kWideBytes + std::countr_zero(outside);
}

using Skip = const char* (*)(const std::uint8_t* rows, const char* at, const char* end);

const Skip skip_fast = [] {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) return &skip_by_32;
  if (__builtin_cpu_supports("ssse3")) return &skip_by_16;
  return static_cast<Skip>(nullptr);
}();
#endif

}  // namespace

ByteClass::ByteClass(const std::bitset<128>& members) {
  for (std::size_t byte = 0; byte < 128; ++byte) {
    if (!members[byte]) continue;
    is_member_[byte] = true;
    rows_[byte & 15] |= static_cast<std::uint8_t>(1U << (byte >> 4));
  }
}

const char* ByteClass::skip_blocks(const char* at, const char* end) const {
#if defined(__x86_64__)
  if (skip_fast != nullptr) at = skip_fast(rows_.data(), at, end);
#endif
  while (at != end && contains(*at)) ++at;
  return at;
}

}  // namespace logboom
