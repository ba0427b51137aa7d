// What a cluster says of its own nodes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace logboom {

/// Addresses from an answer to GET /_nodes/http, without nodes that are masters only; `scheme` is "http" or "https", `path`
/// begins with a slash or is empty. Errors: Corrupt - the answer is no list of nodes.
Result<std::vector<std::string>> servers_of_nodes_answer(std::string_view json, std::string_view scheme,
                                                         std::string_view path);

}  // namespace logboom
