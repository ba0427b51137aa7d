// Names of peers: reverse DNS that never holds an I/O thread.
#pragma once

#include <string>

#include "pipeline/net/awaitable.h"

namespace logboom {

/// The host name of an IP address, or the address itself when it has none, when DNS takes longer than two seconds, or when
/// too many look-ups wait already. Results are kept for five minutes (failures one), at most 8192 of them. Looked up by two
/// threads of the process that start at the first call. Waits on the caller's executor, which must be one strand.
Awaitable<std::string> reverse_lookup(std::string ip);

}  // namespace logboom
