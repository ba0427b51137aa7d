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
#include "server/listen/listen_error.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

std::string place_of(const Endpoint& endpoint, std::uint16_t port) {
  return endpoint.unix_path.empty() ? host_and_port(endpoint.host, port) : endpoint.unix_path;
}

namespace {

Result<void> bind_tcp(StreamAcceptor& acceptor, const Endpoint& endpoint, const std::string& name) {
  error_code failure;
  tcp::resolver resolver(acceptor.get_executor());
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, failure);
  if (failure || found.empty()) return no_such_host_error(endpoint, name);
  const tcp::endpoint address = found.begin()->endpoint();
  acceptor.open(address.protocol(), failure);
  if (failure) return listen_error(failure, endpoint, Transport::Tcp, name);
  acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (address.address().is_v6()) acceptor.set_option(net::ip::v6_only(!address.address().is_unspecified()), failure);
  acceptor.bind(address, failure);
  if (failure) return listen_error(failure, endpoint, Transport::Tcp, name);
  return {};
}

/// A socket file that nobody answers on is left over from a process that died: it is replaced. With takes_unix_path_over
/// one that is answered on is, too.
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
    const bool may_replace = refused == net::error::connection_refused || (!refused && endpoint.takes_unix_path_over);
    if (may_replace && unlink(endpoint.unix_path.c_str()) == 0) {
      failure = {};
      acceptor.bind(address, failure);
    }
  }
  if (failure) return listen_error(failure, endpoint, Transport::Tcp, name);
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
  if (failure) return listen_error(failure, endpoint, Transport::Tcp, name);
  return to_peer_address(*acceptor.local_endpoint(failure).data()).port;
}

}  // namespace logboom
