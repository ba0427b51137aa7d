// The syntax tree of a regular expression in Ruby's dialect, as regex_parser.h builds it and regex_dialect.h writes it out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/text/char_set.h"

namespace logboom {

enum class RegexNodeKind {
  Empty,
  Literal,    // text: UTF-8 of one or more characters
  AnyChar,    // . (matches_newline says which)
  Set,        // [...] \d \p{...}
  Assertion,  // ^ $ \A \z \Z \b \B \G
  Keep,       // \K
  LineBreak,  // \R
  Grapheme,   // \X
  Concat,
  Alternate,
  Group,          // one child; group says which kind
  Look,           // one child; is_behind, is_negative
  Repeat,         // one child; min, max, greed
  BackReference,  // targets: candidate groups, the first that is set and fits counts
  Call,           // \g<...>: targets[0]
  Condition,      // (?(n)yes|no): targets, one or two children
};

enum class AssertionKind { LineStart, LineEnd, TextStart, TextEnd, TextEndOrNewline, WordBorder, NoWordBorder, SearchStart };
enum class GroupKind { Plain, Capture, Atomic };
enum class Greed { Greedy, Lazy, Possessive };

struct RegexNode;
using RegexNodePtr = std::unique_ptr<RegexNode>;

struct RegexNode {
  static constexpr std::uint32_t kUnlimited = 0xffffffff;

  RegexNodeKind kind = RegexNodeKind::Empty;
  std::size_t offset = 0;  // byte in the source where it begins
  bool ignore_case = false;
  bool matches_newline = false;
  bool is_behind = false;
  bool is_negative = false;
  bool has_unicode_border = true;  // Assertion WordBorder: false under (?a)
  AssertionKind assertion = AssertionKind::LineStart;
  GroupKind group = GroupKind::Plain;
  Greed greed = Greed::Greedy;
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  std::size_t group_index = 0;  // Capture: Ruby's number; 0 once it was found not to record
  std::string name;             // Capture: name, or empty; BackReference and Call: name as written while unresolved
  std::vector<std::size_t> targets;
  std::string text;
  CharSet set;
  std::vector<RegexNodePtr> children;
};

/// A named group of the tree.
struct RegexGroupName {
  std::string name;
  std::size_t index = 0;
};

struct RegexTree {
  RegexNodePtr root;
  std::size_t group_count = 0;        // groups that record, without the whole match
  std::vector<RegexGroupName> names;  // in order of the expression
};

}  // namespace logboom
