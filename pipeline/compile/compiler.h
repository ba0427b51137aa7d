// Compiler: from a graph to a plan. Makes every plugin, so that all that is wrong is found before anything starts.
#pragma once

#include <memory>

#include "pipeline/compile/plan.h"

namespace logboom {

/// Makes what stands in for the inputs and outputs of a pipeline that is only tried out: nothing is connected or read.
class StandIns {
 public:
  virtual ~StandIns() = default;
  virtual std::unique_ptr<Input> make_input(const PluginNode& node, PluginContext& context) = 0;
  virtual std::unique_ptr<Output> make_output(const PluginNode& node, PluginContext& context) = 0;
};

struct CompileSettings {
  PluginContext::Surroundings surroundings;
  std::size_t workers = 1;
  MetricScope* metrics = nullptr;  // the pipeline's scope; must outlive the plan
  const Plan* donor = nullptr;     // the plan that is at work: see PluginDonor
  StandIns* stand_ins = nullptr;   // nullptr: inputs and outputs are the plugins themselves
};

/// Compiles a graph whose variables are resolved. All problems are reported at once; with an error among them the result is
/// nullptr, and the graph is gone: keep graph.sources, into which the diagnostics point. Opens no port and starts no thread;
/// plugins may read files (pattern files, dictionaries, databases).
std::shared_ptr<Plan> compile_plan(Graph graph, const CompileSettings& settings, Diagnostics& diagnostics);

}  // namespace logboom
