#include "plugins/codecs/text/line_framing.h"

#include <algorithm>

#include "pipeline/base/utf8.h"

namespace logboom {
namespace {

constexpr std::size_t kKeptCarryBytes = 256 * 1024;  // a carry that met a huge line gives its memory back

void empty_carry(std::string& carry) {
  if (carry.capacity() > kKeptCarryBytes) {
    std::string().swap(carry);
  } else {
    carry.clear();
  }
}

}  // namespace

LineFraming::LineFraming(const Charset& charset, std::string_view delimiter, std::size_t limit_bytes)
    : charset_(charset),
      delimiter_text_(delimiter),
      delimiter_(charset.encode(delimiter)),
      limit_bytes_(std::max<std::size_t>(limit_bytes, 1)),
      is_utf8_(charset.is_utf8()),
      has_undecided_byte_order_(charset.has_open_byte_order()) {}

bool LineFraming::is_valid_text(std::string_view text) { return ::logboom::is_valid_utf8(text); }

std::size_t LineFraming::find_long_delimiter(std::string_view bytes, std::size_t from) const {
  const std::size_t unit = charset_.unit_bytes();
  for (std::size_t at = bytes.find(delimiter_, from); at != std::string_view::npos; at = bytes.find(delimiter_, at + 1))
    if (at % unit == 0) return at;
  return std::string_view::npos;
}

std::size_t LineFraming::end_of_last_line(std::string_view bytes) const {
  if (delimiter_.size() == 1) {
    const void* at = bytes.empty() ? nullptr : memrchr(bytes.data(), delimiter_[0], bytes.size());
    return at == nullptr ? 0 : static_cast<std::size_t>(static_cast<const char*>(at) - bytes.data()) + 1;
  }
  // Delimiters may overlap themselves ("\n\n"): only walking from the front finds the borders that a reader sees.
  std::size_t end = 0;
  for (std::size_t at = find_delimiter(bytes, 0); at != std::string_view::npos; at = find_delimiter(bytes, end))
    end = at + delimiter_.size();
  return end;
}

void LineFraming::decide_byte_order(std::string_view bytes) {
  std::string start = carry_.substr(0, charset_.unit_bytes());
  start.append(bytes.substr(0, charset_.unit_bytes() - start.size()));
  if (start.size() < charset_.unit_bytes()) return;
  has_undecided_byte_order_ = false;
  is_little_endian_ = start.compare(0, 2, "\xFF\xFE") == 0;
  delimiter_ = charset_.with_byte_order(is_little_endian_).encode(delimiter_text_);
}

std::string_view LineFraming::padded_copy(std::string_view bytes, Chunk& chunk) {
  char* to = static_cast<char*>(chunk.arena().allocate(bytes.size() + kBufferPadding, 1));
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  std::memset(to + bytes.size(), 0, kBufferPadding);
  return {to, bytes.size()};
}

std::string_view LineFraming::finish_carried(std::string_view& bytes, Chunk& chunk) {
  is_cut_ = false;
  // The delimiter may begin in what was carried. A carried text holds no whole one.
  const std::size_t before = carry_.size();
  const std::size_t overlap = std::min(delimiter_.size() - 1, before);
  std::size_t at = std::string_view::npos;  // of the delimiter, in carry + bytes
  if (overlap > 0) {
    std::string seam = carry_.substr(before - overlap);
    seam.append(bytes.substr(0, delimiter_.size() - 1));
    for (std::size_t in_seam = seam.find(delimiter_); in_seam != std::string::npos;
         in_seam = seam.find(delimiter_, in_seam + 1)) {
      if ((before - overlap + in_seam) % charset_.unit_bytes() != 0) continue;
      at = before - overlap + in_seam;
      break;
    }
  }
  if (at == std::string_view::npos) {
    const std::size_t unit = charset_.unit_bytes();
    for (std::size_t from = 0; from <= bytes.size();) {
      const std::size_t in_bytes = bytes.find(delimiter_, from);
      if (in_bytes == std::string_view::npos) break;
      if ((before + in_bytes) % unit == 0) {
        at = before + in_bytes;
        break;
      }
      from = in_bytes + 1;
    }
  }
  if (is_skipping_) {
    if (at == std::string_view::npos) {
      // Keep only as much as a delimiter or a unit may straddle.
      carry_.append(bytes);
      begin_skipping();
      bytes = {};
      return {nullptr, 0};
    }
    is_skipping_ = false;
    empty_carry(carry_);
    bytes.remove_prefix(at + delimiter_.size() - before);
    return {nullptr, 0};
  }
  if (at == std::string_view::npos) return {nullptr, 0};
  const std::size_t end = at + delimiter_.size();
  if (at > before) carry_.append(bytes.substr(0, at - before));
  is_cut_ = at > limit_bytes_;
  const std::string_view line = padded_copy(std::string_view(carry_).substr(0, std::min(at, limit_bytes_)), chunk);
  bytes.remove_prefix(end - before);
  empty_carry(carry_);
  return line;
}

void LineFraming::begin_skipping() {
  is_skipping_ = true;
  const std::size_t unit = charset_.unit_bytes();
  const std::size_t kept = std::min(carry_.size(), (delimiter_.size() - 1) / unit * unit + carry_.size() % unit);
  std::string rest = carry_.substr(carry_.size() - kept);
  carry_.swap(rest);
}

std::string_view LineFraming::take_rest(Chunk& chunk) {
  const bool was_skipping = is_skipping_;
  is_skipping_ = false;
  std::string_view line(nullptr, 0);
  if (!carry_.empty() && !was_skipping) line = padded_copy(carry_, chunk);
  empty_carry(carry_);
  return line;
}

std::string LineFraming::take_unfinished() {
  std::string taken;
  if (!is_skipping_) taken.swap(carry_);
  is_skipping_ = false;
  empty_carry(carry_);
  return taken;
}

}  // namespace logboom
