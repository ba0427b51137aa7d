// Socket addresses as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/net/byte_stream.h"

namespace boost::asio::ip {
class tcp;
template <class InternetProtocol>
class basic_endpoint;
}  // namespace boost::asio::ip

namespace logboom {

using TcpEndpoint = boost::asio::ip::basic_endpoint<boost::asio::ip::tcp>;

/// An endpoint's address and port; IPv4 inside IPv6 (::ffff:10.0.0.1) is given as IPv4.
PeerAddress to_peer_address(const TcpEndpoint& endpoint);

/// "10.0.0.1:514", "[::1]:514".
std::string host_and_port(std::string_view host, std::uint16_t port);

}  // namespace logboom
