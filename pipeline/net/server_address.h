// Addresses of HTTP servers as people write them in configurations.
#pragma once

#include <string>
#include <string_view>

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

}  // namespace logboom
