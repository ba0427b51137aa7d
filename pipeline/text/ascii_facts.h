// What a part of an expression can begin with, consume and demand of its neighbours, for subjects of ASCII alone.
#pragma once

#include <bitset>
#include <optional>
#include <vector>

#include "pipeline/text/regex_tree.h"

namespace logboom {

/// The 128 bytes and the border of the subject (before its first byte, or behind its last).
using SymbolSet = std::bitset<129>;
constexpr std::size_t kSubjectBorder = 128;

/// A place fits when the symbol before it is in `before` and the one behind it in `after`.
struct BorderRule {
  SymbolSet before;
  SymbolSet after;
};

/// The bytes that a node of exactly one byte takes (a set, a dot, a literal of one byte); nothing for other nodes, and for
/// sets that cannot be told without Unicode tables.
std::optional<std::bitset<128>> single_byte_set(const RegexNode& node);

/// An assertion or look-around that depends on the two neighbouring symbols alone, as a choice of rules; nothing for others.
std::optional<std::vector<BorderRule>> border_rules(const RegexNode& node);

bool can_be_empty(const RegexNode& node);
bool records(const RegexNode& node);  // holds a group that records

/// The symbols that may stand where the node begins, when `after` may stand behind it: a superset.
SymbolSet first_symbols(const RegexNode& node, const SymbolSet& after);

/// The symbols that may stand before the end of the node, when one of `before` stands before it: a superset.
SymbolSet last_symbols(const RegexNode& node, const SymbolSet& before);

/// The bytes that a text which the node takes may hold: a superset.
std::bitset<128> all_bytes(const RegexNode& node);

/// True when an atomic group around the node makes no difference where only `after` may follow.
bool is_same_when_atomic(const RegexNode& node, const SymbolSet& after);

/// True when the node, tried by itself, takes the longest stretch it can before any shorter one.
bool prefers_longest(const RegexNode& node);

}  // namespace logboom
