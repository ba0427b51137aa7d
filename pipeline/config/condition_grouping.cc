#include "pipeline/config/condition_grouping.h"

#include <algorithm>
#include <cstddef>
#include <list>
#include <utility>

namespace logboom {
namespace {

using Kind = ConditionNode::Kind;

constexpr std::size_t kLongestTerm = 60;      // bytes of one term in a reading
constexpr std::size_t kLongestReading = 400;  // bytes of a whole reading

int precedence(Kind kind) { return kind == Kind::And ? 2 : 1; }

std::string_view word_of(Kind kind) {
  switch (kind) {
    case Kind::And: return "and";
    case Kind::Or: return "or";
    case Kind::Xor: return "xor";
    default: return "nand";
  }
}

/// A term, or several groups joined by one operator.
struct Group {
  bool is_term = true;
  Kind kind = Kind::Truthy;
  std::size_t term = 0;
  std::list<std::size_t> members;  // indices of groups; a list, because runs are joined at both ends
  int depth = 1;
  int levels = 0;  // of operators, what is inside terms not counted
};

class Grouping {
 public:
  explicit Grouping(std::vector<ConditionTerm> terms) : terms_(std::move(terms)) {
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      Group group;
      group.term = i;
      group.depth = terms_[i].depth;
      groups_.push_back(std::move(group));
    }
  }

  /// The group of the whole chain. Every term but the first is preceded by its operator.
  std::size_t group(const std::vector<BooleanOperator>& operators) {
    std::vector<std::size_t> operands{0};
    std::vector<Kind> waiting;
    const auto complete_one = [&] {
      const std::size_t right = operands.back();
      operands.pop_back();
      operands.back() = join(waiting.back(), operands.back(), right);
      waiting.pop_back();
    };
    for (std::size_t i = 0; i < operators.size(); ++i) {
      if (!waiting.empty() && precedence(waiting.back()) > precedence(operators[i].kind)) complete_one();
      waiting.push_back(operators[i].kind);
      operands.push_back(i + 1);
    }
    while (!waiting.empty()) complete_one();
    return operands.front();
  }

  const Group& operator[](std::size_t index) const { return groups_[index]; }

  /// Moves the terms out into the tree that is evaluated.
  ConditionNode take(std::size_t index) {
    Group& group = groups_[index];
    if (group.is_term) return std::move(terms_[group.term].node);
    const std::vector<std::size_t> members(group.members.begin(), group.members.end());
    return take_run(group.kind, members, 0, members.size());
  }

  void append_reading(std::size_t index, bool is_inner, std::string& out) const {
    const Group& group = groups_[index];
    if (out.size() > kLongestReading) return;
    if (group.is_term) return append_term(terms_[group.term].written, out);
    if (is_inner) out += '(';
    for (const std::size_t member : group.members) {
      if (member != group.members.front()) out.append(" ").append(word_of(group.kind)).append(" ");
      append_reading(member, true, out);
      if (out.size() > kLongestReading) return;
    }
    if (is_inner) out += ')';
  }

 private:
  std::size_t join(Kind kind, std::size_t left, std::size_t right) {
    Group joined;
    joined.is_term = false;
    joined.kind = kind;
    joined.depth = 0;
    absorb(joined, left);
    absorb(joined, right);
    groups_.push_back(std::move(joined));
    return groups_.size() - 1;
  }

  /// Adds a group to a run, or its members when it is a run of the same operator (whose order of evaluation does not
  /// change).
  void absorb(Group& joined, std::size_t index) {
    Group& group = groups_[index];
    const bool is_same_run =
        !group.is_term && group.kind == joined.kind && (joined.kind == Kind::And || joined.kind == Kind::Or);
    if (is_same_run) {
      joined.members.splice(joined.members.end(), group.members);
      joined.depth = std::max(joined.depth, group.depth);
      joined.levels = std::max(joined.levels, group.levels);
    } else {
      joined.members.push_back(index);
      joined.depth = std::max(joined.depth, group.depth + 1);
      joined.levels = std::max(joined.levels, group.levels + 1);
    }
  }

  ConditionNode take_run(Kind kind, const std::vector<std::size_t>& members, std::size_t begin, std::size_t end) {
    if (end - begin == 1) return take(members[begin]);
    const std::size_t middle = begin + (end - begin) / 2;
    ConditionNode node;
    node.kind = kind;
    node.children.push_back(take_run(kind, members, begin, middle));
    node.children.push_back(take_run(kind, members, middle, end));
    const SourceSpan& first = node.children.front().span;
    const SourceSpan& last = node.children.back().span;
    node.span = {first.source, first.offset, last.offset + last.length - first.offset};
    return node;
  }

  static void append_term(std::string_view written, std::string& out) {
    std::size_t end = std::min(written.size(), kLongestTerm);
    while (end < written.size() && end > 0 && (static_cast<unsigned char>(written[end]) & 0xC0) == 0x80) --end;
    bool is_blank = false;
    for (const char c : written.substr(0, end)) {
      const bool was_blank = std::exchange(is_blank, c == ' ' || c == '\t' || c == '\r' || c == '\n');
      if (!is_blank) out += c;
      if (is_blank && !was_blank) out += ' ';
    }
    if (end < written.size()) out += "...";
  }

  std::vector<ConditionTerm> terms_;
  std::vector<Group> groups_;
};

}  // namespace

GroupedCondition group_condition(std::vector<ConditionTerm> terms, const std::vector<BooleanOperator>& operators,
                                 int max_depth) {
  GroupedCondition result;
  bool has_and = false;
  bool has_or = false;
  for (const BooleanOperator& op : operators) {
    has_and = has_and || op.kind == Kind::And;
    has_or = has_or || op.kind == Kind::Or;
    if (operators.size() > 1 && (op.kind == Kind::Xor || op.kind == Kind::Nand)) {
      result.problem = GroupedCondition::Problem::MixedExclusive;
      result.problem_span = op.span;
      return result;
    }
  }
  Grouping grouping(std::move(terms));
  const std::size_t root = grouping.group(operators);
  result.depth = grouping[root].depth;
  if (result.depth > max_depth) {
    result.problem = GroupedCondition::Problem::TooDeep;
    result.problem_span = operators.empty() ? SourceSpan() : operators.front().span;
    return result;
  }
  result.is_unusual = has_and && has_or && !(grouping[root].kind == Kind::Or && grouping[root].levels <= 2);
  if (result.is_unusual) {
    grouping.append_reading(root, false, result.reading);
    if (result.reading.size() > kLongestReading) result.reading += " ...";
  }
  result.node = grouping.take(root);
  return result;
}

}  // namespace logboom
