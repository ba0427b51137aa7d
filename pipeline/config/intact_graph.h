// What can still be checked of a configuration in which something is wrong.
#pragma once

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"

namespace logboom {

/// Takes every plugin that `diagnostics` has an error in out of `graph`, and puts a stand-in where a condition could not be
/// read. What is left can be compiled for further errors, none of which follows from those that are known; it must not run.
void leave_out_errors(Graph& graph, const Diagnostics& diagnostics);

}  // namespace logboom
