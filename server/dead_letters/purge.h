// Taking entries out of a dead-letter queue for good.
#pragma once

#include <cstdint>

#include "pipeline/base/result.h"
#include "pipeline/dead_letter/dead_letter_queue.h"
#include "pipeline/dead_letter/entry_selection.h"

namespace logboom {

/// Removes the chosen entries; those that are being replayed stay. Returns how many went. Errors: Io.
Result<std::uint64_t> purge_entries(DeadLetterQueue& queue, const EntrySelection& selection);

}  // namespace logboom
