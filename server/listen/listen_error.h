// Why an address could not be opened, with a remedy.
#pragma once

#include <boost/system/error_code.hpp>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/plugin/input.h"

namespace logboom {

enum class Transport { Tcp, Udp };

/// `name` is who wanted to listen. AlreadyExists: the port is in use. InvalidArgument: not an address of this machine.
/// Io: anything else.
Error listen_error(const boost::system::error_code& failure, const Endpoint& endpoint, Transport transport,
                   std::string_view name);
/// The host's name has no address.
Error no_such_host_error(const Endpoint& endpoint, std::string_view name);

}  // namespace logboom
