#include "pipeline/text/scanner_row.h"

#include <algorithm>

#include "pipeline/base/utf8.h"

namespace logboom {

bool is_plain_literal(const RegexNode& node) {
  return node.kind == RegexNodeKind::Literal && !node.ignore_case && is_ascii(node.text);
}

const RegexNode& without_plain_groups(const RegexNode& node) {
  const RegexNode* inside = &node;
  while (inside->kind == RegexNodeKind::Group && inside->group == GroupKind::Plain) inside = inside->children[0].get();
  return *inside;
}

bool is_run(const RegexNode& node) {
  return node.kind == RegexNodeKind::Repeat && node.max == RegexNode::kUnlimited && single_byte_set(*node.children[0]);
}

bool has_hard_commitment(const RegexNode& node, const SymbolSet& after) {
  const bool is_atomic = node.kind == RegexNodeKind::Group && node.group == GroupKind::Atomic;
  const bool is_possessive = node.kind == RegexNodeKind::Repeat && node.greed == Greed::Possessive;
  if ((is_atomic || is_possessive) && !is_same_when_atomic(node, after)) return true;
  switch (node.kind) {
    case RegexNodeKind::Concat: {
      SymbolSet behind = after;
      for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
        if (has_hard_commitment(**child, behind)) return true;
        behind = first_symbols(**child, behind);
      }
      return false;
    }
    case RegexNodeKind::Repeat: {
      const RegexNode& item = *node.children[0];
      return has_hard_commitment(item, node.max > 1 ? first_symbols(item, any_symbol()) | after : after);
    }
    default:
      return std::any_of(node.children.begin(), node.children.end(),
                         [&](const RegexNodePtr& child) { return has_hard_commitment(*child, after); });
  }
}

}  // namespace logboom
