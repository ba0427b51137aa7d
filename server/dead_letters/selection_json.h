// What the control channel says of dead letters, as JSON: which are meant, and what became of a replay.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pipeline/base/result.h"
#include "pipeline/dead_letter/entry_selection.h"
#include "server/dead_letters/replay.h"

namespace logboom {

nlohmann::json to_json(const EntrySelection& selection);
nlohmann::json to_json(const Replay::Counts& counts);
/// Errors: InvalidArgument, with what is wrong.
Result<EntrySelection> selection_from_json(const nlohmann::json& json);

}  // namespace logboom
