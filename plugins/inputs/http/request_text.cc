#include "plugins/inputs/http/request_text.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>

namespace logboom {
namespace {

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Base64 (RFC 4648) of "user:password"; what is no base64 ends the text.
std::string decode_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+') value = 62;
    if (c == '/') value = 63;
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

/// Charsets that a peer may choose: iconv loads code by name, so the names are ours.
constexpr std::array<std::string_view, 37> kCharsets = {
    "iso-8859-1",   "iso-8859-2",   "iso-8859-3",   "iso-8859-4",   "iso-8859-5",   "iso-8859-6",   "iso-8859-7",
    "iso-8859-8",   "iso-8859-9",   "iso-8859-10",  "iso-8859-13",  "iso-8859-14",  "iso-8859-15",  "iso-8859-16",
    "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1255", "windows-1256",
    "windows-1257", "windows-1258", "utf-16",       "utf-16le",     "utf-16be",     "utf-32",       "utf-32le",
    "utf-32be",     "koi8-r",       "koi8-u",       "shift_jis",    "euc-jp",       "euc-kr",       "gbk",
    "gb18030",      "big5"};

class Converter {
 public:
  explicit Converter(const std::string& charset) : handle_(iconv_open("UTF-8", charset.c_str())) {}
  ~Converter() {
    if (is_open()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  bool is_open() const { return handle_ != reinterpret_cast<iconv_t>(-1); }  // NOLINT: POSIX says so
  iconv_t handle() const { return handle_; }

 private:
  iconv_t handle_;
};

}  // namespace

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
  const std::size_t blank = authorization.find(' ');
  if (blank == std::string_view::npos || lower_case(authorization.substr(0, blank)) != "basic") return false;
  const std::string given = decode_base64(trimmed(authorization.substr(blank + 1)));
  const std::string wanted = std::string(user) + ":" + std::string(password);
  unsigned difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(wanted[i % wanted.size()]);
  return difference == 0;
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

Result<Buffer> body_to_utf8(const Buffer& body, std::string_view charset) {
  if (charset.empty() || charset == "utf-8" || charset == "utf8" || charset == "us-ascii") return body;
  if (std::find(kCharsets.begin(), kCharsets.end(), charset) == kCharsets.end())
    return Error{ErrorCode::InvalidArgument, "unknown charset"};
  const Converter converter{std::string(charset)};
  if (!converter.is_open()) return Error{ErrorCode::InvalidArgument, "unknown charset"};
  std::string text;
  char* from = const_cast<char*>(body.data());
  std::size_t left = body.size();
  std::array<char, 16 * 1024> piece;
  while (left > 0) {
    char* to = piece.data();
    std::size_t room = piece.size();
    const bool is_done = iconv(converter.handle(), &from, &left, &to, &room) != static_cast<std::size_t>(-1);
    const bool is_full = !is_done && errno == E2BIG;
    text.append(piece.data(), piece.size() - room);
    if (!is_done && !is_full) return Error{ErrorCode::Corrupt, "the body is not text in its charset"};
  }
  return Buffer::copy_of(text);
}

}  // namespace logboom
