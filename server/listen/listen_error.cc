#include "server/listen/listen_error.h"

#include <fmt/format.h>

#include <boost/asio/error.hpp>

#include "pipeline/net/address.h"
#include "server/listen/listen_address.h"

namespace logboom {
Error listen_error(const boost::system::error_code& failure, const Endpoint& endpoint, Transport transport,
                   std::string_view name) {
  const std::string place = fmt::format("{} cannot listen on {}", name, place_of(endpoint, endpoint.port));
  const bool is_file = !endpoint.unix_path.empty();
  if (failure == boost::asio::error::address_in_use && is_file)
    return {ErrorCode::AlreadyExists,
            fmt::format("{}: another program answers there; stop it, or choose another path", place)};
  if (failure == boost::asio::error::address_in_use) {
    const bool is_udp = transport == Transport::Udp;
    return {ErrorCode::AlreadyExists,
            fmt::format("{}: the {}port is in use; stop the program that has it (ss -{}np 'sport = :{}' names it) or choose "
                        "another port",
                        place, is_udp ? "UDP " : "", is_udp ? "lu" : "lt", endpoint.port)};
  }
  if (failure == boost::asio::error::access_denied) {
    const std::string_view remedy =
        is_file ? "the user who runs Logboom must be allowed to write in that directory"
                : "a port below 1024 needs the capability CAP_NET_BIND_SERVICE, or choose a higher port";
    return {ErrorCode::Io, fmt::format("{}: permission denied; {}", place, remedy)};
  }
  if (failure == boost::system::errc::address_not_available) {
    return {ErrorCode::InvalidArgument,
            fmt::format("{}: this machine does not have that address; use one of its own, or 0.0.0.0 for all", place)};
  }
  return {ErrorCode::Io, fmt::format("{}: {}", place, failure.message())};
}

Error no_such_host_error(const Endpoint& endpoint, std::string_view name) {
  return {ErrorCode::InvalidArgument,
          fmt::format("{} cannot listen on {}: there is no such host; give an address of this machine, or 0.0.0.0 for all",
                      name, host_and_port(endpoint.host, endpoint.port))};
}

}  // namespace logboom
