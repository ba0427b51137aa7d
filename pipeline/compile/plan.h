// Plan: a pipeline, compiled. Blocks of steps that refer to plugins by number; conditions are selections over a batch.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "pipeline/base/metrics.h"
#include "pipeline/compile/condition.h"
#include "pipeline/config/graph.h"
#include "pipeline/plugin/delivery_options.h"
#include "pipeline/plugin/filter.h"
#include "pipeline/plugin/input.h"
#include "pipeline/plugin/output.h"

namespace logboom {

struct IfStep;

/// filters[number] of the worker's own instances.
struct FilterStep {
  std::size_t filter = 0;
};
/// outputs[number] of the plan.
struct OutputStep {
  std::size_t output = 0;
};
/// The events go on, as copies unless this is their last use, through labels[number].
struct RelabelStep {
  std::size_t label = 0;
};
using Step = std::variant<FilterStep, OutputStep, RelabelStep, std::unique_ptr<IfStep>>;

struct Block {
  std::vector<Step> steps;
};

/// The first branch whose condition holds takes the event; without one, `otherwise`.
struct IfStep {
  struct PlannedBranch {
    Condition condition;
    Block body;
  };
  std::vector<PlannedBranch> branches;
  Block otherwise;
};

/// What is known of a plugin beside its instance.
struct PluginSite {
  std::string id;
  std::string name;
  std::string content;                  // plugin_content() of its node: a plugin of the same content is the same
  std::shared_ptr<SharedSlot> shared;   // what its instances share
  std::shared_ptr<const Graph> origin;  // where its node is
  MetricScope* metrics = nullptr;
  Counter* events_in = nullptr;
  Counter* events_out = nullptr;
  Counter* duration_nanoseconds = nullptr;
  DeliveryOptions delivery;  // of an output
};

struct PlannedLabel {
  std::string name;
  Block filters;
  Block outputs;
};

/// Immutable once compiled, but for the plugins' own state. Instances may be in the plans before and after it too. Keeps the
/// configuration text and everything that events point at.
struct Plan {
  Plan() : shared_graph(std::make_shared<Graph>()), graph(*shared_graph) {}
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const std::shared_ptr<Graph> shared_graph;  // plugins that a later plan takes over keep it
  Graph& graph;
  PluginContext::Surroundings surroundings;

  std::vector<PluginSite> input_sites;
  std::vector<std::shared_ptr<Input>> inputs;

  std::vector<PluginSite> filter_sites;
  std::vector<std::vector<std::shared_ptr<Filter>>> filters;  // [worker][number]
  bool has_state_across_filters = false;

  std::vector<PluginSite> output_sites;
  std::vector<std::shared_ptr<Output>> outputs;

  Block filter_block;
  Block output_block;
  std::vector<PlannedLabel> labels;
  Counter* condition_failures = nullptr;
};

}  // namespace logboom
