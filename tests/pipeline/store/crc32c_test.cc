#include "pipeline/store/crc32c.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace logboom {
namespace {

TEST_CASE("CRC-32C gives the values that RFC 3720 lists", "[store][crc32c]") {
  std::string ascending, descending;
  for (int i = 0; i < 32; ++i) {
    ascending += static_cast<char>(i);
    descending += static_cast<char>(31 - i);
  }
  const std::string iscsi_read(
      "\x01\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x14"
      "\x00\x00\x00\x18\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00",
      48);
  const std::pair<std::string, std::uint32_t> known[] = {
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xff'), 0x62A8AB43},
      {ascending, 0x46DD794E},
      {descending, 0x113FDB5C},
      {iscsi_read, 0xD9963A56},
      {"123456789", 0xE3069283},
      {"", 0},
  };
  for (const auto& [bytes, expected] : known) {
    CHECK(crc32c(bytes) == expected);
    CHECK(crc32c_software(bytes) == expected);
    if (has_crc32c_hardware()) CHECK(crc32c_hardware(bytes) == expected);
  }
}

TEST_CASE("CRC-32C of parts is that of the whole, in hardware and in software", "[store][crc32c]") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 300, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const std::size_t cut = random() % (bytes.size() + 1);
    const std::string_view all = bytes;
    const std::uint32_t whole = crc32c_software(all);
    CHECK(crc32c_software(all.substr(cut), crc32c_software(all.substr(0, cut))) == whole);
    if (has_crc32c_hardware()) CHECK(crc32c_hardware(all.substr(cut), crc32c_hardware(all.substr(0, cut))) == whole);
  }
}

}  // namespace
}  // namespace logboom
