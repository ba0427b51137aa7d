#include "plugins/inputs/forward/security.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cstring>

#include "pipeline/event/msgpack.h"
#include "pipeline/net/fluent_handshake.h"

namespace logboom {
namespace ip = boost::asio::ip;
namespace {

constexpr std::size_t kRandomBytes = 16;

/// 16 bytes that sort as addresses do; IPv4 as IPv6 maps it.
std::string sortable(const ip::address& address) {
  const ip::address_v6 long_form = address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6();
  const auto bytes = long_form.to_bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<std::pair<std::string, std::string>> network_range(const std::string& text) {
  boost::system::error_code failure;
  if (const ip::address address = ip::make_address(text, failure); !failure)
    return std::pair(sortable(address), sortable(address));
  const ip::network_v4 v4 = ip::make_network_v4(text, failure);
  if (!failure) return std::pair(sortable(v4.network()), sortable(v4.broadcast()));
  const ip::network_v6 v6 = ip::make_network_v6(text, failure);
  if (failure) return std::nullopt;
  std::string first = sortable(v6.network());
  std::string last = first;
  for (int bit = v6.prefix_length(); bit < 128; ++bit)
    last[static_cast<std::size_t>(bit / 8)] |= static_cast<char>(0x80 >> bit % 8);
  return std::pair(std::move(first), std::move(last));
}

}  // namespace

Result<void> ForwardClientRule::resolve() {
  networks.clear();
  if (const auto range = network_range(place)) {
    networks.push_back(*range);
    return {};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(place.c_str(), nullptr, &hints, &found) != 0)
    return Error{ErrorCode::InvalidArgument, fmt::format("\"{}\" is no address, no network and no known host", place)};
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    if (at->ai_family == AF_INET) {
      ip::address_v4::bytes_type bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(at->ai_addr)->sin_addr, bytes.size());
      const std::string address = sortable(ip::address_v4(bytes));
      networks.emplace_back(address, address);
    } else if (at->ai_family == AF_INET6) {
      ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(at->ai_addr)->sin6_addr, bytes.size());
      const std::string address = sortable(ip::address_v6(bytes));
      networks.emplace_back(address, address);
    }
  }
  freeaddrinfo(found);
  return {};
}

bool ForwardClientRule::covers(std::string_view peer) const {
  boost::system::error_code failure;
  const ip::address address = ip::make_address(std::string(peer), failure);
  if (failure) return false;
  const std::string bytes = sortable(address);
  return std::any_of(networks.begin(), networks.end(),
                     [&](const auto& network) { return network.first <= bytes && bytes <= network.second; });
}

struct ForwardHandshake::Ping {
  std::string_view hostname;
  std::string_view salt;
  std::string_view key_digest;
  std::string_view user;
  std::string_view password_digest;

  static std::optional<Ping> read(std::string_view message) {
    MsgpackReader reader(message);
    MsgpackItem item;
    if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Array || item.size != 6) return std::nullopt;
    std::string_view texts[6];
    for (std::string_view& text : texts) {
      if (reader.next(item) != MsgpackStatus::Read) return std::nullopt;
      if (item.kind != MsgpackKind::String && item.kind != MsgpackKind::Binary) return std::nullopt;
      text = item.bytes;
    }
    if (texts[0] != "PING") return std::nullopt;
    return Ping{texts[1], texts[2], texts[3], texts[4], texts[5]};
  }
};

ForwardHandshake::ForwardHandshake(const ForwardSecurity& security, bool keeps_alive)
    : ForwardHandshake(security, keeps_alive, random_bytes(kRandomBytes), random_bytes(kRandomBytes)) {}

ForwardHandshake::ForwardHandshake(const ForwardSecurity& security, bool keeps_alive, std::string nonce,
                                   std::string auth_salt)
    : security_(security), keeps_alive_(keeps_alive), nonce_(std::move(nonce)), auth_salt_(std::move(auth_salt)) {}

std::string ForwardHandshake::helo() const {
  std::string out;
  write_msgpack_array_head(2, out);
  write_msgpack_string("HELO", out);
  write_msgpack_map_head(3, out);
  write_msgpack_string("nonce", out);
  write_msgpack_binary(nonce_, out);
  write_msgpack_string("auth", out);
  write_msgpack_binary(auth_salt_, out);  // also without users, as Fluentd
  write_msgpack_string("keepalive", out);
  write_msgpack(Value::boolean(keeps_alive_), out);
  return out;
}

ForwardHandshake::Verdict ForwardHandshake::judge(std::string_view message, std::string_view peer_ip) const {
  Verdict verdict;
  std::string key = security_.shared_key;
  const auto ping = Ping::read(message);
  verdict.reason = ping ? refusal(*ping, peer_ip, key) : "invalid ping message";
  verdict.is_accepted = verdict.reason.empty();
  write_msgpack_array_head(5, verdict.pong);
  write_msgpack_string("PONG", verdict.pong);
  write_msgpack(Value::boolean(verdict.is_accepted), verdict.pong);
  write_msgpack_string(verdict.reason, verdict.pong);
  write_msgpack_string(verdict.is_accepted ? security_.self_hostname : "", verdict.pong);
  write_msgpack_string(
      verdict.is_accepted ? fluent_digest({ping->salt, security_.self_hostname, nonce_, key}) : std::string(), verdict.pong);
  return verdict;
}

std::string ForwardHandshake::refusal(const Ping& ping, std::string_view peer_ip, std::string& shared_key) const {
  const auto rule = std::find_if(security_.clients.begin(), security_.clients.end(),
                                 [&](const ForwardClientRule& client) { return client.covers(peer_ip); });
  const bool is_known = rule != security_.clients.end();
  if (!is_known && !security_.allows_anonymous_source) return fmt::format("anonymous source host '{}' denied", peer_ip);
  if (is_known && rule->shared_key) shared_key = *rule->shared_key;
  if (!digests_equal(ping.key_digest, fluent_digest({ping.salt, ping.hostname, nonce_, shared_key})))
    return "shared_key mismatch";
  if (!security_.wants_users) return {};
  const auto user = security_.users.find(ping.user);
  const bool may_come_from_there =
      !is_known || rule->users.empty() || std::find(rule->users.begin(), rule->users.end(), ping.user) != rule->users.end();
  // The digest is computed for unknown users too, so that the answer's time tells nothing.
  const std::string_view password = user != security_.users.end() ? std::string_view(user->second) : std::string_view();
  const bool is_right = digests_equal(ping.password_digest, fluent_digest({auth_salt_, ping.user, password}));
  if (user == security_.users.end() || !may_come_from_there || !is_right) return "username/password mismatch";
  return {};
}

}  // namespace logboom
