// PluginDonor: which plugins of the plan that is at work go on in the plan that replaces it.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/compile/plan.h"
#include "pipeline/config/graph.h"

namespace logboom {

/// A plugin of the same content goes on, with its instances, its connections and its id: also when its generated id would be
/// another one by now, since others were added or removed before it. Made for one compilation.
class PluginDonor {
 public:
  /// `old` may be nullptr: nothing is there. In other `surroundings` no plugin would be the same.
  PluginDonor(const Plan* old, const PluginContext::Surroundings& surroundings);

  /// Announces a node of the new plan; all of them, before the first question.
  void note(const PluginNode& node);

  /// What the node was made of: plugin_content(), read once.
  const std::string& content_of(const PluginNode& node) const { return nodes_.at(&node).content; }
  /// The site whose instances this node takes over, or nullptr.
  const PluginSite* site_of(const PluginNode& node) const;
  /// True when a node takes over the plugin with this id.
  bool keeps_id(const std::string& id) const { return kept_ids_.count(id) > 0; }

  std::shared_ptr<Input> input(const PluginNode& node) const;
  std::shared_ptr<Output> output(const PluginNode& node) const;
  /// nullptr also when the old plan had fewer workers.
  std::shared_ptr<Filter> filter(const PluginNode& node, std::size_t worker) const;

 private:
  struct Noted {
    std::string content;
    std::optional<std::size_t> number;  // of the plugin that it takes over, among those of its kind
  };
  const std::vector<PluginSite>& sites(PluginKind kind) const;

  const Plan* const old_;
  std::map<std::string, std::vector<std::size_t>> offered_;  // by content, in reverse order: not taken over yet
  std::map<const PluginNode*, Noted> nodes_;
  std::set<std::string> kept_ids_;
};

}  // namespace logboom
