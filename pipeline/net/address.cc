#include "pipeline/net/address.h"

#include <fmt/core.h>

#include <boost/asio/ip/tcp.hpp>

namespace logboom {
namespace net = boost::asio;

PeerAddress to_peer_address(const TcpEndpoint& endpoint) {
  net::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6());
  PeerAddress made;
  made.ip = address.to_string();
  made.port = endpoint.port();
  return made;
}

std::string host_and_port(std::string_view host, std::uint16_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

}  // namespace logboom
