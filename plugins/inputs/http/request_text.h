// What the http input reads from a request besides its events: credentials, media type, charset.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"

namespace logboom {

/// "Application/JSON; charset=UTF-8" as "application/json" and "utf-8"; either may be empty.
struct ContentType {
  std::string media_type;
  std::string charset;
};
ContentType parse_content_type(std::string_view header);

/// True when an Authorization header says exactly this user and password (RFC 7617). Takes the same time whatever differs.
bool is_authorized(std::string_view authorization, std::string_view user, std::string_view password);

/// A Host header as name and port; 0 when it has none. Brackets around IPv6 are taken off.
struct HostAndPort {
  std::string_view host;
  int port = 0;
};
HostAndPort parse_host(std::string_view header);

/// The body in UTF-8. Bodies in UTF-8, US-ASCII or without a charset are returned as they are. Errors: InvalidArgument -
/// unknown charset; Corrupt - bytes that are not text in it.
Result<Buffer> body_to_utf8(const Buffer& body, std::string_view charset);

}  // namespace logboom
