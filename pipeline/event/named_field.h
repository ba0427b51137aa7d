// Fields whose names come from data: the members of a JSON text, the keys of pairs.
#pragma once

#include "pipeline/event/event.h"

namespace logboom {

/// Sets a field named by data: a name with brackets is read as a field reference, any other is a top-level field. The key's
/// bytes must live as long as the event. False, with nothing changed, when the name is no reference or the event refuses
/// the value (see Event::set()).
bool set_named_field(Event& event, const Key& name, Value value);

}  // namespace logboom
