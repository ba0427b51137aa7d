// The label of an event's input, which travels in its metadata: through queues, and back from the dead-letter queue.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "pipeline/compile/plan.h"
#include "pipeline/event/batch.h"

namespace logboom {

/// Notes in [@metadata][label] where the events of a chunk go. An empty label takes off what senders wrote there.
void note_input_label(Chunk& chunk, std::string_view label);

/// The number of the label in the plan; nullopt when the event has none, or one that the plan does not know any more (the
/// event was queued under another configuration).
std::optional<std::size_t> label_of_input(const Event& event, const Plan& plan);

}  // namespace logboom
