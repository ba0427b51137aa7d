// Our own endpoints, under /v1.
#pragma once

#include <vector>

#include "pipeline/base/result.h"
#include "server/api/pipeline_directory.h"
#include "server/api/route.h"

namespace logboom {

/// A body that is a configuration's text, or {"config":…,"settings":{…}} when its type is application/json.
/// Errors: InvalidArgument.
Result<void> read_proposal(const ApiCall& call, ProposedPipeline& out);

/// List and show pipelines, reload.
std::vector<Route> pipeline_routes();
/// Pause, resume, drain.
std::vector<Route> pause_routes();
/// Live events.
std::vector<Route> tap_routes();
/// Queues and dead letters: show, replay, purge.
std::vector<Route> dead_letter_routes();
/// grok/debug and config/validate.
std::vector<Route> workbench_routes();
/// Put and delete pipelines whose text the server keeps.
std::vector<Route> stored_pipeline_routes();

}  // namespace logboom
