#include "pipeline/text/byte_class.h"

#include <bit>
#if defined(__x86_64__)
#include <tmmintrin.h>
#endif

namespace logboom {
namespace {

#if defined(__x86_64__)
constexpr std::ptrdiff_t kBlockBytes = 16;

// Stops at the last block that is not whole, or at the first byte outside. Source of the method: two look-ups of 16 entries,
// one by each half of the byte, whose results share a bit where the byte is a member.
__attribute__((target("ssse3"))) const char* skip_whole_blocks(const std::uint8_t* rows, const char* at, const char* end) {
  const __m128i by_low_half = _mm_load_si128(reinterpret_cast<const __m128i*>(rows));
  const __m128i by_high_half = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i low_bits = _mm_set1_epi8(0x0f);
  for (; end - at >= kBlockBytes; at += kBlockBytes) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i high_half = _mm_and_si128(_mm_srli_epi16(block, 4), low_bits);
    const __m128i is_member = _mm_and_si128(_mm_shuffle_epi8(by_low_half, block), _mm_shuffle_epi8(by_high_half, high_half));
    const int outside = _mm_movemask_epi8(_mm_cmpeq_epi8(is_member, _mm_setzero_si128()));
    if (outside != 0) return at + std::countr_zero(static_cast<unsigned>(outside));
  }
  return at;
}
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
  static const bool has_shuffle = __builtin_cpu_supports("ssse3");
  if (has_shuffle) at = skip_whole_blocks(rows_.data(), at, end);
#endif
  while (at != end && contains(*at)) ++at;
  return at;
}

}  // namespace logboom
