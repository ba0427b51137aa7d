// Where a pipeline's dead-letter queue is, and how it is kept: from settings.
#pragma once

#include <string>

#include "pipeline/dead_letter/dead_letter_queue.h"
#include "server/settings.h"

namespace logboom {

/// path.dead_letter_queue, or path.data/dead_letter_queue.
std::string dead_letter_root(const Settings& settings);

/// Below the root, named as queue_directory() names it.
std::string dead_letter_directory(const Settings& settings, const std::string& pipeline_id);

/// What entries are read with: queue.encryption. None when that cannot be read; whoever opens something to write says so.
StoreKeys dead_letter_keys(const Settings& settings);

/// Entries are encrypted when the queue is (queue.encryption). Errors: InvalidArgument - a key that is none.
Result<DeadLetterOptions> dead_letter_options(const Settings& settings, const std::string& pipeline_id);

}  // namespace logboom
