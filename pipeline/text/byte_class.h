// ByteClass: a set of ASCII bytes that a text is scanned against, 16 bytes at a time where the processor can.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>

namespace logboom {

/// Immutable; any thread.
class ByteClass {
 public:
  explicit ByteClass(const std::bitset<128>& members);

  /// Never true for a byte above 127.
  bool contains(char byte) const { return is_member_[static_cast<unsigned char>(byte)]; }
  /// The first byte in [at, end) that is no member, or end.
  const char* skip(const char* at, const char* end) const {
    // Most runs are short: no set-up before the first byte that ends one.
    for (int i = 0; i < 4; ++i, ++at)
      if (at == end || !contains(*at)) return at;
    return skip_blocks(at, end);
  }

 private:
  const char* skip_blocks(const char* at, const char* end) const;

  std::array<bool, 256> is_member_{};
  // Bit h of rows_[l] says whether the byte with the high half h and the low half l is a member.
  alignas(16) std::array<std::uint8_t, 16> rows_{};
};

}  // namespace logboom
