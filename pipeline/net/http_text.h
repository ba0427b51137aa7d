// What headers of HTTP requests say: media type and charset, credentials, host, origin.
#pragma once

#include <string>
#include <string_view>

namespace logboom {

/// ASCII letters in lower case.
std::string lower_case(std::string_view text);
/// ASCII letters of either case are the same.
bool equals_ignoring_case(std::string_view left, std::string_view right);
/// Without blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

/// "Application/JSON; charset=UTF-8" as "application/json" and "utf-8"; either may be empty.
struct ContentType {
  std::string media_type;
  std::string charset;
};
ContentType parse_content_type(std::string_view header);

/// True when an Authorization header says exactly this user and password (RFC 7617). Takes the same time whatever differs.
bool is_authorized(std::string_view authorization, std::string_view user, std::string_view password);
/// The same for the scheme ApiKey, which Elasticsearch's clients send: base64 of "user:password".
bool is_authorized_by_api_key(std::string_view authorization, std::string_view user, std::string_view password);

/// A Host header as name and port; 0 when it has none. Brackets around IPv6 are taken off.
struct HostAndPort {
  std::string_view host;
  int port = 0;
};
HostAndPort parse_host(std::string_view header);

/// The path of a request's target, without the query; and the query without its question mark.
std::string_view path_of(std::string_view target);
std::string_view query_of(std::string_view target);
/// The value of a query's parameter, percent-decoded; empty when it is not there.
std::string query_parameter(std::string_view query, std::string_view name);
/// "%2F" as "/"; what is no such code stays.
std::string percent_decoded(std::string_view text);

/// Base64 (RFC 4648), both alphabets; what is no base64 ends the text.
std::string decode_base64(std::string_view text);
/// The text in base64, with its padding.
std::string encode_base64(std::string_view text);

}  // namespace logboom
