// A configuration text with test_source and test_output in it, compiled as the server does.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"
#include "tests/support/fake_output.h"
#include "tests/support/fake_source.h"

namespace logboom {

/// Fails the test when the text is refused. Outlives whatever runs its plan.
class CompiledPlan {
 public:
  explicit CompiledPlan(std::string_view text, std::size_t workers = 1, PluginContext::Surroundings surroundings = {}) {
    Graph graph;
    Diagnostics diagnostics;
    parse_logstash(std::make_shared<SourceText>("test.conf", std::string(text)), {}, graph, diagnostics);
    CompileSettings settings;
    settings.workers = workers;
    settings.surroundings = std::move(surroundings);
    settings.metrics = &metrics;
    if (!diagnostics.has_errors()) plan = compile_plan(std::move(graph), settings, diagnostics);
    INFO(diagnostics.render());
    REQUIRE(plan != nullptr);
  }

  FakeOutput& output(std::size_t number = 0) { return dynamic_cast<FakeOutput&>(*plan->outputs.at(number)); }
  FakeSource& source(std::size_t number = 0) { return dynamic_cast<FakeSource&>(*plan->inputs.at(number)); }
  /// A counter of output number `number`.
  std::uint64_t output_counter(std::string_view name, std::size_t number = 0) {
    return plan->output_sites.at(number).metrics->counter(name).value();
  }

  MetricScope metrics;
  std::shared_ptr<Plan> plan;
};

}  // namespace logboom
