// Events as the store keeps them: MessagePack from which the very same event can be made again.
#pragma once

#include <string>

#include "pipeline/event/batch.h"
#include "pipeline/event/msgpack.h"

namespace logboom {

/// Appends an event: an array of its fields and, when it has any, its @metadata. Timestamps are the specification's
/// extension -1 with nanoseconds; a BigNumber is extension kMsgpackBigNumber with its digits.
void write_stored_event(const Event& event, std::string& out);
/// Sets a fresh event's fields and metadata from it. Texts stay where they are: the bytes must live as long as the event.
/// False when the bytes are no stored event. The reader needs stored_event_limits().
bool read_stored_event(MsgpackReader& reader, Event& event);

/// Limits for bytes of our own: none but those of memory and stack.
MsgpackLimits stored_event_limits();

}  // namespace logboom
