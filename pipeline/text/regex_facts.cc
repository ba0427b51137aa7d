#include "pipeline/text/regex_facts.h"

#include <algorithm>

namespace logboom {
namespace {

bool contains_kind(const RegexNode& node, RegexNodeKind kind) {
  return node.kind == kind || std::any_of(node.children.begin(), node.children.end(),
                                          [&](const RegexNodePtr& child) { return contains_kind(*child, kind); });
}

bool contains_search_start(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Assertion && node.assertion == AssertionKind::SearchStart) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [](const RegexNodePtr& child) { return contains_search_start(*child); });
}

// Appends the bytes that the node's text begins with; true when the text is nothing but them.
bool collect_prefix(const RegexNode& node, std::string& prefix) {
  switch (node.kind) {
    case RegexNodeKind::Empty:
    case RegexNodeKind::Assertion:
    case RegexNodeKind::Look: return true;
    case RegexNodeKind::Literal:
      if (node.ignore_case) return false;
      prefix += node.text;
      return true;
    case RegexNodeKind::Group: return collect_prefix(*node.children[0], prefix);
    case RegexNodeKind::Concat:
      return std::all_of(node.children.begin(), node.children.end(),
                         [&](const RegexNodePtr& child) { return collect_prefix(*child, prefix); });
    case RegexNodeKind::Repeat:
      if (node.min > 0) collect_prefix(*node.children[0], prefix);
      return false;
    default: return false;
  }
}

class LiteralSearch {
 public:
  void walk(const RegexNode& node) {
    switch (node.kind) {
      case RegexNodeKind::Empty:
      case RegexNodeKind::Assertion:
      case RegexNodeKind::Look:
      case RegexNodeKind::Keep: break;
      case RegexNodeKind::Literal:
        if (node.ignore_case) {
          end_run();
        } else {
          run_ += node.text;
        }
        break;
      case RegexNodeKind::Group: walk(*node.children[0]); break;
      case RegexNodeKind::Concat:
        for (const auto& child : node.children) walk(*child);
        break;
      case RegexNodeKind::Repeat:
        end_run();
        if (node.min > 0) walk(*node.children[0]);
        end_run();
        break;
      default: end_run(); break;
    }
  }

  std::vector<std::string> take() {
    end_run();
    return std::move(found_);
  }

 private:
  void end_run() {
    if (!run_.empty()) found_.push_back(std::move(run_));
    run_.clear();
  }

  std::string run_;
  std::vector<std::string> found_;
};

}  // namespace

RegexFacts facts_of(const RegexTree& tree) {
  RegexFacts facts;
  if (!contains_kind(*tree.root, RegexNodeKind::Keep)) collect_prefix(*tree.root, facts.prefix_literal);
  LiteralSearch search;
  search.walk(*tree.root);
  facts.required_literals = search.take();
  for (const std::string& literal : facts.required_literals)
    if (literal.size() > facts.required_literal.size()) facts.required_literal = literal;
  facts.has_search_start = contains_search_start(*tree.root);
  return facts;
}

}  // namespace logboom
