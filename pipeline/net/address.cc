#include "pipeline/net/address.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include <cstring>

namespace logboom {

PeerAddress to_peer_address(const sockaddr& address) {
  PeerAddress made;
  char text[INET6_ADDRSTRLEN] = {};
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    made.ip = inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    made.port = ntohs(v4.sin_port);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    const bool is_v4_inside = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    made.ip = is_v4_inside ? inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text)
                           : inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    if (!is_v4_inside && v6.sin6_scope_id != 0) made.ip += fmt::format("%{}", v6.sin6_scope_id);
    made.port = ntohs(v6.sin6_port);
  }
  return made;
}

std::string host_and_port(std::string_view host, std::uint16_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

}  // namespace logboom
