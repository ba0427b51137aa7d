#include "pipeline/compile/compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>

#include "pipeline/compile/plugin_donor.h"
#include "pipeline/config/plugin_walk.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

/// Walks one graph and fills one plan.
class PlanBuilder {
 public:
  PlanBuilder(Plan& plan, const CompileSettings& settings, Diagnostics& diagnostics)
      : plan_(plan),
        settings_(settings),
        surroundings_(surroundings_of(plan.graph, settings.surroundings)),
        diagnostics_(diagnostics),
        donor_(settings.donor, surroundings_),
        is_incomplete_(diagnostics.has_errors()) {
    plan_.surroundings = surroundings_;
    plan_.filters.resize(settings.workers);
    plan_.condition_failures = &settings.metrics->counter("condition_failures");
  }

  void build() {
    for (const LabelNode& label : plan_.graph.labels) {
      if (find_label(label.name) && !is_incomplete_)
        diagnostics_.error(label.name_span, fmt::format("the label \"{}\" is defined twice", label.name));
      plan_.labels.push_back({label.name, {}, {}});
    }
    plan_.error_label = find_label(kErrorLabel);
    for (const PluginNode& node : plan_.graph.inputs) note_node(node);
    note_nodes(plan_.graph.filters);
    note_nodes(plan_.graph.outputs);
    for (const LabelNode& label : plan_.graph.labels) {
      note_nodes(label.filters);
      note_nodes(label.outputs);
    }
    for (const PluginNode& node : plan_.graph.inputs) add_input(node);
    plan_.filter_block = build_block(plan_.graph.filters);
    plan_.output_block = build_block(plan_.graph.outputs);
    for (std::size_t i = 0; i < plan_.graph.labels.size(); ++i) {
      plan_.labels[i].filters = build_block(plan_.graph.labels[i].filters);
      plan_.labels[i].outputs = build_block(plan_.graph.labels[i].outputs);
    }
  }

 private:
  /// The compiler's own part of them: whether there is a label @ERROR.
  static PluginContext::Surroundings surroundings_of(const Graph& graph, PluginContext::Surroundings surroundings) {
    surroundings.has_error_label = std::any_of(graph.labels.begin(), graph.labels.end(),
                                               [](const LabelNode& label) { return label.name == kErrorLabel; });
    return surroundings;
  }

  std::optional<std::size_t> find_label(std::string_view name) const {
    for (std::size_t i = 0; i < plan_.labels.size(); ++i)
      if (plan_.labels[i].name == name) return i;
    return std::nullopt;
  }

  /// The label that an option names; one that is not there is reported.
  std::optional<std::size_t> label_of(const Attribute& option) {
    const std::string& name = option.value.text;
    const auto found = find_label(name);
    if (found || is_incomplete_) return found;
    std::vector<std::string_view> names;
    for (const PlannedLabel& label : plan_.labels) names.push_back(label.name);
    const std::string_view near = nearest_name(name, names);
    diagnostics_.error(option.value.span, fmt::format("there is no label \"{}\"", name),
                       near.empty() ? fmt::format("define it: label \"{}\" {{ output {{ … }} }}", name)
                                    : fmt::format("did you mean \"{}\"?", near));
    return std::nullopt;
  }

  void note_node(const PluginNode& node) {
    donor_.note(node);
    if (const Attribute* given = node.find("id")) given_ids_.insert(given->value.text);
  }
  void note_nodes(const std::vector<Statement>& statements) {
    for_each_plugin(statements, [this](const PluginNode& node) { note_node(node); });
  }

  /// The id option, or kind, name and number; a number whose id somebody gave to another plugin, or that goes on with a
  /// plugin of the plan before this one, is passed over.
  std::string id_of(const PluginNode& node) {
    std::string id;
    const PluginSite* kept = donor_.site_of(node);
    if (kept != nullptr) {
      id = kept->id;
    } else {
      int& number = counts_[{node.kind, node.name}];
      do {
        id = fmt::format("{}_{}_{}", plugin_kind_name(node.kind), node.name, ++number);
      } while (given_ids_.count(id) > 0 || donor_.keeps_id(id));
    }
    if (const Attribute* given = node.find("id")) {
      id = given->value.text;
      if (!ids_.insert(id).second)
        diagnostics_.error(given->value.span, fmt::format("the id \"{}\" is used twice in this pipeline", id),
                           "an id names one plugin: give each its own");
    }
    return id;
  }

  PluginSite site_of(const PluginNode& node, std::string_view scope) {
    PluginSite site;
    site.id = id_of(node);
    site.name = node.name;
    site.content = donor_.content_of(node);
    const PluginSite* kept = donor_.site_of(node);
    site.shared = kept != nullptr ? kept->shared : std::make_shared<SharedSlot>();
    site.origin = kept != nullptr ? kept->origin : plan_.shared_graph;
    site.count_in(settings_.metrics->child("plugins").child(scope).child(site.id));
    return site;
  }

  template <class Interface>
  const PluginDescriptor<Interface>* descriptor_of(const PluginNode& node) {
    if (const auto* found = Registry<Interface>::instance().find(node.name)) return found;
    std::vector<std::string_view> names;
    for (const auto& known : Registry<Interface>::instance().all()) names.push_back(known.name);
    const std::string_view near = nearest_name(node.name, names);
    diagnostics_.error(node.name_span, fmt::format("there is no {} \"{}\"", plugin_kind_name(node.kind), node.name),
                       near.empty() ? fmt::format("({}s: {})", plugin_kind_name(node.kind), fmt::join(names, ", "))
                                    : fmt::format("did you mean \"{}\"?", near));
    return nullptr;
  }

  template <class Interface>
  std::shared_ptr<Interface> make(const PluginDescriptor<Interface>& descriptor, const PluginNode& node,
                                  const PluginSite& site, Diagnostics& diagnostics) {
    PluginContext context(node, site.id, surroundings_, *site.metrics, *site.shared, diagnostics);
    if (settings_.stand_ins != nullptr) {
      if constexpr (std::is_same_v<Interface, Input>) return settings_.stand_ins->make_input(node, context);
      if constexpr (std::is_same_v<Interface, Output>) return settings_.stand_ins->make_output(node, context);
    }
    return descriptor.make.make(node, context, diagnostics);
  }

  void add_input(const PluginNode& node) {
    const auto* descriptor = descriptor_of<Input>(node);
    if (descriptor == nullptr) return;
    PluginSite site = site_of(node, "inputs");
    auto made = donor_.input(node);
    if (!made) made = make(*descriptor, node, site, diagnostics_);
    const Attribute* name = node.find("label");
    const auto label = name != nullptr ? label_of(*name) : std::nullopt;
    if (!made) return;
    plan_.input_sites.push_back(std::move(site));
    plan_.inputs.push_back(std::move(made));
    plan_.input_labels.push_back(label);
    plan_.has_input_labels |= label.has_value();
  }

  void add_filter(const PluginNode& node, Block& block) {
    const auto* descriptor = descriptor_of<Filter>(node);
    if (descriptor == nullptr) return;
    PluginSite site = site_of(node, "filters");
    Diagnostics repeated;  // what the other workers' instances say was said by the first
    for (std::size_t worker = 0; worker < settings_.workers; ++worker) {
      auto made = donor_.filter(node, worker);
      if (!made) made = make(*descriptor, node, site, worker == 0 ? diagnostics_ : repeated);
      if (!made) return;
      plan_.filters[worker].push_back(std::move(made));
    }
    if (plan_.error_label) plan_.error_filters.push_back(make(*descriptor, node, site, repeated));
    plan_.has_state_across_filters |= descriptor->shares_state_across_filters;
    block.steps.emplace_back(FilterStep{plan_.filter_sites.size()});
    plan_.filter_sites.push_back(std::move(site));
  }

  void add_output(const PluginNode& node, Block& block) {
    if (node.name == "relabel") {
      add_relabel(node, block);
      return;
    }
    const auto* descriptor = descriptor_of<Output>(node);
    if (descriptor == nullptr) return;
    PluginSite site = site_of(node, "outputs");
    site.delivery = DeliveryOptions::read(node, diagnostics_);
    auto made = donor_.output(node);
    if (!made) made = make(*descriptor, node, site, diagnostics_);
    if (!made) return;
    block.steps.emplace_back(OutputStep{plan_.outputs.size()});
    plan_.output_sites.push_back(std::move(site));
    plan_.outputs.push_back(std::move(made));
  }

  void add_relabel(const PluginNode& node, Block& block) {
    static const std::vector<OptionDeclaration> own = {
        {"label", "string", "", "The label that the events go to.", {}, true, false, "", ""}};
    for (const Attribute& attribute : node.attributes)
      if (attribute.name != "label" && !is_common_option(node.kind, attribute.name))
        report_unknown_option(node, attribute, own, diagnostics_);
    DeliveryOptions::refuse(node, diagnostics_);
    const Attribute* name = node.find("label");
    if (name == nullptr) {
      diagnostics_.error(node.name_span, "output \"relabel\" needs the option \"label\"", "label => \"@NAME\"");
      return;
    }
    if (const auto label = label_of(*name)) block.steps.emplace_back(RelabelStep{*label});
  }

  Block build_block(const std::vector<Statement>& statements) {
    Block block;
    for (const Statement& statement : statements) {
      if (const auto* node = std::get_if<PluginNode>(&statement.node)) {
        if (node->kind == PluginKind::Output) {
          add_output(*node, block);
        } else {
          add_filter(*node, block);
        }
        continue;
      }
      const auto& given = std::get<IfNode>(statement.node);
      auto step = std::make_unique<IfStep>();
      for (const Branch& branch : given.branches) {
        Condition condition = Condition::compile(branch.condition, diagnostics_);
        step->branches.push_back({std::move(condition), build_block(branch.body)});
      }
      step->otherwise = build_block(given.otherwise);
      block.steps.emplace_back(std::move(step));
    }
    return block;
  }

  Plan& plan_;
  const CompileSettings& settings_;
  PluginContext::Surroundings surroundings_;
  Diagnostics& diagnostics_;
  PluginDonor donor_;
  const bool is_incomplete_;  // an earlier error may be the reason why something is not there
  std::map<std::pair<PluginKind, std::string>, int> counts_;
  std::set<std::string> ids_;
  std::set<std::string> given_ids_;
};

/// Marks the label @ERROR, those that it leads to, and their outputs.
class ErrorReach {
 public:
  explicit ErrorReach(Plan& plan) : plan_(plan) {}
  void mark() {
    if (plan_.error_label) mark_label(*plan_.error_label);
  }

 private:
  void mark_label(std::size_t number) {
    PlannedLabel& label = plan_.labels[number];
    if (label.is_behind_error) return;
    label.is_behind_error = true;
    for_each_step(label.outputs, [this](const Step& step) {
      if (const auto* output = std::get_if<OutputStep>(&step)) plan_.output_sites[output->output].is_behind_error = true;
      if (const auto* relabel = std::get_if<RelabelStep>(&step)) mark_label(relabel->label);
    });
  }
  Plan& plan_;
};

/// A label whose outputs lead back to itself would turn for ever. (What fails behind @ERROR goes to the dead-letter queue,
/// so that closes no circle.)
class CycleSearch {
 public:
  CycleSearch(const Plan& plan, Diagnostics& diagnostics)
      : plan_(plan), diagnostics_(diagnostics), states_(plan.labels.size()) {}
  void run() {
    for (std::size_t i = 0; i < plan_.labels.size(); ++i) visit_label(i);
  }

 private:
  enum class State { New, Open, Done };
  void visit_label(std::size_t label) {
    if (states_[label] == State::Done) return;
    if (states_[label] == State::Open) {
      diagnostics_.error(plan_.graph.labels[label].name_span,
                         fmt::format("the label \"{}\" leads back to itself", plan_.labels[label].name),
                         "follow its relabel outputs: one of them closes a circle");
      return;
    }
    states_[label] = State::Open;
    for_each_step(plan_.labels[label].outputs, [this](const Step& step) {
      if (const auto* relabel = std::get_if<RelabelStep>(&step)) visit_label(relabel->label);
    });
    states_[label] = State::Done;
  }
  const Plan& plan_;
  Diagnostics& diagnostics_;
  std::vector<State> states_;
};

}  // namespace

std::shared_ptr<Plan> compile_plan(Graph graph, const CompileSettings& settings, Diagnostics& diagnostics) {
  auto plan = std::make_shared<Plan>();
  plan->graph = std::move(graph);
  PlanBuilder(*plan, settings, diagnostics).build();
  CycleSearch(*plan, diagnostics).run();
  ErrorReach(*plan).mark();
  if (diagnostics.has_errors()) return nullptr;
  return plan;
}

}  // namespace logboom
