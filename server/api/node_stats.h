// Numbers in Logstash's words: /_node/stats and its groups.
#pragma once

#include "server/api/api_context.h"
#include "server/api/problem.h"

namespace logboom {

/// One pipeline's numbers: events, flow, plugins, reloads, queue, dead_letter_queue and so on.
OrderedJson pipeline_stats(const ApiContext& context, const PipelineView& view, bool has_vertices);

std::vector<Route> stats_routes();

}  // namespace logboom
