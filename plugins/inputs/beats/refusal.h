// Why a peer of the beats input is refused, for counters and the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logboom::beats {

/// Each has a counter of its own.
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

struct RefusalText {
  const char* counter;
  const char* text;
};
RefusalText text_of(Refusal refusal);

/// A remark on what a peer seems to speak instead, by its first bytes; empty when they say nothing.
const char* guess_of_protocol(std::string_view bytes);

}  // namespace logboom::beats
