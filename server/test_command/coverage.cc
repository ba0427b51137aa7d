#include "server/test_command/coverage.h"

#include <fmt/format.h>

#include "pipeline/config/plugin_walk.h"
#include "pipeline/event/field_ref.h"
#include "pipeline/plugin/options.h"

namespace logboom {
namespace {

/// Counts who comes by.
class CountingFilter final : public Filter {
 public:
  explicit CountingFilter(std::uint64_t& count) : count_(count) {}
  void apply(FilterBatch& work) override { count_ += work.events.size(); }

 private:
  std::uint64_t& count_;
};

class CountingOutput final : public Output {
 public:
  explicit CountingOutput(std::uint64_t& count) : count_(count) {}
  void deliver(DeliveryPtr delivery) override {
    count_ += delivery->events().size();
    delivery->report_all(Outcome::delivered());
  }

 private:
  std::uint64_t& count_;
};

PluginSite hidden_site(MetricScope& metrics) {
  PluginSite site;
  site.id = site.name = "coverage";
  site.count_in(metrics.child("coverage"));
  return site;
}

/// A piece of the configuration on one line.
std::string written_at(const SourceSpan& span) {
  std::string out;
  for (const char c : span.source->text().substr(span.offset, span.length)) {
    const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

std::string name_of(const SourceSpan& span) {
  return fmt::format("{}:{}", span.source->name(), span.source->locate(span.offset).line);
}

}  // namespace

std::vector<Coverage::Place> Coverage::places_of(const Places& places) {
  std::vector<Place> all;
  for (const auto& [spot, place] : places) all.push_back(place);
  return all;
}

void Coverage::watch(Plan& plan) {
  // Instances that are added stand behind those that the plan's steps name: their numbers stay.
  watch_block(plan, plan.graph.filters, plan.filter_block, false);
  watch_block(plan, plan.graph.outputs, plan.output_block, true);
  for (std::size_t i = 0; i < plan.labels.size(); ++i) {
    watch_block(plan, plan.graph.labels[i].filters, plan.labels[i].filters, false);
    watch_block(plan, plan.graph.labels[i].outputs, plan.labels[i].outputs, true);
  }
}

/// A block has one step for each statement.
void Coverage::watch_block(Plan& plan, const std::vector<Statement>& statements, Block& block, bool has_outputs) {
  for (std::size_t i = 0; i < statements.size() && i < block.steps.size(); ++i) {
    const auto* choice = std::get_if<IfNode>(&statements[i].node);
    if (choice == nullptr) continue;
    IfStep& step = *std::get<std::unique_ptr<IfStep>>(block.steps[i]);
    for (std::size_t b = 0; b < choice->branches.size(); ++b) {
      const SourceSpan& span = choice->branches[b].condition.span;
      watch_block(plan, choice->branches[b].body, step.branches[b].body, has_outputs);
      Place& place = branches_[{{span.source->name(), span.offset}, 0}];
      place.name = name_of(span);
      place.written = (b == 0 ? "if " : "else if ") + written_at(span);
      watch_branch(plan, step.branches[b].body, place, has_outputs);
    }
    watch_block(plan, choice->otherwise, step.otherwise, has_outputs);
    const SourceSpan& last = choice->branches.back().condition.span;
    Place& place = branches_[{{last.source->name(), last.offset}, 1}];
    place.name = name_of(last);
    place.written = choice->otherwise.empty() ? "none of its conditions holds" : "else";
    watch_branch(plan, step.otherwise, place, has_outputs);
  }
}

void Coverage::watch_branch(Plan& plan, Block& block, Place& place, bool has_outputs) {
  if (has_outputs) {
    block.steps.insert(block.steps.begin(), OutputStep{plan.outputs.size()});
    plan.outputs.push_back(std::make_unique<CountingOutput>(place.events));
    plan.output_sites.push_back(hidden_site(metrics_));
    return;
  }
  block.steps.insert(block.steps.begin(), FilterStep{plan.filter_sites.size()});
  for (auto& filters : plan.filters) filters.push_back(std::make_unique<CountingFilter>(place.events));
  if (plan.error_label) plan.error_filters.push_back(std::make_unique<CountingFilter>(place.events));
  plan.filter_sites.push_back(hidden_site(metrics_));
}

void Coverage::collect(const Plan& plan) {
  std::vector<const PluginNode*> nodes;  // in the order of the plan's filters
  const auto add = [&](const PluginNode& node) { nodes.push_back(&node); };
  for_each_plugin(plan.graph.filters, add);
  for (const LabelNode& label : plan.graph.labels) for_each_plugin(label.filters, add);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i]->name == "grok") collect_patterns(*nodes[i], *plan.filter_sites[i].metrics);
}

void Coverage::collect_patterns(const PluginNode& node, MetricScope& metrics) {
  const Attribute* match = node.find("match");
  Diagnostics unused;
  ConfigHash fields;
  if (match == nullptr || !OptionReader("match", unused).read(match->value, fields)) return;
  for (const auto& [name, value] : fields) {
    const auto field = FieldRef::parse(name.text);
    if (!field) continue;
    MetricScope& counters = metrics.child("patterns").child(field->text());
    const bool is_list = value.kind == ConfigValue::Kind::Array;
    for (std::size_t i = 0; i < (is_list ? value.items.size() : 1); ++i) {
      const ConfigValue& pattern = is_list ? value.items[i] : value;
      Place& place = patterns_[{{pattern.span.source->name(), pattern.span.offset}, 0}];
      place.name = name_of(pattern.span);
      place.written = pattern.text;
      place.events += counters.child(std::to_string(i)).counter("matched").value();
    }
  }
}

}  // namespace logboom
