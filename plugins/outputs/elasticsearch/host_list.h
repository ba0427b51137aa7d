// Addresses of servers as the options give them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace logboom {

struct ServerAddress {
  std::string url;        // "https://host:9200/path", no slash at the end, no credentials
  std::string user_info;  // "user:password" when the address had one
};

/// Reads "host", "host:9201", "//host", "https://user:word@host/path", "[::1]:9200". `uses_tls` is for addresses that name
/// no scheme. Errors: InvalidArgument with what is wrong.
Result<ServerAddress> parse_server_address(std::string_view text, bool uses_tls, std::string_view path);

/// The host of an Elastic Cloud id ("label:base64"), as an https URL.
Result<std::string> server_of_cloud_id(std::string_view cloud_id);

/// Addresses from an answer to GET /_nodes/http, without nodes that are masters only; `scheme` is "http" or "https", `path`
/// begins with a slash or is empty. Errors: Corrupt - the answer is no list of nodes.
Result<std::vector<std::string>> servers_of_nodes_answer(std::string_view json, std::string_view scheme,
                                                         std::string_view path);

}  // namespace logboom
