#include "pipeline/store/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace logboom {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

/// Table k advances a byte by k further bytes of zeros, so that eight bytes are taken at once.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = value;
  }
  for (std::size_t k = 1; k < tables.size(); ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}
constexpr Tables kTables = make_tables();

}  // namespace

std::uint32_t crc32c_software(std::string_view bytes, std::uint32_t before) {
  std::uint32_t value = ~before;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= value;
    value = 0;
    for (std::size_t k = 0; k < 8; ++k) value ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; left > 0; ++at, --left) value = (value >> 8) ^ kTables[0][(value ^ static_cast<unsigned char>(*at)) & 0xff];
  return ~value;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) std::uint32_t crc32c_hardware(std::string_view bytes, std::uint32_t before) {
  std::uint64_t value = ~before;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    value = _mm_crc32_u64(value, word);
  }
  auto low = static_cast<std::uint32_t>(value);
  for (; left > 0; ++at, --left) low = _mm_crc32_u8(low, static_cast<unsigned char>(*at));
  return ~low;
}
bool has_crc32c_hardware() {
  static const bool has_it = __builtin_cpu_supports("sse4.2");
  return has_it;
}

#else

std::uint32_t crc32c_hardware(std::string_view bytes, std::uint32_t before) { return crc32c_software(bytes, before); }
bool has_crc32c_hardware() { return false; }

#endif

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  return has_crc32c_hardware() ? crc32c_hardware(bytes, before) : crc32c_software(bytes, before);
}

}  // namespace logboom
