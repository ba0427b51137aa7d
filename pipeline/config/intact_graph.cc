#include "pipeline/config/intact_graph.h"

#include <algorithm>

namespace logboom {
namespace {

class ErrorRemoval {
 public:
  explicit ErrorRemoval(const Diagnostics& diagnostics) {
    for (const Diagnostic& item : diagnostics.items())
      if (item.severity == Severity::Error && item.span.source != nullptr) errors_.push_back(item.span);
  }

  bool is_wrong(const PluginNode& plugin) const {
    const SourceSpan& span = plugin.span;
    if (span.source == nullptr) return true;
    return std::any_of(errors_.begin(), errors_.end(), [&](const SourceSpan& error) {
      return error.source == span.source && error.offset >= span.offset && error.offset < span.offset + span.length;
    });
  }

  void clean(std::vector<Statement>& statements) const {
    const auto is_wrong_plugin = [this](const Statement& statement) {
      const auto* plugin = std::get_if<PluginNode>(&statement.node);
      return plugin != nullptr && is_wrong(*plugin);
    };
    statements.erase(std::remove_if(statements.begin(), statements.end(), is_wrong_plugin), statements.end());
    for (Statement& statement : statements) {
      auto* choice = std::get_if<IfNode>(&statement.node);
      if (choice == nullptr) continue;
      for (Branch& branch : choice->branches) {
        if (branch.condition.operands.empty() && branch.condition.children.empty()) branch.condition = stand_in();
        clean(branch.body);
      }
      clean(choice->otherwise);
    }
  }

 private:
  static ConditionNode stand_in() {
    ConditionNode condition;
    condition.kind = ConditionNode::Kind::Truthy;
    Operand field;
    field.kind = Operand::Kind::Field;
    field.text = "[message]";
    condition.operands.push_back(std::move(field));
    return condition;
  }

  std::vector<SourceSpan> errors_;
};

}  // namespace

void leave_out_errors(Graph& graph, const Diagnostics& diagnostics) {
  const ErrorRemoval removal(diagnostics);
  graph.inputs.erase(std::remove_if(graph.inputs.begin(), graph.inputs.end(),
                                    [&](const PluginNode& plugin) { return removal.is_wrong(plugin); }),
                     graph.inputs.end());
  removal.clean(graph.filters);
  removal.clean(graph.outputs);
  for (LabelNode& label : graph.labels) {
    removal.clean(label.filters);
    removal.clean(label.outputs);
  }
}

}  // namespace logboom
