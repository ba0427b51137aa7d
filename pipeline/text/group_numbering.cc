#include "pipeline/text/group_numbering.h"

#include <fmt/core.h>

#include <string>
#include <vector>

#include "pipeline/text/regex_source.h"

namespace logboom {
namespace {

bool refers(const RegexNode& node) {
  return node.kind == RegexNodeKind::BackReference || node.kind == RegexNodeKind::Call ||
         node.kind == RegexNodeKind::Condition;
}

class Numbering {
 public:
  explicit Numbering(RegexTree& tree)
      : tree_(tree), groups_(tree.group_count + 1, nullptr), is_needed_(tree.group_count + 1, false) {}

  void run(const RegexParseOptions& options) {
    collect(*tree_.root);
    for (const RegexNode* group : groups_) has_names_ = has_names_ || (group != nullptr && !group->name.empty());
    resolve(*tree_.root);
    renumber(options);
    apply(*tree_.root);
  }

 private:
  void collect(RegexNode& node) {
    if (node.kind == RegexNodeKind::Group && node.group == GroupKind::Capture) groups_[node.group_index] = &node;
    for (auto& child : node.children) collect(*child);
  }

  [[noreturn]] static void fail(const RegexNode& node, std::string problem) {
    throw RegexSyntaxError{node.offset, std::move(problem)};
  }

  void resolve(RegexNode& node) {
    if (refers(node)) {
      if (node.name.empty()) {
        check_number(node);
      } else {
        find_name(node);
      }
      for (const std::size_t target : node.targets) is_needed_[target] = true;
    }
    for (auto& child : node.children) resolve(*child);
  }

  void check_number(const RegexNode& node) const {
    const std::size_t number = node.targets[0];
    if (number == 0 && node.kind == RegexNodeKind::Call) return;
    if (number == 0 || number >= groups_.size()) fail(node, fmt::format("there is no group {} to refer to", number));
    if (has_names_) {
      fail(node,
           "where groups have names, groups without one have no number; give that group a name and refer to it with "
           "\\k<name>");
    }
  }

  void find_name(RegexNode& node) const {
    for (std::size_t i = groups_.size(); i-- > 1;) {
      if (groups_[i] != nullptr && groups_[i]->name == node.name) node.targets.push_back(i);
    }
    if (node.targets.empty()) {
      const std::size_t sign = node.name.find_last_of("+-");
      if (sign != std::string::npos && sign > 0 &&
          node.name.find_first_not_of("0123456789", sign + 1) == std::string::npos) {
        fail(node, fmt::format("back-references with a recursion level (\"{}\") cannot be carried over", node.name));
      }
      fail(node, fmt::format("there is no group named \"{}\"", node.name));
    }
    if (node.targets.size() > 1 && node.kind != RegexNodeKind::BackReference) {
      fail(node,
           fmt::format(
               "several groups are named \"{}\", so a call or condition cannot tell which; give that one a name of its own",
               node.name));
    }
  }

  void renumber(const RegexParseOptions& options) {
    new_index_.assign(groups_.size(), 0);
    std::size_t next = 0;
    for (std::size_t i = 1; i < groups_.size(); ++i) {
      const bool is_named = !groups_[i]->name.empty();
      const bool is_wanted = options.captures && (is_named || (!has_names_ && options.captures_unnamed));
      if (!is_wanted && !is_needed_[i]) continue;
      new_index_[i] = ++next;
      if (is_named && options.captures) tree_.names.push_back({groups_[i]->name, next});
    }
    tree_.group_count = next;
  }

  void apply(RegexNode& node) const {
    if (node.kind == RegexNodeKind::Group && node.group == GroupKind::Capture) {
      node.group_index = new_index_[node.group_index];
      if (node.group_index == 0) node.group = GroupKind::Plain;
    }
    if (refers(node)) {
      for (std::size_t& target : node.targets) target = new_index_[target];
    }
    for (auto& child : node.children) apply(*child);
  }

  RegexTree& tree_;
  std::vector<RegexNode*> groups_;
  std::vector<bool> is_needed_;
  std::vector<std::size_t> new_index_;
  bool has_names_ = false;
};

}  // namespace

void number_groups(RegexTree& tree, const RegexParseOptions& options) { Numbering(tree).run(options); }

}  // namespace logboom
