#include "pipeline/compile/plugin_donor.h"

#include "pipeline/compile/plugin_content.h"

namespace logboom {

PluginDonor::PluginDonor(const Plan* old, const PluginContext::Surroundings& surroundings)
    : old_(old != nullptr && old->surroundings == surroundings ? old : nullptr) {
  if (old_ == nullptr) return;
  for (const auto kind : {PluginKind::Input, PluginKind::Filter, PluginKind::Output})
    for (std::size_t i = sites(kind).size(); i > 0; --i) offered_[sites(kind)[i - 1].content].push_back(i - 1);
}

const std::vector<PluginSite>& PluginDonor::sites(PluginKind kind) const {
  if (kind == PluginKind::Input) return old_->input_sites;
  return kind == PluginKind::Output ? old_->output_sites : old_->filter_sites;
}

void PluginDonor::note(const PluginNode& node) {
  Noted& noted = nodes_[&node];
  noted.content = plugin_content(node);
  const auto found = offered_.find(noted.content);
  if (found == offered_.end() || found->second.empty()) return;
  noted.number = found->second.back();
  found->second.pop_back();
  kept_ids_.insert(sites(node.kind)[*noted.number].id);
}

const PluginSite* PluginDonor::site_of(const PluginNode& node) const {
  const auto& number = nodes_.at(&node).number;
  return number ? &sites(node.kind)[*number] : nullptr;
}

std::shared_ptr<Input> PluginDonor::input(const PluginNode& node) const {
  const auto& number = nodes_.at(&node).number;
  return number ? old_->inputs[*number] : nullptr;
}

std::shared_ptr<Output> PluginDonor::output(const PluginNode& node) const {
  const auto& number = nodes_.at(&node).number;
  return number ? old_->outputs[*number] : nullptr;
}

std::shared_ptr<Filter> PluginDonor::filter(const PluginNode& node, std::size_t worker) const {
  const auto& number = nodes_.at(&node).number;
  if (!number || worker >= old_->filters.size()) return nullptr;
  return old_->filters[worker][*number];
}

}  // namespace logboom
