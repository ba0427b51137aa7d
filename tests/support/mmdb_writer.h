// Writes small databases in MaxMind's format, so that tests need none of the real ones.
// Source: https://maxmind.github.io/MaxMind-DB/ (format 2.0), with records of 32 bits and a tree of IPv6 addresses.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom {

/// An encoded value of a database.
class MmdbValue {
 public:
  static MmdbValue text(std::string_view value) { return {head(2, value.size()) + std::string(value)}; }
  static MmdbValue real(double value) { return {head(3, 8) + big_endian(std::bit_cast<std::uint64_t>(value), 8)}; }
  static MmdbValue uint16(std::uint16_t value) { return {head(5, 2) + big_endian(value, 2)}; }
  static MmdbValue uint32(std::uint32_t value) { return {head(6, 4) + big_endian(value, 4)}; }
  static MmdbValue uint64(std::uint64_t value) { return {head(9, 8) + big_endian(value, 8)}; }
  static MmdbValue boolean(bool value) { return {head(14, value ? 1 : 0)}; }
  static MmdbValue map(std::initializer_list<std::pair<std::string_view, MmdbValue>> entries) {
    std::string out = head(7, entries.size());
    for (const auto& [name, value] : entries) out += text(name).bytes + value.bytes;
    return {out};
  }
  static MmdbValue array(std::initializer_list<MmdbValue> items) {
    std::string out = head(11, items.size());
    for (const MmdbValue& item : items) out += item.bytes;
    return {out};
  }

  std::string bytes;

  static std::string big_endian(std::uint64_t value, int length) {
    std::string out;
    for (int shift = (length - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
    return out;
  }

 private:
  MmdbValue(std::string encoded) : bytes(std::move(encoded)) {}

  /// The control byte, with the type behind it when that is above 7 and one more byte for sizes from 29 to 284.
  static std::string head(unsigned type, std::size_t size) {
    if (size > 284) throw std::invalid_argument("a value of a test database is too long");
    std::string out(1, static_cast<char>((type > 7 ? 0 : type << 5) | (size < 29 ? size : 29)));
    if (type > 7) out += static_cast<char>(type - 7);
    if (size >= 29) out += static_cast<char>(size - 29);
    return out;
  }
};

/// Networks and what is known of them; to_bytes() is the content of a .mmdb file.
class MmdbWriter {
 public:
  explicit MmdbWriter(std::string database_type) : database_type_(std::move(database_type)) {}

  /// "8.8.8.0", 24 or "2001:db8::", 32. Networks must not lie inside each other.
  void add(const std::string& address, unsigned prefix_bits, const MmdbValue& value) {
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = prefix_bits;
    if (inet_pton(AF_INET, address.c_str(), bytes.data() + 12) == 1) {
      bits += 96;
    } else if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
      throw std::invalid_argument(address);
    }
    std::size_t node = 0;
    for (unsigned i = 0; i < bits; ++i) {
      std::int64_t& record = nodes_[node][bytes[i / 8] >> (7 - i % 8) & 1];
      if (i + 1 == bits) {
        record = -1 - static_cast<std::int64_t>(data_.size());
        break;
      }
      if (record == 0) {
        const auto made = static_cast<std::int64_t>(nodes_.size());
        record = made;
        nodes_.push_back({});
        node = static_cast<std::size_t>(made);
      } else {
        node = static_cast<std::size_t>(record);
      }
    }
    data_ += value.bytes;
  }

  std::string to_bytes() const {
    std::string out;
    for (const auto& node : nodes_) {
      for (const std::int64_t record : node) {
        const auto count = static_cast<std::int64_t>(nodes_.size());
        const std::int64_t value = record == 0 ? count : record > 0 ? record : count + 16 + (-1 - record);
        out += MmdbValue::big_endian(static_cast<std::uint64_t>(value), 4);
      }
    }
    out += std::string(16, '\0') + data_ + "\xab\xcd\xefMaxMind.com";
    return out + MmdbValue::map({{"node_count", MmdbValue::uint32(static_cast<std::uint32_t>(nodes_.size()))},
                                 {"record_size", MmdbValue::uint16(32)},
                                 {"ip_version", MmdbValue::uint16(6)},
                                 {"database_type", MmdbValue::text(database_type_)},
                                 {"languages", MmdbValue::array({MmdbValue::text("en")})},
                                 {"binary_format_major_version", MmdbValue::uint16(2)},
                                 {"binary_format_minor_version", MmdbValue::uint16(0)},
                                 {"build_epoch", MmdbValue::uint64(1'700'000'000)},
                                 {"description", MmdbValue::map({{"en", MmdbValue::text("test")}})}})
                     .bytes;
  }

 private:
  std::string database_type_;
  std::vector<std::array<std::int64_t, 2>> nodes_ = {{}};  // 0: nothing, above: a node, below: -1 - offset in data_
  std::string data_;
};

}  // namespace logboom
