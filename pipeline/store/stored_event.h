// Events as the store keeps them: MessagePack from which the very same event can be made again.
#pragma once

#include <span>
#include <string>

#include "pipeline/event/batch.h"
#include "pipeline/event/msgpack.h"

namespace logboom {

/// Appends an event: an array of its fields, its @metadata when it has any, and the name when there is one. Timestamps are
/// the specification's extension -1 with nanoseconds; a BigNumber is extension kMsgpackBigNumber with its digits.
void write_stored_event(const Event& event, std::string& out, const EventName& name = {});
/// The same for as many events as `most_bytes` hold, but at least the first; returns how many. `are_named`: each with its
/// event_name().
std::size_t write_stored_events(std::span<Event* const> events, bool are_named, std::size_t most_bytes, std::string& out);
/// Sets a fresh event's fields and metadata from it, and the name when it is asked for. Texts stay where they are: the bytes
/// must live as long as the event. False when the bytes are no stored event. The reader needs stored_event_limits().
bool read_stored_event(MsgpackReader& reader, Event& event, EventName* name = nullptr);

/// Limits for bytes of our own: none but those of memory and stack.
MsgpackLimits stored_event_limits();

}  // namespace logboom
