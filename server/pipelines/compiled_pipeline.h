// A pipeline's configuration, read and compiled, before anything of it runs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/compile/plan.h"
#include "pipeline/config/diagnostic.h"
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

/// Its configuration as it was read.
struct ReadPipeline {
  WantedPipeline wanted;
  PipelineSettings run;
  std::optional<Graph> graph;  // nullopt: it cannot be read, `problem` says why
  std::string problem;
  Diagnostics diagnostics;  // of the text; they point into the graph's sources
  std::string config_hash;  // of the configuration's text, as Logstash's API shows one
  /// All that the pipeline would be made of: settings, texts, values of variables, files that options name. Two readings
  /// with the same fingerprint make the same pipeline. Holds secrets: never show it.
  std::string fingerprint;
};

struct CompiledPipeline {
  PipelineSettings run;
  std::shared_ptr<Plan> plan;  // nullptr: refused
  std::string diagnostics;     // rendered, for a person; of what is refused the reasons, else warnings and notices
  std::string config_hash;
  std::string fingerprint;
  std::shared_ptr<const ReadPipeline> source;  // what it was made of, for making it once more; nullptr with a donor
};

/// What the settings say about workers, batches and buffers.
PipelineSettings run_settings(const WantedPipeline& wanted);

ReadPipeline read_pipeline(const WantedPipeline& wanted, const VariableLookup& variables);

/// What the pipeline that is to be replaced lends the new plan.
struct PlanDonor {
  std::shared_ptr<const Plan> plan;
  std::size_t workers = 0;  // whose threads run
};

/// `metrics` is the pipeline's scope. Secrets are hidden in the diagnostics.
CompiledPipeline compile_pipeline(ReadPipeline read, DeadLetterAccess* dead_letters, PipelineBus* bus, MetricScope& metrics,
                                  const PlanDonor& donor = {});

/// What is wrong between a pipeline and the others.
struct LinkFinding {
  std::string diagnostics;  // rendered
  bool refuses = false;
};
/// Looks at the texts of all pipelines that are to run together: addresses of `pipeline` inputs that are taken, pipelines
/// that send to each other in a circle. By id; of those that cannot be read nothing.
std::map<std::string, LinkFinding> check_links(const std::vector<WantedPipeline>& wanted, const VariableLookup& variables);

/// True when the new settings are such that the pipeline has to be stopped for them: its queue is another one.
bool wants_restart(const Settings& now, const Settings& next);

}  // namespace logboom
