#include "pipeline/text/ascii_facts.h"

#include <algorithm>

namespace logboom {
namespace {

SymbolSet symbols_of(const std::bitset<128>& bytes) {
  SymbolSet symbols;
  for (std::size_t byte = 0; byte < 128; ++byte) symbols[byte] = bytes[byte];
  return symbols;
}

SymbolSet just(std::size_t symbol) {
  SymbolSet symbols;
  symbols.set(symbol);
  return symbols;
}

SymbolSet any_symbol() { return ~SymbolSet(); }

SymbolSet word_symbols() {
  SymbolSet word;
  for (std::size_t byte = 0; byte < 128; ++byte) {
    const bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    word[byte] = is_letter || (byte >= '0' && byte <= '9') || byte == '_';
  }
  return word;
}

std::optional<std::vector<BorderRule>> assertion_rules(AssertionKind kind) {
  static const SymbolSet word = word_symbols();
  const SymbolSet border = just(kSubjectBorder);
  const SymbolSet newline = just('\n');
  switch (kind) {
    case AssertionKind::LineStart: return {{{border, any_symbol()}, {newline, ~border}}};
    case AssertionKind::LineEnd: return {{{any_symbol(), border | newline}}};
    case AssertionKind::TextStart: return {{{border, any_symbol()}}};
    case AssertionKind::TextEnd: return {{{any_symbol(), border}}};
    case AssertionKind::WordBorder: return {{{word, ~word}, {~word, word}}};
    case AssertionKind::NoWordBorder: return {{{word, word}, {~word, ~word}}};
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<std::bitset<128>> single_byte_set(const RegexNode& node) {
  switch (node.kind) {
    case RegexNodeKind::AnyChar: {
      std::bitset<128> all = ~std::bitset<128>();
      if (!node.matches_newline) all.reset('\n');
      return all;
    }
    case RegexNodeKind::Set: {
      const CharSetBounds bounds = bounds_of(node.set);
      if (bounds.ascii_at_least != bounds.ascii_at_most) return std::nullopt;
      if (!node.ignore_case) return bounds.ascii_at_least;
      // Characters outside ASCII may stand for ASCII letters then, and a negation comes after that.
      if (node.set.is_negated || node.set.is_intersection || !node.set.members.empty() || bounds.may_have_others)
        return std::nullopt;
      return with_both_cases(bounds.ascii_at_least);
    }
    case RegexNodeKind::Literal: {
      if (node.text.size() != 1 || static_cast<unsigned char>(node.text[0]) >= 0x80) return std::nullopt;
      std::bitset<128> one;
      one.set(static_cast<unsigned char>(node.text[0]));
      return node.ignore_case ? with_both_cases(one) : one;
    }
    case RegexNodeKind::Group: return node.group == GroupKind::Plain ? single_byte_set(*node.children[0]) : std::nullopt;
    default: return std::nullopt;
  }
}

std::optional<std::vector<BorderRule>> border_rules(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Assertion) return assertion_rules(node.assertion);
  if (node.kind != RegexNodeKind::Look) return std::nullopt;
  const auto bytes = single_byte_set(*node.children[0]);
  if (!bytes) return std::nullopt;
  const SymbolSet wanted = node.is_negative ? ~symbols_of(*bytes) : symbols_of(*bytes);
  if (node.is_behind) return {{{wanted, any_symbol()}}};
  return {{{any_symbol(), wanted}}};
}

bool can_be_empty(const RegexNode& node) {
  switch (node.kind) {
    case RegexNodeKind::Literal: return node.text.empty();
    case RegexNodeKind::AnyChar:
    case RegexNodeKind::Set:
    case RegexNodeKind::LineBreak:
    case RegexNodeKind::Grapheme: return false;
    case RegexNodeKind::Concat:
      return std::all_of(node.children.begin(), node.children.end(), [](const auto& child) { return can_be_empty(*child); });
    case RegexNodeKind::Alternate:
      return std::any_of(node.children.begin(), node.children.end(), [](const auto& child) { return can_be_empty(*child); });
    case RegexNodeKind::Group: return can_be_empty(*node.children[0]);
    case RegexNodeKind::Repeat: return node.min == 0 || can_be_empty(*node.children[0]);
    default: return true;
  }
}

bool records(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Group && node.group == GroupKind::Capture && node.group_index != 0) return true;
  return std::any_of(node.children.begin(), node.children.end(), [](const auto& child) { return records(*child); });
}

SymbolSet first_symbols(const RegexNode& node, const SymbolSet& after) {
  if (const auto bytes = single_byte_set(node)) return symbols_of(*bytes);
  if (const auto rules = border_rules(node)) {
    SymbolSet allowed;
    for (const BorderRule& rule : *rules) allowed |= rule.after;
    return after & allowed;
  }
  switch (node.kind) {
    case RegexNodeKind::Empty: return after;
    case RegexNodeKind::Literal: {
      const auto first = static_cast<unsigned char>(node.text[0]);
      if (first >= 0x80 || node.ignore_case) return any_symbol();
      return just(first);
    }
    case RegexNodeKind::Concat: {
      SymbolSet first = after;
      for (auto child = node.children.rbegin(); child != node.children.rend(); ++child)
        first = first_symbols(**child, first);
      return first;
    }
    case RegexNodeKind::Alternate: {
      SymbolSet first;
      for (const auto& child : node.children) first |= first_symbols(*child, after);
      return first;
    }
    case RegexNodeKind::Group: return first_symbols(*node.children[0], after);
    case RegexNodeKind::Repeat: {
      const RegexNode& item = *node.children[0];
      if (can_be_empty(item)) return any_symbol();
      const SymbolSet first = first_symbols(item, any_symbol());
      return node.min == 0 ? first | after : first;
    }
    default: return any_symbol();
  }
}

std::bitset<128> all_bytes(const RegexNode& node) {
  if (const auto bytes = single_byte_set(node)) return *bytes;
  std::bitset<128> found;
  switch (node.kind) {
    case RegexNodeKind::Empty:
    case RegexNodeKind::Assertion:
    case RegexNodeKind::Look: return found;
    case RegexNodeKind::Literal:
      for (const char c : node.text) {
        if (static_cast<unsigned char>(c) >= 0x80 || node.ignore_case) return ~found;
        found.set(static_cast<unsigned char>(c));
      }
      return found;
    case RegexNodeKind::Concat:
    case RegexNodeKind::Alternate:
    case RegexNodeKind::Group:
    case RegexNodeKind::Repeat:
      for (const auto& child : node.children) found |= all_bytes(*child);
      return found;
    default: return ~found;
  }
}

SymbolSet last_symbols(const RegexNode& node, const SymbolSet& before) {
  if (const auto bytes = single_byte_set(node)) return symbols_of(*bytes);
  switch (node.kind) {
    case RegexNodeKind::Empty:
    case RegexNodeKind::Assertion:
    case RegexNodeKind::Look: return before;
    case RegexNodeKind::Literal: {
      const auto last = static_cast<unsigned char>(node.text.back());
      return last >= 0x80 || node.ignore_case ? any_symbol() : just(last);
    }
    case RegexNodeKind::Concat: {
      SymbolSet last = before;
      for (const auto& child : node.children) last = last_symbols(*child, last);
      return last;
    }
    case RegexNodeKind::Alternate: {
      SymbolSet last;
      for (const auto& child : node.children) last |= last_symbols(*child, before);
      return last;
    }
    case RegexNodeKind::Group: return last_symbols(*node.children[0], before);
    case RegexNodeKind::Repeat: {
      const RegexNode& item = *node.children[0];
      if (can_be_empty(item)) return any_symbol();
      const SymbolSet last = last_symbols(item, any_symbol());
      return node.min == 0 ? last | before : last;
    }
    default: return any_symbol();
  }
}

namespace {

// With one of `after` behind it, the node can take at most one stretch of any text, and in one way only.
bool is_unambiguous(const RegexNode& node, const SymbolSet& after) {
  if (single_byte_set(node) || border_rules(node)) return true;
  switch (node.kind) {
    case RegexNodeKind::Empty:
    case RegexNodeKind::Literal: return true;
    case RegexNodeKind::Group: return is_unambiguous(*node.children[0], after);
    case RegexNodeKind::Concat: {
      SymbolSet behind = after;
      for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
        if (!is_unambiguous(**child, behind)) return false;
        behind = first_symbols(**child, behind);
      }
      return true;
    }
    case RegexNodeKind::Alternate: {
      SymbolSet taken;
      for (const auto& child : node.children) {
        const SymbolSet first = first_symbols(*child, after);
        if ((taken & first).any() || !is_unambiguous(*child, after)) return false;
        taken |= first;
      }
      return true;
    }
    case RegexNodeKind::Repeat: {
      const RegexNode& item = *node.children[0];
      if (can_be_empty(item)) return false;
      const SymbolSet first = first_symbols(item, any_symbol());
      if (node.min != node.max && (first & after).any()) return false;
      return is_unambiguous(item, node.max > 1 ? first | after : after);
    }
    default: return false;
  }
}

bool is_lazy(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Repeat && node.greed == Greed::Lazy && node.min != node.max) return true;
  return std::any_of(node.children.begin(), node.children.end(), [](const auto& child) { return is_lazy(*child); });
}

bool has_empty_branch(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Alternate && can_be_empty(node)) return true;
  return std::any_of(node.children.begin(), node.children.end(), [](const auto& child) { return has_empty_branch(*child); });
}

}  // namespace

// With one of `after` behind it there is one way to take it. At each choice on that way the next symbol fits one side only,
// and where it fits "go on", a greedy part tries that first: so the first way tried is the one, and no other is needed. A
// branch that is empty would be content before a later one has been tried.
bool is_same_when_atomic(const RegexNode& node, const SymbolSet& after) {
  return is_unambiguous(node, after) && !is_lazy(node) && !has_empty_branch(node);
}

// Where each text can be taken in one way only, the choices left are between going on and stopping, and greedy parts try to
// go on.
bool prefers_longest(const RegexNode& node) {
  return is_unambiguous(node, SymbolSet()) && !is_lazy(node) && !has_empty_branch(node);
}

}  // namespace logboom
