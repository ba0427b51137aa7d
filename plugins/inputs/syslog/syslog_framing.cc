#include "plugins/inputs/syslog/syslog_framing.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace logboom {
namespace {

constexpr std::size_t kMostCountDigits = 9;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

}  // namespace

std::string_view syslog_message(std::string_view bytes) {
  while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r' || bytes.back() == '\0')) bytes.remove_suffix(1);
  return bytes;
}

SyslogFraming::Header SyslogFraming::classify(std::string_view begin) const {
  Header header;
  header.kind = Kind::Line;
  if (begin.front() < '1' || begin.front() > '9') return header;
  std::size_t digits = 0;
  while (digits < begin.size() && digits <= kMostCountDigits && is_digit(begin[digits]))
    header.message = header.message * 10 + static_cast<std::size_t>(begin[digits++] - '0');
  if (digits > kMostCountDigits) return header;
  header.bytes = digits + 1;
  const bool has_blank = digits < begin.size() && begin[digits] == ' ';
  if (digits < begin.size() && !has_blank) return header;
  const bool shows_next = header.bytes < begin.size();
  if (has_blank && (has_counted_ || (shows_next && begin[header.bytes] == '<'))) {
    header.kind = Kind::Counted;
  } else if (!has_blank || !shows_next) {
    header.kind = Kind::Undecided;
  }
  return header;
}

bool SyslogFraming::take_frame(std::string_view& bytes, Chunk& chunk, Frame& frame) {
  if (left_to_skip_ != 0) {
    const std::size_t skipped = static_cast<std::size_t>(std::min<std::uint64_t>(left_to_skip_, bytes.size()));
    bytes.remove_prefix(skipped);
    left_to_skip_ -= skipped;
    return false;
  }
  if (is_skipping_line_) {
    const std::size_t end = bytes.find('\n');
    is_skipping_line_ = end == std::string_view::npos;
    bytes.remove_prefix(is_skipping_line_ ? bytes.size() : end + 1);
    return false;
  }
  return held_.empty() ? take_in_place(bytes, chunk, frame) : go_on(bytes, chunk, frame);
}

bool SyslogFraming::take_in_place(std::string_view& bytes, Chunk& chunk, Frame& frame) {
  const Header header = classify(bytes);
  if (header.kind == Kind::Counted && header.message <= limit_bytes_ && bytes.size() - header.bytes >= header.message) {
    frame.bytes = syslog_message(bytes.substr(header.bytes, header.message));
    bytes.remove_prefix(header.bytes + header.message);
    has_counted_ = true;
    return true;
  }
  if (header.kind == Kind::Line) {
    const std::size_t end = bytes.find('\n');
    if (end != std::string_view::npos && end <= limit_bytes_) {
      frame.bytes = syslog_message(bytes.substr(0, end));
      bytes.remove_prefix(end + 1);
      has_counted_ = false;
      return true;
    }
  }
  return go_on(bytes, chunk, frame);
}

bool SyslogFraming::go_on(std::string_view& bytes, Chunk& chunk, Frame& frame) {
  Header header = held_.empty() ? classify(bytes) : classify(held_);
  while (header.kind == Kind::Undecided && !bytes.empty()) {  // a header of ten bytes at the most
    held_ += bytes.front();
    bytes.remove_prefix(1);
    header = classify(held_);
  }
  if (header.kind == Kind::Undecided) return false;
  return header.kind == Kind::Counted ? go_on_counted(bytes, header, chunk, frame) : go_on_line(bytes, chunk, frame);
}

bool SyslogFraming::go_on_counted(std::string_view& bytes, const Header& header, Chunk& chunk, Frame& frame) {
  const std::size_t kept = std::min(header.message, limit_bytes_);
  const std::size_t missing = header.bytes + kept - std::min(held_.size(), header.bytes + kept);
  const std::size_t taken = std::min(missing, bytes.size());
  held_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  if (taken < missing) return false;
  frame.bytes = syslog_message(take_held(header.bytes, chunk));
  frame.is_cut = kept < header.message;
  left_to_skip_ = header.message - kept;
  has_counted_ = true;
  return true;
}

bool SyslogFraming::go_on_line(std::string_view& bytes, Chunk& chunk, Frame& frame) {
  has_counted_ = false;
  std::size_t end = held_.find('\n');  // an undecided header may have taken it
  if (end == std::string::npos) {
    const std::size_t in_bytes = bytes.find('\n');
    const std::size_t room = limit_bytes_ - std::min(limit_bytes_, held_.size());
    const std::size_t whole = std::min(in_bytes, bytes.size());
    held_.append(bytes.substr(0, std::min(room, whole)));
    if (whole > room) {  // over the limit: what lies behind it is left in `bytes` to be skipped
      bytes.remove_prefix(room);
      is_skipping_line_ = true;
      frame.is_cut = true;
    } else {
      bytes.remove_prefix(std::min(whole + 1, bytes.size()));
      if (in_bytes == std::string_view::npos) return false;
    }
  }
  frame.bytes = syslog_message(take_held(0, chunk));
  return true;
}

std::string_view SyslogFraming::take_held(std::size_t from, Chunk& chunk) {
  const std::string_view copy = chunk.arena().copy(std::string_view(held_).substr(from));
  held_.clear();
  if (held_.capacity() > 4096) held_.shrink_to_fit();
  return copy;
}

SyslogFraming::Frame SyslogFraming::take_rest(Chunk& chunk, bool& is_lost) {
  Frame frame;
  is_lost = false;
  if (!held_.empty()) {
    is_lost = classify(held_).kind == Kind::Counted;
    const std::string_view rest = take_held(0, chunk);
    if (!is_lost) frame.bytes = syslog_message(rest);
  }
  left_to_skip_ = 0;
  is_skipping_line_ = false;
  has_counted_ = false;
  return frame;
}

std::string SyslogFraming::take_unfinished() {
  left_to_skip_ = 0;
  is_skipping_line_ = false;
  has_counted_ = false;
  return std::exchange(held_, {});
}

}  // namespace logboom
