// The address of a listener: opened, bound, and named for people.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <string>

#include "pipeline/base/result.h"
#include "pipeline/plugin/input.h"

namespace logboom {

using StreamAcceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

/// "0.0.0.0:5044", "[::]:5044", "/run/log.sock".
std::string place_of(const Endpoint& endpoint, std::uint16_t port);

/// Opens, binds and listens; returns the port (0 for a socket file). A socket file that nobody answers on was left by a
/// process that died, and is replaced. `name` is for messages.
/// Errors: AlreadyExists - the address is in use. InvalidArgument - no such host, not an address of this machine, or a path
/// that is too long. Io - the system refused. Each message names the address and a remedy.
Result<std::uint16_t> listen_on(StreamAcceptor& acceptor, const Endpoint& endpoint, const std::string& name);

}  // namespace logboom
