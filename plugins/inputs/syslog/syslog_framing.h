// Messages out of a stream (RFC 6587): each either counted in octets ("57 <13>1 …") or ended by a line feed, told apart
// message by message. Tested by tests/plugins/inputs/syslog_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/event/batch.h"

namespace logboom {

/// A message without the line ends and zero bytes that senders put behind it.
std::string_view syslog_message(std::string_view bytes);

/// One stream's messages. Holds at most the limit and a header of ten bytes. One thread at a time.
class SyslogFraming {
 public:
  struct Frame {
    std::string_view bytes;  // in what was given, or in the chunk's arena; without the line end
    bool is_cut = false;     // longer than the limit: the rest of it is skipped
  };

  explicit SyslogFraming(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// Calls on_frame(const Frame&) for every message that ends in `bytes`, in order. Empty ones are left out.
  template <class OnFrame>
  void split(std::string_view bytes, Chunk& chunk, OnFrame&& on_frame) {
    while (!bytes.empty()) {
      Frame frame;
      if (take_frame(bytes, chunk, frame) && !frame.bytes.empty()) on_frame(frame);
    }
  }
  /// The stream has ended: a line without its end is a message still; no bytes when there is none. A counted message that
  /// lacks its end is dropped, and `is_lost` says so.
  Frame take_rest(Chunk& chunk, bool& is_lost);
  /// What has begun, as it was received; the framing starts afresh.
  std::string take_unfinished();
  std::size_t held_bytes() const { return held_.size(); }
  /// True inside a message whose beginning was read.
  bool is_inside_message() const { return !held_.empty() || left_to_skip_ != 0 || is_skipping_line_; }

 private:
  enum class Kind { Undecided, Counted, Line };
  struct Header {
    Kind kind = Kind::Undecided;
    std::size_t bytes = 0;    // of the count and the blank
    std::size_t message = 0;  // the count
  };
  Header classify(std::string_view begin) const;
  /// Takes bytes from the front of `bytes`; true when they complete a frame.
  bool take_frame(std::string_view& bytes, Chunk& chunk, Frame& frame);
  bool take_in_place(std::string_view& bytes, Chunk& chunk, Frame& frame);
  bool go_on(std::string_view& bytes, Chunk& chunk, Frame& frame);
  bool go_on_counted(std::string_view& bytes, const Header& header, Chunk& chunk, Frame& frame);
  bool go_on_line(std::string_view& bytes, Chunk& chunk, Frame& frame);
  std::string_view take_held(std::size_t from, Chunk& chunk);

  const std::size_t limit_bytes_;
  std::string held_;                // a message that has begun, header included
  std::uint64_t left_to_skip_ = 0;  // of a counted message beyond the limit
  bool is_skipping_line_ = false;   // up to the next line feed
  bool has_counted_ = false;        // the last message was counted: the next one's count needs no "<" behind it
};

}  // namespace logboom
