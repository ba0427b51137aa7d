#include "pipeline/text/quantifier_parser.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace logboom {
namespace {

constexpr std::uint32_t kMostRepetitions = 65535;

struct Interval {
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  std::size_t length = 0;
};

std::optional<Interval> interval_ahead(RegexSource& source) {
  const std::size_t begin = source.offset();
  Interval interval;
  source.skip(1);
  std::size_t min_digits = 0;
  std::size_t max_digits = 0;
  interval.min = source.take_number(10, 9, min_digits);
  const bool has_comma = source.take(",");
  interval.max = has_comma ? static_cast<std::uint32_t>(source.take_number(10, 9, max_digits)) : interval.min;
  if (has_comma && max_digits == 0) interval.max = RegexNode::kUnlimited;
  const bool is_interval = source.take("}") && min_digits + max_digits > 0;
  interval.length = source.offset() - begin;
  source.rewind(begin);
  if (!is_interval) return std::nullopt;
  if (interval.min > kMostRepetitions || (interval.max != RegexNode::kUnlimited && interval.max > kMostRepetitions)) {
    source.fail(begin, "a repetition counts up to 65535; leave the upper number out for more");
  }
  if (interval.max < interval.min) source.fail(begin, "the upper number of this repetition is smaller than the lower one");
  return interval;
}

// ?, * and + without a suffix.
bool is_simple(const RegexNode& repeat) {
  if (repeat.greed != Greed::Greedy || repeat.min > 1) return false;
  return repeat.max == RegexNode::kUnlimited || (repeat.max == 1 && repeat.min == 0);
}

}  // namespace

bool at_quantifier(RegexSource& source) {
  const char c = source.peek();
  return c == '*' || c == '+' || c == '?' || (c == '{' && interval_ahead(source).has_value());
}

RegexNodePtr parse_quantifier(RegexSource& source, RegexNodePtr item) {
  auto node = std::make_unique<RegexNode>();
  node->kind = RegexNodeKind::Repeat;
  node->offset = item->offset;
  node->ignore_case = item->ignore_case;
  const char c = source.peek();
  if (c == '{') {
    const Interval interval = *interval_ahead(source);
    source.skip(interval.length);
    node->min = interval.min;
    node->max = interval.max;
    // {n}? is an optional {n} in Ruby, and + behind an interval repeats it once more.
    if (interval.min != interval.max && source.take("?")) node->greed = Greed::Lazy;
  } else {
    source.skip(1);
    node->min = c == '+' ? 1 : 0;
    node->max = c == '?' ? 1 : RegexNode::kUnlimited;
    if (source.take("?")) {
      node->greed = Greed::Lazy;
    } else if (source.take("+")) {
      node->greed = Greed::Possessive;
    }
  }
  if (item->kind == RegexNodeKind::Repeat && is_simple(*item) && is_simple(*node)) {
    // (x+)* and the like try the same ways over and over; x* matches the same.
    const bool is_plus = item->min == 1 && node->min == 1;
    const bool is_optional = item->max == 1 && node->max == 1;
    item->min = is_plus ? 1 : 0;
    item->max = is_optional ? 1 : RegexNode::kUnlimited;
    return item;
  }
  node->children.push_back(std::move(item));
  return node;
}

}  // namespace logboom
