// What the process tells of itself in Logstash's words: /, /_node and its parts.
#pragma once

#include "server/api/api_context.h"
#include "server/api/problem.h"

namespace logboom {

/// host, version, http_address, id, name, …: what every Logstash answer begins with.
OrderedJson node_head(const ApiContext& context);

/// `settings` of one pipeline: workers, batch_size, batch_delay, hash and so on.
OrderedJson pipeline_info(const PipelineView& view);

/// Workers of a pipeline, also of one that does not run.
std::size_t workers_of(const PipelineView& view);

std::vector<Route> node_routes();

}  // namespace logboom
