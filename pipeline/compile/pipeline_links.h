// What pipelines of one process are to each other: who sends to whom, and whether that can work.
#pragma once

#include <string>
#include <vector>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"

namespace logboom {

struct LinkedPipeline {
  std::string id;
  const Graph* graph = nullptr;  // variables resolved
};

/// Looks at the `pipeline` inputs and outputs of all pipelines that are to run together. One Diagnostics for each of them,
/// in their order: an error refuses the pipeline. Errors: an address that an earlier pipeline has, and pipelines that send
/// to each other in a circle. Warnings: an address that nobody has.
std::vector<Diagnostics> check_pipeline_links(const std::vector<LinkedPipeline>& pipelines);

/// Every event that it gets comes from other pipelines.
bool is_fed_by_pipelines_alone(const Graph& graph);

}  // namespace logboom
