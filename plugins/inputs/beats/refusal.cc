#include "plugins/inputs/beats/refusal.h"

namespace logboom::beats {

RefusalText text_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::WrongVersion: return {"refused_wrong_version", "this is not the Lumberjack protocol, version 1 or 2"};
    case Refusal::UnknownFrame: return {"refused_unknown_frame", "there is no such frame type"};
    case Refusal::WindowTooLarge: return {"refused_window_too_large", "the window is larger than max_window_events"};
    case Refusal::FrameTooLarge: return {"refused_frame_too_large", "the frame is larger than max_frame_bytes"};
    case Refusal::EmptyFrame: return {"refused_empty_frame", "a frame without content"};
    case Refusal::EventWithoutWindow: return {"refused_event_without_window", "an event came before any window"};
    case Refusal::InflateFailure: return {"refused_inflate_failure", "the compressed frame cannot be inflated"};
    case Refusal::InflatedTooLarge:
      return {"refused_inflated_too_large", "the compressed frame inflates to more than max_inflated_bytes"};
    case Refusal::NestedCompression: return {"refused_nested_compression", "a compressed frame inside a compressed frame"};
    case Refusal::CutShort: return {"refused_cut_short", "a compressed frame ends inside one of its frames"};
    case Refusal::BadJson: return {"refused_bad_json", "a JSON frame holds no JSON object"};
  }
  return {"refused_unknown_frame", "unknown"};
}

const char* guess_of_protocol(std::string_view bytes) {
  if (bytes.substr(0, 1) == "\x16") return " (it looks like TLS: is ssl_enabled missing here?)";
  for (const std::string_view word : {"GET ", "POST", "PUT ", "HEAD"})
    if (bytes.substr(0, 4) == word) return " (it looks like HTTP)";
  return "";
}

}  // namespace logboom::beats
