// Plan: a pipeline, compiled. Blocks of steps that refer to plugins by number; conditions are selections over a batch.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

/// Calls `visit` with each step of a block in order, with those inside a choice and not with the choice.
template <class Visit>
void for_each_step(const Block& block, const Visit& visit) {
  for (const Step& step : block.steps) {
    if (const auto* choice = std::get_if<std::unique_ptr<IfStep>>(&step)) {
      for (const auto& branch : (*choice)->branches) for_each_step(branch.body, visit);
      for_each_step((*choice)->otherwise, visit);
    } else {
      visit(step);
    }
  }
}

/// What is known of a plugin beside its instance.
struct PluginSite {
  /// Its metrics are in `scope`.
  void count_in(MetricScope& scope) {
    metrics = &scope;
    events_in = &scope.counter("events.in");
    events_out = &scope.counter("events.out");
    duration_nanoseconds = &scope.counter("events.duration_nanoseconds");
  }

  std::string id;
  std::string name;
  std::string content;                  // plugin_content() of its node: a plugin of the same content is the same
  std::shared_ptr<SharedSlot> shared;   // what its instances share
  std::shared_ptr<const Graph> origin;  // where its node is
  MetricScope* metrics = nullptr;
  Counter* events_in = nullptr;
  Counter* events_out = nullptr;
  Counter* duration_nanoseconds = nullptr;
  DeliveryOptions delivery;      // of an output
  bool is_behind_error = false;  // outputs: see PlannedLabel
};

struct PlannedLabel {
  std::string name;
  Block filters;
  Block outputs;
  /// It is @ERROR, or events come to it from there: what fails in it goes to the dead-letter queue, never back.
  bool is_behind_error = false;
};

constexpr std::string_view kErrorLabel = "@ERROR";
/// The number of the worker of @ERROR.
constexpr std::size_t kErrorWorker = std::numeric_limits<std::size_t>::max();

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
  std::vector<std::optional<std::size_t>> input_labels;  // by input: labels[number] that its events go to
  bool has_input_labels = false;

  std::vector<PluginSite> filter_sites;
  std::vector<std::vector<std::shared_ptr<Filter>>> filters;  // [worker][number]
  std::vector<std::shared_ptr<Filter>> error_filters;         // [number], of the worker of @ERROR; empty without that label
  bool has_state_across_filters = false;

  std::vector<PluginSite> output_sites;
  std::vector<std::shared_ptr<Output>> outputs;

  Block filter_block;
  Block output_block;
  std::vector<PlannedLabel> labels;
  std::optional<std::size_t> error_label;  // labels[number]
  Counter* condition_failures = nullptr;
};

}  // namespace logboom
