// Undecoded events: what a codec makes of bytes that it cannot decode, when those are to go to the dead-letter queue.
#pragma once

#include <optional>
#include <string_view>

#include "pipeline/event/event.h"

namespace logboom {

struct Undecoded {
  std::string_view codec;  // its name
  std::string_view id;
  std::string_view reason;
};

/// Marks an event in its @metadata, so that the mark goes through queues. When `raw` is not the event's text (it was not
/// valid UTF-8) its bytes are kept as base64 in [@metadata][raw_base64].
void mark_undecoded(Event& event, const Undecoded& why, std::string_view raw, std::string_view text);

/// Takes the mark off; nullopt when there is none. The texts live as long as the event.
std::optional<Undecoded> take_undecoded(Event& event);

}  // namespace logboom
