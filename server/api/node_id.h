// Identifiers of the process: the one that is kept, and those that last as long as it runs.
#pragma once

#include <string>

namespace logboom {

/// A random UUID (RFC 9562, version 4).
std::string random_uuid();

/// What DIRECTORY/uuid holds; made when it is not there. A directory that cannot be written gives a random one, and a
/// warning.
std::string kept_node_id(const std::string& directory);

}  // namespace logboom
