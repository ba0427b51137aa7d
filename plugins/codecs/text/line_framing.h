// Cuts a stream of bytes at a delimiter, carrying the unfinished line from piece to piece in bounded memory.
// Tested by tests/plugins/codecs/line_test.cc.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/event/batch.h"
#include "plugins/codecs/text/charset.h"

namespace logboom {

/// What the caller should know about a line.
struct FramedLine {
  std::string_view bytes;      // inside what was given, or a copy that is readable for kBufferPadding bytes past its end
  bool is_valid_utf8 = false;  // known to be: need not be checked again
  bool is_cut = false;         // only the first bytes of a line over the limit; the rest of it is skipped
};

/// One stream's lines. One thread at a time.
class LineFraming {
 public:
  /// `delimiter` is UTF-8 and not empty; it is looked for in the charset's own bytes.
  LineFraming(const Charset& charset, std::string_view delimiter, std::size_t limit_bytes);

  /// Calls on_line(const FramedLine&) for every line that ends in `bytes`, in order. The lines lie in `bytes` or in the
  /// chunk's arena.
  template <class OnLine>
  void split(std::string_view bytes, Chunk& chunk, OnLine&& on_line) {
    if (has_undecided_byte_order_) decide_byte_order(bytes);
    if (!carry_.empty() || is_skipping_) {
      const std::string_view line = finish_carried(bytes, chunk);
      if (line.data() != nullptr) {
        on_line(FramedLine{line, false, is_cut_});
      } else if (!carry_.empty() || is_skipping_) {
        carry(bytes, chunk, on_line);
        return;
      }
    }
    const std::size_t last_end = end_of_last_line(bytes);
    if (last_end == 0) {
      carry(bytes, chunk, on_line);
      return;
    }
    std::string_view whole = bytes.substr(0, last_end);
    const bool is_valid = is_utf8_ && is_valid_text(whole);
    while (!whole.empty()) {
      const std::size_t length = find_delimiter(whole, 0);
      if (length > limit_bytes_) {
        on_line(FramedLine{whole.substr(0, limit_bytes_), false, true});
      } else {
        on_line(FramedLine{whole.substr(0, length), is_valid, false});
      }
      whole.remove_prefix(length + delimiter_.size());
    }
    carry(bytes.substr(last_end), chunk, on_line);
  }

  /// What waits becomes a line; empty view with data() == nullptr when nothing does. Copied to the chunk's arena.
  std::string_view take_rest(Chunk& chunk);
  /// The same as raw bytes; the framing starts afresh.
  std::string take_unfinished();
  std::size_t held_bytes() const { return carry_.size(); }
  /// The byte order that the stream's mark showed; false unless the charset leaves it open.
  bool is_little_endian() const { return is_little_endian_; }
  bool knows_byte_order() const { return !has_undecided_byte_order_; }

 private:
  static bool is_valid_text(std::string_view text);
  /// Offset of the first delimiter at or after `from`, or npos. Delimiters of wide sets begin on a unit's border.
  std::size_t find_delimiter(std::string_view bytes, std::size_t from) const {
    if (delimiter_.size() == 1) {
      if (from >= bytes.size()) return std::string_view::npos;
      const void* at = std::memchr(bytes.data() + from, delimiter_[0], bytes.size() - from);
      return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(at) - bytes.data());
    }
    return find_long_delimiter(bytes, from);
  }
  std::size_t find_long_delimiter(std::string_view bytes, std::size_t from) const;
  /// Where the last whole line of `bytes` ends, delimiter included; 0 when none does.
  std::size_t end_of_last_line(std::string_view bytes) const;
  void decide_byte_order(std::string_view bytes);
  /// Takes from `bytes` what belongs to the carried line. The line when it is whole (or cut), in the chunk's arena.
  std::string_view finish_carried(std::string_view& bytes, Chunk& chunk);
  static std::string_view padded_copy(std::string_view bytes, Chunk& chunk);

  template <class OnLine>
  void carry(std::string_view rest, Chunk& chunk, OnLine&& on_line) {
    if (rest.empty() || is_skipping_) return;
    carry_.append(rest);
    if (carry_.size() <= limit_bytes_ + delimiter_.size()) return;
    on_line(FramedLine{padded_copy(std::string_view(carry_).substr(0, limit_bytes_), chunk), false, true});
    begin_skipping();
  }
  void begin_skipping();

  Charset charset_;
  std::string delimiter_text_;
  std::string delimiter_;
  std::size_t limit_bytes_;
  bool is_utf8_;
  bool has_undecided_byte_order_;
  bool is_little_endian_ = false;
  bool is_skipping_ = false;  // inside a line that was cut: nothing until the next delimiter counts
  bool is_cut_ = false;       // of the line that finish_carried() gave last
  std::string carry_;
};

}  // namespace logboom
