// What an expression's nodes look like to the scanner's compiler: rows of items, and questions about single nodes.
#pragma once

#include <cstddef>
#include <string>

#include "pipeline/text/ascii_facts.h"
#include "pipeline/text/regex_tree.h"

namespace logboom {

inline SymbolSet any_symbol() { return ~SymbolSet(); }

/// What stands in a row: nodes, and the borders of groups around them.
struct RowItem {
  enum class Kind { Node, Open, Close, Atomic, Committed };
  Kind kind = Kind::Node;
  const RegexNode* node = nullptr;
  std::size_t group = 0;
  SymbolSet before;            // may stand before it
  SymbolSet after;             // may stand behind it
  std::string literal_behind;  // must stand behind it, as far as known
};

/// ASCII text that must stand as it is.
bool is_plain_literal(const RegexNode& node);
/// What is inside groups that do nothing but group.
const RegexNode& without_plain_groups(const RegexNode& node);
/// A repeat of one byte without an upper limit.
bool is_run(const RegexNode& node);
/// Atomic groups and possessive repeats that make a difference keep a node out of an automaton.
bool has_hard_commitment(const RegexNode& node, const SymbolSet& after);

}  // namespace logboom
