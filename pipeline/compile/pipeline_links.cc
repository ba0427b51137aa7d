#include "pipeline/compile/pipeline_links.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "pipeline/config/plugin_walk.h"

namespace logboom {
namespace {

constexpr std::string_view kPlugin = "pipeline";  // of inputs and outputs alike

/// A name in send_to.
struct Sending {
  std::string address;
  SourceSpan span;
};

std::vector<Sending> sendings_of(const Graph& graph) {
  std::vector<Sending> found;
  const auto collect = [&](const PluginNode& node) {
    const Attribute* send_to = node.name == kPlugin ? node.find("send_to") : nullptr;
    if (send_to == nullptr) return;
    if (send_to->value.kind != ConfigValue::Kind::Array) {
      found.push_back({send_to->value.text, send_to->value.span});
      return;
    }
    for (const ConfigValue& name : send_to->value.items) found.push_back({name.text, name.span});
  };
  for_each_plugin(graph.outputs, collect);
  for (const LabelNode& label : graph.labels) for_each_plugin(label.outputs, collect);
  return found;
}

class LinkCheck {
 public:
  explicit LinkCheck(const std::vector<LinkedPipeline>& pipelines)
      : pipelines_(pipelines), problems_(pipelines.size()), sendings_(pipelines.size()) {}

  std::vector<Diagnostics> run() {
    for (std::size_t i = 0; i < pipelines_.size(); ++i) {
      note_addresses(i);
      sendings_[i] = sendings_of(*pipelines_[i].graph);
    }
    for (std::size_t i = 0; i < pipelines_.size(); ++i)
      for (const Sending& sending : sendings_[i]) check(i, sending);
    return std::move(problems_);
  }

 private:
  void note_addresses(std::size_t pipeline) {
    for (const PluginNode& node : pipelines_[pipeline].graph->inputs) {
      const Attribute* address = node.name == kPlugin ? node.find("address") : nullptr;
      if (address == nullptr) continue;
      const auto [known, is_new] = owners_.emplace(address->value.text, pipeline);
      if (!is_new)
        problems_[pipeline].error(
            address->value.span,
            fmt::format("pipeline \"{}\" has the address \"{}\" already", pipelines_[known->second].id, address->value.text),
            "an address belongs to one input: give each its own, and list both in send_to");
    }
  }

  void check(std::size_t sender, const Sending& sending) {
    const auto owner = owners_.find(sending.address);
    if (owner == owners_.end()) {
      std::vector<std::string_view> names;
      for (const auto& [name, pipeline] : owners_) names.push_back(name);
      const std::string_view near = nearest_name(sending.address, names);
      problems_[sender].warning(sending.span, fmt::format("no pipeline has the address \"{}\"", sending.address),
                                near.empty() ? "events wait until one has it (or are thrown away, without ensure_delivery)"
                                             : fmt::format("did you mean \"{}\"?", near));
      return;
    }
    const auto way = way_between(owner->second, sender);
    if (!way) return;
    std::string circle = pipelines_[sender].id;
    for (const std::size_t pipeline : *way) circle += " → " + pipelines_[pipeline].id;
    problems_[sender].error(sending.span, fmt::format("pipelines send to each other in a circle: {}", circle),
                            "an event would go round for ever: take one of these send_to out");
  }

  /// The pipelines on the shortest way from one to the other, both included; nullopt when there is none.
  std::optional<std::vector<std::size_t>> way_between(std::size_t from, std::size_t to) const {
    std::map<std::size_t, std::size_t> reached_from{{from, from}};
    std::vector<std::size_t> reached{from};
    for (std::size_t next = 0; next < reached.size() && reached_from.count(to) == 0; ++next) {
      for (const Sending& sending : sendings_[reached[next]]) {
        const auto owner = owners_.find(sending.address);
        if (owner != owners_.end() && reached_from.emplace(owner->second, reached[next]).second)
          reached.push_back(owner->second);
      }
    }
    if (reached_from.count(to) == 0) return std::nullopt;
    std::vector<std::size_t> way{to};
    while (way.back() != from) way.push_back(reached_from.at(way.back()));
    std::reverse(way.begin(), way.end());
    return way;
  }

  const std::vector<LinkedPipeline>& pipelines_;
  std::vector<Diagnostics> problems_;
  std::vector<std::vector<Sending>> sendings_;  // by pipeline
  std::map<std::string, std::size_t> owners_;   // pipelines by address
};

}  // namespace

std::vector<Diagnostics> check_pipeline_links(const std::vector<LinkedPipeline>& pipelines) {
  return LinkCheck(pipelines).run();
}

bool is_fed_by_pipelines_alone(const Graph& graph) {
  return !graph.inputs.empty() &&
         std::all_of(graph.inputs.begin(), graph.inputs.end(), [](const PluginNode& node) { return node.name == kPlugin; });
}

}  // namespace logboom
