#include "server/api/pipeline_graph.h"

#include <fmt/format.h>

#include <optional>

namespace logboom {
namespace {

/// Walks a plan's blocks in the order of the data.
class GraphWriter {
 public:
  explicit GraphWriter(const PipelineView& view) : view_(view), plan_(*view.plan) {}

  OrderedJson write() {
    vertices_.push_back({{"id", "__QUEUE__"}, {"explicit_id", false}, {"type", "queue"}, {"meta", nullptr}});
    for (std::size_t i = 0; i < plan_.input_sites.size(); ++i) {
      add_plugin(plan_.input_sites[i], "input");
      add_edge(plan_.input_sites[i].id, "__QUEUE__");
    }
    std::vector<Tail> tails = add_block(plan_.filter_block, {{"__QUEUE__", {}}});
    add_block(plan_.output_block, tails);
    for (const PlannedLabel& label : plan_.labels) {
      const std::string id = "label:" + label.name;
      vertices_.push_back({{"id", id}, {"explicit_id", true}, {"type", "label"}, {"meta", nullptr}});
      add_block(label.outputs, add_block(label.filters, {{id, {}}}));
    }
    return {{"graph", {{"vertices", vertices_}, {"edges", edges_}}},
            {"hash", view_.hash},
            {"type", "lir"},
            {"version", "0.0.0"}};
  }

 private:
  struct Tail {
    std::string id;
    std::optional<bool> when;  // leaves an if
  };

  void add_plugin(const PluginSite& site, const char* kind) {
    vertices_.push_back({{"config_name", site.name},
                         {"plugin_type", kind},
                         {"id", site.id},
                         {"type", "plugin"},
                         {"explicit_id", site.id.rfind(fmt::format("{}_{}_", kind, site.name), 0) != 0},
                         {"meta", nullptr}});
  }
  void add_edge(const std::string& from, const std::string& to, std::optional<bool> when = {}) {
    OrderedJson edge = {
        {"id", fmt::format("{}->{}", from, to)}, {"from", from}, {"to", to}, {"type", when ? "boolean" : "plain"}};
    if (when) edge["when"] = *when;
    edges_.push_back(std::move(edge));
  }
  void add_edges(const std::vector<Tail>& tails, const std::string& to) {
    for (const Tail& tail : tails) add_edge(tail.id, to, tail.when);
  }

  /// Returns what leads out of the block.
  std::vector<Tail> add_block(const Block& block, std::vector<Tail> tails) {
    for (const Step& step : block.steps) {
      if (const auto* filter = std::get_if<FilterStep>(&step)) {
        const PluginSite& site = plan_.filter_sites[filter->filter];
        add_plugin(site, "filter");
        add_edges(tails, site.id);
        tails = {{site.id, {}}};
      } else if (const auto* output = std::get_if<OutputStep>(&step)) {
        const PluginSite& site = plan_.output_sites[output->output];
        add_plugin(site, "output");
        add_edges(tails, site.id);  // the next output gets the same events
      } else if (const auto* choice = std::get_if<std::unique_ptr<IfStep>>(&step)) {
        tails = add_choice(**choice, tails);
      } else if (const auto* relabel = std::get_if<RelabelStep>(&step)) {
        add_edges(tails, "label:" + plan_.labels[relabel->label].name);
      }
    }
    return tails;
  }

  std::vector<Tail> add_choice(const IfStep& choice, std::vector<Tail> tails) {
    std::vector<Tail> leaving;
    for (const auto& branch : choice.branches) {
      const std::string id = fmt::format("if_{}", ++conditions_);
      vertices_.push_back({{"id", id}, {"explicit_id", false}, {"type", "if"}, {"meta", nullptr}});
      add_edges(tails, id);
      for (Tail& tail : add_block(branch.body, {{id, true}})) leaving.push_back(std::move(tail));
      tails = {{id, false}};
    }
    for (Tail& tail : add_block(choice.otherwise, tails)) leaving.push_back(std::move(tail));
    return leaving;
  }

  const PipelineView& view_;
  const Plan& plan_;
  OrderedJson vertices_ = OrderedJson::array();
  OrderedJson edges_ = OrderedJson::array();
  int conditions_ = 0;
};

}  // namespace

OrderedJson pipeline_graph(const PipelineView& view) { return GraphWriter(view).write(); }

}  // namespace logboom
