// CRC-32C (Castagnoli, RFC 3720): the checksum of everything that the store writes.
#pragma once

#include <cstdint>
#include <string_view>

namespace logboom {

/// The checksum of `bytes`; `before` is that of the bytes in front of them. Uses the processor's instruction when it has
/// one. Any thread.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// The two ways, for tests. crc32c_hardware() only where has_crc32c_hardware().
std::uint32_t crc32c_software(std::string_view bytes, std::uint32_t before = 0);
std::uint32_t crc32c_hardware(std::string_view bytes, std::uint32_t before = 0);
bool has_crc32c_hardware();

}  // namespace logboom
