#include "plugins/filters/cidr/network_set.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace logboom {
namespace {

std::uint64_t big_endian(const unsigned char* bytes, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = (value << 8) | bytes[i];
  return value;
}

bool has_padded_octet(std::string_view text) {
  bool is_at_start = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_at_start && text[i] == '0' && i + 1 < text.size() && text[i + 1] != '.') return true;
    is_at_start = text[i] == '.';
  }
  return false;
}

bool parse_address(std::string_view text, bool& is_ipv6, IpAddress& out) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  const std::size_t zone = text.find('%');
  is_ipv6 = text.find(':') != std::string_view::npos;
  if (zone != std::string_view::npos) {
    if (!is_ipv6 || zone + 1 == text.size()) return false;
    text = text.substr(0, zone);
  }
  char terminated[INET6_ADDRSTRLEN + 1] = {};
  if (text.size() >= sizeof terminated) return false;
  std::memcpy(terminated, text.data(), text.size());
  if (std::strlen(terminated) != text.size()) return false;
  unsigned char bytes[16] = {};
  if (is_ipv6) {
    if (inet_pton(AF_INET6, terminated, bytes) != 1) return false;
    out = {big_endian(bytes, 8), big_endian(bytes + 8, 8)};
    return true;
  }
  if (has_padded_octet(text) || inet_pton(AF_INET, terminated, bytes) != 1) return false;
  out = {0, big_endian(bytes, 4)};
  return true;
}

/// Bits of a prefix given as a number or as a mask; negative when it is neither.
int parse_prefix(std::string_view text, bool is_ipv6) {
  const int longest = is_ipv6 ? 128 : 32;
  int bits = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (problem == std::errc() && end == text.data() + text.size()) return bits <= longest ? bits : -1;
  bool is_mask_ipv6 = false;
  IpAddress mask;
  if (!parse_address(text, is_mask_ipv6, mask) || is_mask_ipv6 != is_ipv6) return -1;
  bits = is_ipv6 ? std::popcount(mask.high) + std::popcount(mask.low) : std::popcount(mask.low);
  const std::uint64_t high = bits >= 64 ? ~0ULL : bits == 0 ? 0 : ~0ULL << (64 - bits);
  if (is_ipv6) {
    const std::uint64_t low = bits <= 64 ? 0 : ~0ULL << (128 - bits);
    return mask.high == high && mask.low == low ? bits : -1;
  }
  return mask.low == high >> 32 ? bits : -1;
}

}  // namespace

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  IpNetwork made;
  const std::size_t slash = text.find('/');
  IpAddress address;
  if (!parse_address(text.substr(0, slash), made.is_ipv6, address)) return std::nullopt;
  int bits = made.is_ipv6 ? 128 : 32;
  if (slash != std::string_view::npos) bits = parse_prefix(text.substr(slash + 1), made.is_ipv6);
  if (bits < 0) return std::nullopt;
  // Bits that may differ within the network.
  const int free_bits = (made.is_ipv6 ? 128 : 32) - bits;
  const std::uint64_t free_low = free_bits >= 64 ? ~0ULL : (1ULL << free_bits) - 1;
  const std::uint64_t free_high = free_bits <= 64 ? 0 : free_bits == 128 ? ~0ULL : (1ULL << (free_bits - 64)) - 1;
  made.first = {address.high & ~free_high, address.low & ~free_low};
  made.last = {address.high | free_high, address.low | free_low};
  return made;
}

NetworkSet::NetworkSet(std::vector<IpNetwork> networks) {
  std::sort(networks.begin(), networks.end(),
            [](const IpNetwork& a, const IpNetwork& b) { return a.first != b.first ? a.first < b.first : b.last < a.last; });
  for (const IpNetwork& network : networks) {
    std::vector<IpNetwork>& kept = network.is_ipv6 ? ipv6_ : ipv4_;
    if (kept.empty() || !kept.back().contains(network)) kept.push_back(network);
  }
}

bool NetworkSet::contains(const IpNetwork& address) const {
  const std::vector<IpNetwork>& networks = address.is_ipv6 ? ipv6_ : ipv4_;
  const auto behind =
      std::upper_bound(networks.begin(), networks.end(), address.first,
                       [](const IpAddress& first, const IpNetwork& network) { return first < network.first; });
  return behind != networks.begin() && std::prev(behind)->contains(address);
}

}  // namespace logboom
