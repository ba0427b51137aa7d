// An EntrySelection as JSON, for the control channel.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pipeline/base/result.h"
#include "pipeline/dead_letter/entry_selection.h"

namespace logboom {

nlohmann::json to_json(const EntrySelection& selection);
/// Errors: InvalidArgument, with what is wrong.
Result<EntrySelection> selection_from_json(const nlohmann::json& json);

}  // namespace logboom
