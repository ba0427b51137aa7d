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

/// .* in front that takes newlines too: what fails from there fails from every later place.
bool is_anything(const RegexNode& node) {
  return node.kind == RegexNodeKind::Repeat && node.min == 0 && node.max == RegexNode::kUnlimited &&
         node.greed != Greed::Possessive && node.children[0]->kind == RegexNodeKind::AnyChar &&
         node.children[0]->matches_newline;
}

/// True when every way through the node begins with something that `is_anchor(node, is_first)` accepts; is_first says that
/// no condition without width stands in front of it.
template <class IsAnchor>
bool begins_with(const RegexNode& node, const IsAnchor& is_anchor, bool is_first = true) {
  if (is_anchor(node, is_first)) return true;
  switch (node.kind) {
    case RegexNodeKind::Group: return node.group != GroupKind::Atomic && begins_with(*node.children[0], is_anchor, is_first);
    case RegexNodeKind::Alternate:
      return std::all_of(node.children.begin(), node.children.end(),
                         [&](const RegexNodePtr& child) { return begins_with(*child, is_anchor, is_first); });
    case RegexNodeKind::Concat:
      for (const RegexNodePtr& child : node.children) {
        if (begins_with(*child, is_anchor, is_first)) return true;
        is_first = is_first && child->kind == RegexNodeKind::Empty;
        const bool has_no_width = child->kind == RegexNodeKind::Empty || child->kind == RegexNodeKind::Assertion ||
                                  child->kind == RegexNodeKind::Look;
        if (!has_no_width) return false;
      }
      return false;
    default: return false;
  }
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

/// True when every match ends at the end of a line or of the text.
bool ends_at_line_end(const RegexNode& node) {
  switch (node.kind) {
    case RegexNodeKind::Assertion:
      return node.assertion == AssertionKind::LineEnd || node.assertion == AssertionKind::TextEnd ||
             node.assertion == AssertionKind::TextEndOrNewline;
    case RegexNodeKind::Group:
    case RegexNodeKind::Concat: return !node.children.empty() && ends_at_line_end(*node.children.back());
    default: return false;
  }
}

}  // namespace

RegexFacts facts_of(const RegexTree& tree) {
  RegexFacts facts;
  if (!contains_kind(*tree.root, RegexNodeKind::Keep)) collect_prefix(*tree.root, facts.prefix_literal);
  LiteralSearch search;
  search.walk(*tree.root);
  facts.required_literals = search.take();
  for (const std::string& literal : facts.required_literals)
    if (literal.size() > facts.required_literal.size()) facts.required_literal = literal;
  // What refers back to a group in front makes each place of the search different.
  const bool may_skip = !contains_kind(*tree.root, RegexNodeKind::BackReference) &&
                        !contains_kind(*tree.root, RegexNodeKind::Call) &&
                        !contains_kind(*tree.root, RegexNodeKind::Condition);
  const auto is_assertion = [](const RegexNode& node, AssertionKind kind) {
    return node.kind == RegexNodeKind::Assertion && node.assertion == kind;
  };
  const auto holds_once = [&](const RegexNode& node, bool is_first) {
    return is_assertion(node, AssertionKind::TextStart) || is_assertion(node, AssertionKind::SearchStart) ||
           (may_skip && is_first && is_anything(node));
  };
  facts.is_anchored = begins_with(*tree.root, holds_once);
  facts.is_line_anchored = begins_with(*tree.root, [&](const RegexNode& node, bool is_first) {
    return is_assertion(node, AssertionKind::LineStart) || holds_once(node, is_first);
  });
  if (ends_at_line_end(*tree.root)) {
    const SymbolSet last = last_symbols(*tree.root, ~SymbolSet());
    if (!last.all()) facts.before_line_end = last;
  }
  facts.has_search_start = contains_search_start(*tree.root);
  return facts;
}

}  // namespace logboom
