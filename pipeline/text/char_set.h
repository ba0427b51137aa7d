// CharSet: what one bracket, \d or \p{…} of a regular expression stands for, with set operations.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace logboom {

constexpr char32_t kHighestCodePoint = 0x10ffff;

struct CodePointRange {
  char32_t first = 0;
  char32_t last = 0;
};

/// A Unicode property under the name that PCRE2 knows, with what it means inside ASCII.
struct CharProperty {
  std::string name;  // "Nd", "Alphabetic", "sc:Greek"
  bool is_negated = false;
  bool is_ascii_known = true;
  std::bitset<128> ascii;      // members below 128 of the property itself, before is_negated
  bool is_case_bound = false;  // under ignore-case it stands for every cased letter
};

/// (ranges ∪ properties ∪ members), or the intersection of the members; then negated.
struct CharSet {
  bool is_negated = false;
  bool is_intersection = false;  // only members count then
  std::vector<CodePointRange> ranges;
  std::vector<CharProperty> properties;
  std::vector<CharSet> members;
};

/// What can be said for sure about a set without Unicode tables.
struct CharSetBounds {
  std::bitset<128> ascii_at_most;
  std::bitset<128> ascii_at_least;
  bool may_have_others = false;  // characters outside ASCII
  bool surely_has_all_others = false;
};

/// Sorted, disjoint ranges when no property is involved, else nothing.
std::optional<std::vector<CodePointRange>> exact_ranges(const CharSet& set);

CharSetBounds bounds_of(const CharSet& set);

/// Adds the other case of every ASCII letter.
std::bitset<128> with_both_cases(std::bitset<128> ascii);

}  // namespace logboom
