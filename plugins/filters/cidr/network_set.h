// IP addresses and networks, and sets of networks.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace logboom {

/// An address of 128 bits, highest half first; IPv4 uses the lowest 32.
struct IpAddress {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// All addresses from first to last: a network, or one address.
struct IpNetwork {
  bool is_ipv6 = false;
  IpAddress first;
  IpAddress last;

  /// "10.0.0.1", "10.0.0.0/8", "10.0.0.0/255.0.0.0", "fe80::/64", "[::1]", "fe80::1%eth0"; bits behind the prefix are
  /// ignored. nullopt for anything else, also for octets with leading zeros.
  static std::optional<IpNetwork> parse(std::string_view text);
  bool contains(const IpNetwork& other) const {
    return is_ipv6 == other.is_ipv6 && first <= other.first && other.last <= last;
  }
};

/// Networks sorted for binary search.
class NetworkSet {
 public:
  NetworkSet() = default;
  explicit NetworkSet(std::vector<IpNetwork> networks);
  bool contains(const IpNetwork& address) const;
  bool empty() const { return ipv4_.empty() && ipv6_.empty(); }

 private:
  // Networks are disjoint or nested; nested ones are left out, so the ranges are disjoint and in order.
  std::vector<IpNetwork> ipv4_;
  std::vector<IpNetwork> ipv6_;
};

}  // namespace logboom
