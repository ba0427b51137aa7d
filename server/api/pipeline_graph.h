// A pipeline's plugins as a graph, as Logstash's ?graph=true and ?vertices=true describe it.
#pragma once

#include "server/api/pipeline_directory.h"
#include "server/api/problem.h"

namespace logboom {

/// {"graph":{"vertices":[…],"edges":[…]},"hash":…,"type":"lir","version":"0.0.0"}. The plan must be there.
OrderedJson pipeline_graph(const PipelineView& view);

}  // namespace logboom
