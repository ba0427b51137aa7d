// Lumberjack frames, versions 1 and 2, cut from what a connection delivers.
// Source: PROTOCOL.md of logstash-input-beats; facts beside it from the readers and writers in use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"

namespace logboom::beats {

/// Why a peer is refused; each has a counter of its own.
enum class Refusal : std::uint8_t {
  WrongVersion,
  UnknownFrame,
  WindowTooLarge,
  FrameTooLarge,
  EmptyFrame,
  EventWithoutWindow,
  InflateFailure,
  InflatedTooLarge,
  NestedCompression,
  CutShort,  // a compressed frame ends inside one of its frames
  BadJson,
};
constexpr std::size_t kRefusals = 11;

struct Frame {
  enum class Kind : std::uint8_t { Window, Json, Data, Compressed };
  Kind kind = Kind::Window;
  char version = '2';        // '1' or '2'
  std::uint32_t number = 0;  // Window: its size. Json, Data: the sequence number
  std::string_view payload;  // Json, Compressed: the body. Data: the pairs. Inside what was fed or joined()
};

/// Reads the next pair of a Data frame's payload, which it shortens; false at the end. Lengths were checked when the frame
/// was cut.
bool next_pair(std::string_view& payload, std::string_view& name, std::string_view& value);

/// A window frame, for whoever has to hand a begun window on.
std::string window_frame(char version, std::uint32_t size);
/// An acknowledgement up to a sequence number, appended.
void append_ack(char version, std::uint32_t sequence, std::string& out);

struct FrameLimits {
  std::size_t max_frame_bytes = 0;  // of a Json, Compressed or Data frame, with its header
  std::uint32_t max_window_events = 0;
};

/// Cuts buffers that come one after the other into frames. A frame that lies in one buffer is left where it is; one that
/// spans several is joined in memory of its own, which grows with what really came.
class FrameCutter {
 public:
  enum class Step { Frame, NeedsMore, Refused };

  explicit FrameCutter(const FrameLimits& limits) : limits_(limits) {}

  /// The next bytes; only after NeedsMore, or at the beginning.
  void feed(Buffer received);
  Step next(Frame& frame);
  /// Where the last frame lies when it was joined, else an empty Buffer. Keep it with the chunk that points into it.
  const Buffer& joined() const { return frame_joined_; }
  /// Why the last next() refused.
  Refusal refusal() const { return refusal_; }
  /// True when no frame has begun and nothing is left to cut.
  bool is_empty() const { return joined_bytes_ == 0 && at_ == input_.size(); }
  /// Everything that was fed and not given out as a frame.
  std::string take_unfinished();

 private:
  Step look(std::string_view bytes, Frame& frame);
  Step look_at_pairs(std::string_view bytes, Frame& frame);
  Step wants(std::size_t bytes) {
    wanted_bytes_ = bytes;
    return Step::NeedsMore;
  }
  Step refuse(Refusal why) {
    refusal_ = why;
    return Step::Refused;
  }
  void grow_joined(std::size_t bytes);

  FrameLimits limits_;
  Buffer input_;
  std::size_t at_ = 0;
  Buffer joining_;  // a frame that began in an earlier buffer
  std::size_t joined_bytes_ = 0;
  Buffer frame_joined_;
  std::size_t wanted_bytes_ = 0;   // of the frame: less than this is not worth another look
  std::size_t frame_bytes_ = 0;    // of a complete frame, after look()
  std::size_t scanned_bytes_ = 0;  // of a begun Data frame; 0: none
  std::uint32_t pairs_left_ = 0;
  Refusal refusal_ = Refusal::UnknownFrame;
};

}  // namespace logboom::beats
