// All plugins of a section, those inside if, else if and else too.
#pragma once

#include <vector>

#include "pipeline/config/graph.h"

namespace logboom {

/// Calls `visit` with each PluginNode, in the order that they are written in.
template <class Visit>
void for_each_plugin(const std::vector<Statement>& statements, const Visit& visit) {
  for (const Statement& statement : statements) {
    if (const auto* node = std::get_if<PluginNode>(&statement.node)) {
      visit(*node);
      continue;
    }
    const auto& choice = std::get<IfNode>(statement.node);
    for (const Branch& branch : choice.branches) for_each_plugin(branch.body, visit);
    for_each_plugin(choice.otherwise, visit);
  }
}

}  // namespace logboom
