#include "plugins/inputs/http/body_charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace logboom {
namespace {

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
