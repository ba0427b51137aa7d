#include "pipeline/text/char_set.h"

#include <algorithm>

namespace logboom {
namespace {

void sort_and_join(std::vector<CodePointRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  std::vector<CodePointRange> out;
  for (const CodePointRange& range : ranges) {
    if (!out.empty() && range.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  ranges = std::move(out);
}

std::vector<CodePointRange> complement(const std::vector<CodePointRange>& sorted) {
  std::vector<CodePointRange> out;
  char32_t next = 0;
  for (const CodePointRange& range : sorted) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kHighestCodePoint) out.push_back({next, kHighestCodePoint});
  return out;
}

std::vector<CodePointRange> intersection(const std::vector<CodePointRange>& a, const std::vector<CodePointRange>& b) {
  std::vector<CodePointRange> out;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const char32_t first = std::max(a[i].first, b[j].first);
    const char32_t last = std::min(a[i].last, b[j].last);
    if (first <= last) out.push_back({first, last});
    if (a[i].last < b[j].last) {
      ++i;
    } else {
      ++j;
    }
  }
  return out;
}

void complement(CharSetBounds& bounds) {
  const CharSetBounds old = bounds;
  bounds.ascii_at_most = ~old.ascii_at_least;
  bounds.ascii_at_least = ~old.ascii_at_most;
  bounds.may_have_others = !old.surely_has_all_others;
  bounds.surely_has_all_others = !old.may_have_others;
}

CharSetBounds intersection(const CharSetBounds& a, const CharSetBounds& b) {
  CharSetBounds out;
  out.ascii_at_most = a.ascii_at_most & b.ascii_at_most;
  out.ascii_at_least = a.ascii_at_least & b.ascii_at_least;
  out.may_have_others = a.may_have_others && b.may_have_others;
  out.surely_has_all_others = a.surely_has_all_others && b.surely_has_all_others;
  return out;
}

void unite(CharSetBounds& bounds, const CharSetBounds& more) {
  bounds.ascii_at_most |= more.ascii_at_most;
  bounds.ascii_at_least |= more.ascii_at_least;
  bounds.may_have_others = bounds.may_have_others || more.may_have_others;
  bounds.surely_has_all_others = bounds.surely_has_all_others || more.surely_has_all_others;
}

}  // namespace

std::optional<std::vector<CodePointRange>> exact_ranges(const CharSet& set) {
  if (!set.properties.empty()) return std::nullopt;
  std::vector<CodePointRange> out;
  if (set.is_intersection) {
    out = {{0, kHighestCodePoint}};
    for (const CharSet& member : set.members) {
      const auto ranges = exact_ranges(member);
      if (!ranges) return std::nullopt;
      out = intersection(out, *ranges);
    }
  } else {
    out = set.ranges;
    for (const CharSet& member : set.members) {
      const auto ranges = exact_ranges(member);
      if (!ranges) return std::nullopt;
      out.insert(out.end(), ranges->begin(), ranges->end());
    }
    sort_and_join(out);
  }
  return set.is_negated ? complement(out) : out;
}

CharSetBounds bounds_of(const CharSet& set) {
  CharSetBounds out;
  if (set.is_intersection) {
    complement(out);
    for (const CharSet& member : set.members) out = intersection(out, bounds_of(member));
  } else {
    for (const CodePointRange& range : set.ranges) {
      for (char32_t c = range.first; c <= range.last && c < 128; ++c) {
        out.ascii_at_most.set(c);
        out.ascii_at_least.set(c);
      }
      if (range.last >= 128) out.may_have_others = true;
      if (range.first <= 128 && range.last == kHighestCodePoint) out.surely_has_all_others = true;
    }
    for (const CharProperty& property : set.properties) {
      CharSetBounds own;
      own.may_have_others = true;
      own.ascii_at_most = property.is_ascii_known ? property.ascii : std::bitset<128>().set();
      own.ascii_at_least = property.is_ascii_known ? property.ascii : std::bitset<128>();
      if (property.is_negated) complement(own);
      own.may_have_others = true;
      unite(out, own);
    }
    for (const CharSet& member : set.members) unite(out, bounds_of(member));
  }
  if (set.is_negated) complement(out);
  return out;
}

std::bitset<128> with_both_cases(std::bitset<128> ascii) {
  for (char32_t c = 'a'; c <= 'z'; ++c) {
    const bool is_in = ascii[c] || ascii[c - 32];
    ascii[c] = is_in;
    ascii[c - 32] = is_in;
  }
  return ascii;
}

}  // namespace logboom
