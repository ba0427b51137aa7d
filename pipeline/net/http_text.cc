#include "pipeline/net/http_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace logboom {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Whether a header is `scheme` and the base64 of this user and password.
bool holds_credentials(std::string_view header, std::string_view scheme, std::string_view user, std::string_view password) {
  const std::size_t blank = header.find(' ');
  if (blank == std::string_view::npos || !equals_ignoring_case(header.substr(0, blank), scheme)) return false;
  const std::string given = decode_base64(trimmed(header.substr(blank + 1)));
  const std::string wanted = std::string(user) + ":" + std::string(password);
  unsigned difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(wanted[i % wanted.size()]);
  return difference == 0;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return -1;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

ContentType parse_content_type(std::string_view header) {
  ContentType made;
  const std::size_t type_end = std::min(header.find(';'), header.size());
  made.media_type = lower_case(trimmed(header.substr(0, type_end)));
  header.remove_prefix(type_end);
  while (!header.empty()) {
    header.remove_prefix(1);
    const std::size_t end = std::min(header.find(';'), header.size());
    const std::string_view parameter = trimmed(header.substr(0, end));
    header.remove_prefix(end);
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || lower_case(trimmed(parameter.substr(0, equals))) != "charset") continue;
    std::string_view value = trimmed(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    made.charset = lower_case(value);
  }
  return made;
}

bool is_authorized(std::string_view authorization, std::string_view user, std::string_view password) {
  return holds_credentials(authorization, "basic", user, password);
}

bool is_authorized_by_api_key(std::string_view authorization, std::string_view user, std::string_view password) {
  return holds_credentials(authorization, "apikey", user, password);
}

HostAndPort parse_host(std::string_view header) {
  HostAndPort made;
  made.host = header;
  const std::size_t colon = header.rfind(':');
  if (colon != std::string_view::npos && header.find(']', colon) == std::string_view::npos) {
    const std::string_view digits = header.substr(colon + 1);
    int port = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (problem == std::errc() && end == digits.data() + digits.size() && port > 0 && port <= 65535) {
      made.port = port;
      made.host = header.substr(0, colon);
    }
  }
  if (made.host.size() >= 2 && made.host.front() == '[' && made.host.back() == ']')
    made.host = made.host.substr(1, made.host.size() - 2);
  return made;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

std::string query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(query.size(), end + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (percent_decoded(pair.substr(0, equals)) != name) continue;
    return equals == pair.size() ? std::string() : percent_decoded(pair.substr(equals + 1));
  }
  return {};
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string decode_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+' || c == '-') value = 62;
    if (c == '/' || c == '_') value = 63;
    if (value < 0) break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

std::string encode_base64(std::string_view text) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((text.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < text.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = (group << 8) | (at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      out += at + i > text.size() ? '=' : kLetters[(group >> (18 - 6 * i)) & 63];
  }
  return out;
}

}  // namespace logboom
