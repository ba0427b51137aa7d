#include "pipeline/net/server_address.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/net/http_text.h"

namespace logboom {
namespace {

constexpr std::string_view kDefaultPort = "9200";

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string without_last_slash(std::string text) {
  while (!text.empty() && text.back() == '/') text.pop_back();
  return text;
}

std::string joined_path(std::string_view own, std::string_view option) {
  std::string path = without_last_slash(std::string(own));
  if (!option.empty()) {
    if (option.front() != '/') path += '/';
    path += option;
  }
  return without_last_slash(std::move(path));
}

}  // namespace

Result<ServerAddress> parse_server_address(std::string_view text, bool uses_tls, std::string_view path) {
  const std::string_view whole = text;
  const auto bad = [&](std::string_view why) {
    return Error{ErrorCode::InvalidArgument, fmt::format("hosts: \"{}\" {}", whole, why)};
  };
  std::string scheme = uses_tls ? "https" : "http";
  if (const std::size_t at = text.find("://"); at != std::string_view::npos) {
    scheme = lower_case(text.substr(0, at));
    if (scheme != "http" && scheme != "https") return bad("is no http:// or https:// address");
    text.remove_prefix(at + 3);
  } else if (text.substr(0, 2) == "//") {
    text.remove_prefix(2);
  }
  const std::size_t path_at = text.find('/');
  const std::string_view own_path = path_at == std::string_view::npos ? std::string_view() : text.substr(path_at);
  std::string_view authority = text.substr(0, path_at);
  ServerAddress made;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    made.user_info = percent_decoded(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  std::string_view host = authority;
  std::string_view port = kDefaultPort;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return bad("has an open bracket");
    host = authority.substr(0, end + 1);
    if (end + 1 < authority.size()) port = authority.substr(end + 2);
  } else if (const std::size_t colon = authority.rfind(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (host.empty() || host.find_first_of(" \t,;\"'") != std::string_view::npos) return bad("names no host");
  if (!is_number(port) || port.size() > 5) return bad("has no number for a port");
  made.url = fmt::format("{}://{}:{}{}", scheme, host, port, joined_path(own_path, path));
  return made;
}

Result<std::string> server_of_cloud_id(std::string_view cloud_id) {
  const Error bad{ErrorCode::InvalidArgument, "cloud_id: is no id of a deployment; copy it from its page in Elastic Cloud"};
  const std::size_t colon = cloud_id.rfind(':');
  const std::string decoded = decode_base64(colon == std::string_view::npos ? cloud_id : cloud_id.substr(colon + 1));
  // host[:port]$elasticsearch-id[:port]$…
  const std::size_t first = decoded.find('$');
  if (first == std::string::npos || first == 0) return bad;
  std::string domain = decoded.substr(0, first);
  std::string id = decoded.substr(first + 1);
  id.resize(std::min(id.size(), id.find('$')));
  std::string port = "443";
  if (const std::size_t at = domain.find(':'); at != std::string::npos) {
    port = domain.substr(at + 1);
    domain.resize(at);
  }
  if (const std::size_t at = id.find(':'); at != std::string::npos) {
    port = id.substr(at + 1);
    id.resize(at);
  }
  if (id.empty() || id == "undefined" || !is_number(port)) return bad;
  return fmt::format("https://{}.{}:{}", id, domain, port);
}

}  // namespace logboom
