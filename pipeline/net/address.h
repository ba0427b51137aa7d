// Socket addresses as text.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/net/byte_stream.h"

namespace logboom {

/// An IPv4 or IPv6 address with its port; IPv4 inside IPv6 (::ffff:10.0.0.1) is given as IPv4. Empty for other families.
PeerAddress to_peer_address(const sockaddr& address);

/// "10.0.0.1:514", "[::1]:514".
std::string host_and_port(std::string_view host, std::uint16_t port);

}  // namespace logboom
