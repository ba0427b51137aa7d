#include "server/listen/listen_address.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "pipeline/base/log.h"
#include "pipeline/net/address.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

std::string place_of(const Endpoint& endpoint, std::uint16_t port) {
  return endpoint.unix_path.empty() ? host_and_port(endpoint.host, port) : endpoint.unix_path;
}

namespace {

Error listen_error(const error_code& failure, const Endpoint& endpoint, const std::string& name) {
  const std::string place = fmt::format("{} cannot listen on {}", name, place_of(endpoint, endpoint.port));
  if (failure == net::error::address_in_use && !endpoint.unix_path.empty())
    return {ErrorCode::AlreadyExists,
            fmt::format("{}: another program answers there; stop it, or choose another path", place)};
  if (failure == net::error::address_in_use) {
    return {ErrorCode::AlreadyExists,
            fmt::format("{}: the port is in use; stop the program that has it (ss -ltnp 'sport = :{}' names "
                        "it) or choose another port",
                        place, endpoint.port)};
  }
  if (failure == net::error::access_denied) {
    const std::string_view remedy =
        endpoint.unix_path.empty() ? "a port below 1024 needs the capability CAP_NET_BIND_SERVICE, or choose a higher port"
                                   : "the user who runs Logboom must be allowed to write in that directory";
    return {ErrorCode::Io, fmt::format("{}: permission denied; {}", place, remedy)};
  }
  if (failure == boost::system::errc::address_not_available) {
    return {ErrorCode::InvalidArgument,
            fmt::format("{}: this machine does not have that address; use one of its own, or 0.0.0.0 for all", place)};
  }
  return {ErrorCode::Io, fmt::format("{}: {}", place, failure.message())};
}

Result<void> bind_tcp(StreamAcceptor& acceptor, const Endpoint& endpoint, const std::string& name) {
  error_code failure;
  tcp::resolver resolver(acceptor.get_executor());
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, failure);
  if (failure || found.empty()) {
    return Error{
        ErrorCode::InvalidArgument,
        fmt::format("{} cannot listen on {}: there is no such host; give an address of this machine, or 0.0.0.0 for all",
                    name, host_and_port(endpoint.host, endpoint.port))};
  }
  const tcp::endpoint address = found.begin()->endpoint();
  acceptor.open(address.protocol(), failure);
  if (failure) return listen_error(failure, endpoint, name);
  acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (address.address().is_v6()) acceptor.set_option(net::ip::v6_only(!address.address().is_unspecified()), failure);
  acceptor.bind(address, failure);
  if (failure) return listen_error(failure, endpoint, name);
  return {};
}

/// A socket file that nobody answers on is left over from a process that died: it is replaced.
Result<void> bind_unix(StreamAcceptor& acceptor, const Endpoint& endpoint, const std::string& name) {
  if (endpoint.unix_path.size() >= sizeof(sockaddr_un::sun_path))
    return Error{ErrorCode::InvalidArgument, fmt::format("{} cannot listen on {}: a socket's path may have {} bytes at most",
                                                         name, endpoint.unix_path, sizeof(sockaddr_un::sun_path) - 1)};
  error_code failure;
  const net::local::stream_protocol::endpoint address(endpoint.unix_path);
  acceptor.open(net::local::stream_protocol(), failure);
  if (!failure) acceptor.bind(address, failure);
  if (failure == net::error::address_in_use) {
    error_code refused;
    net::local::stream_protocol::socket probe(acceptor.get_executor());
    probe.connect(address, refused);
    if (refused == net::error::connection_refused && unlink(endpoint.unix_path.c_str()) == 0) {
      failure = {};
      acceptor.bind(address, failure);
    }
  }
  if (failure) return listen_error(failure, endpoint, name);
  if (!endpoint.unix_mode.empty() &&
      chmod(endpoint.unix_path.c_str(), static_cast<mode_t>(std::strtoul(endpoint.unix_mode.c_str(), nullptr, 8))) != 0)
    log_warn("listen", "{}: the mode of {} cannot be set: {}", name, endpoint.unix_path, std::strerror(errno));
  return {};
}

}  // namespace

Result<std::uint16_t> listen_on(StreamAcceptor& acceptor, const Endpoint& endpoint, const std::string& name) {
  const auto bound = endpoint.unix_path.empty() ? bind_tcp(acceptor, endpoint, name) : bind_unix(acceptor, endpoint, name);
  if (!bound) return bound.error();
  error_code failure;
  acceptor.listen(net::socket_base::max_listen_connections, failure);
  if (failure) return listen_error(failure, endpoint, name);
  return to_peer_address(*acceptor.local_endpoint(failure).data()).port;
}

}  // namespace logboom
