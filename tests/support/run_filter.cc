#include "tests/support/run_filter.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/config/variables.h"
#include "pipeline/event/json.h"
#include "pipeline/run/plan_runner.h"

namespace logboom {
namespace {

/// Everything between a configuration text and a plan.
struct Compiled {
  MetricScope metrics;
  Diagnostics diagnostics;
  std::shared_ptr<const SourceText> source;
  std::shared_ptr<Plan> plan;

  Compiled(std::string_view text, EcsMode ecs) : source(std::make_shared<SourceText>("test.conf", std::string(text))) {
    Graph graph;
    parse_logstash(source, {}, graph, diagnostics);
    if (!diagnostics.has_errors()) resolve_variables(graph, environment_variables(), diagnostics);
    if (diagnostics.has_errors()) return;
    CompileSettings settings;
    settings.metrics = &metrics;
    settings.surroundings.ecs = ecs;
    plan = compile_plan(std::move(graph), settings, diagnostics);
  }
};

/// Keeps what reaches it as JSON.
class Collector final : public Output {
 public:
  void deliver(DeliveryPtr delivery) override {
    for (const Event* event : delivery->events()) {
      write_json(event->fields(), lines);
      lines += '\n';
    }
    delivery->report_all(Outcome::delivered());
  }
  std::string lines;
};

}  // namespace

std::string check_config(std::string_view text, RunFilterOptions options) {
  return Compiled(text, options.ecs).diagnostics.render();
}

std::string run_filter(std::string_view text, std::string_view json_events, RunFilterOptions options) {
  Compiled compiled(fmt::format("filter {{\n{}\n}}\n", text), options.ecs);
  INFO(compiled.diagnostics.render());
  REQUIRE(compiled.plan != nullptr);

  const auto chunk = std::make_shared<Chunk>(Buffer::copy_of(json_events), Timestamp::now(system_clock()));
  JsonReader reader;
  std::string_view rest = chunk->received().view();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    auto value = reader.parse(line, chunk->arena());
    REQUIRE(value.has_value());
    chunk->new_event().adopt_fields(&value->as_object(), chunk->now());
  }
  chunk->token().arm(chunk->events().size());

  Collector collector;
  compiled.plan->output_block.steps.emplace_back(OutputStep{0});
  PluginSite site;
  site.id = "collector";
  site.count_in(compiled.metrics.child("collector"));
  compiled.plan->output_sites.push_back(site);
  ThreadedRetryTimer timer;
  auto buffer = std::make_shared<OutputBuffer>(collector, site, OutputBufferLimits{}, timer);
  PlanRunner runner(compiled.plan, 0, {buffer}, options.is_ordered, compiled.metrics);
  auto batch = std::make_shared<Batch>();
  for (Event* event : chunk->events()) batch->take(chunk, event);
  const Timestamp now = chunk->now();
  runner.run(batch, FlushKind::Final);
  CHECK(chunk->token().remaining() == 0);  // every event was delivered or dropped, exactly once

  // What the codec added is noise to a test.
  std::string now_text(kMaxIso8601Bytes, '\0');
  now_text.resize(static_cast<std::size_t>(format_iso8601(now, now_text.data()) - now_text.data()));
  std::string out = collector.lines;
  for (const std::string& noise : {fmt::format("\"@timestamp\":\"{}\"", now_text), std::string("\"@version\":\"1\"")}) {
    for (const std::string& form : {"," + noise, noise + ",", noise})
      for (std::size_t at = out.find(form); at != std::string::npos; at = out.find(form)) out.erase(at, form.size());
  }
  if (!out.empty()) out.pop_back();
  return out;
}

}  // namespace logboom
