// A pipeline's configuration, read and compiled, before anything of it runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/compile/plan.h"
#include "pipeline/config/variables.h"
#include "pipeline/dead_letter/dead_letter_access.h"
#include "pipeline/plugin/pipeline_bus.h"
#include "pipeline/run/pipeline.h"
#include "server/settings.h"

namespace logboom {

/// A pipeline of the process: its id, and the process's settings with its own on top.
struct WantedPipeline {
  std::string id;
  Settings settings;
};

struct CompiledPipeline {
  PipelineSettings run;
  std::shared_ptr<Plan> plan;  // nullptr: refused
  std::string diagnostics;     // rendered, for a person; of what is refused the reasons, else warnings and notices
  std::string config_hash;     // of the configuration's text, as Logstash's API shows one; empty when it cannot be read
};

/// What the settings say about workers, batches and buffers.
PipelineSettings run_settings(const WantedPipeline& wanted);

/// Reads and compiles. `metrics` is the pipeline's scope. Secrets are hidden in the diagnostics.
CompiledPipeline compile_pipeline(const WantedPipeline& wanted, const VariableLookup& variables,
                                  DeadLetterAccess* dead_letters, PipelineBus* bus, MetricScope& metrics);
/// Refuses what cannot work with the others: addresses of `pipeline` inputs that are taken, pipelines that send to each
/// other in a circle. `compiled` goes with `wanted`; what was refused before is passed over. Diagnostics are added; gives
/// them alone, for printing.
std::string check_links(const std::vector<WantedPipeline>& wanted, std::vector<CompiledPipeline>& compiled);

}  // namespace logboom
