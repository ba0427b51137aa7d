// How Logstash groups a chain of and, or, nand and xor that has no parentheses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/config/graph.h"

namespace logboom {

/// One part of a chain: a comparison, a truth test, a negation or what stands in parentheses.
struct ConditionTerm {
  ConditionNode node;
  int depth = 1;             // levels inside it
  std::string_view written;  // its source text
};

struct BooleanOperator {
  ConditionNode::Kind kind = ConditionNode::Kind::And;
  SourceSpan span;
};

struct GroupedCondition {
  enum class Problem {
    None,
    MixedExclusive,  // xor or nand beside another operator: `problem_span` is that xor or nand
    TooDeep,         // more than the given number of levels
  };
  Problem problem = Problem::None;
  SourceSpan problem_span;
  ConditionNode node;
  int depth = 0;
  bool is_unusual = false;  // grouped otherwise than "and before or" would
  std::string reading;      // when is_unusual: the chain with its parentheses written out
};

/// Groups terms.size() - 1 operators as Logstash does: from left to right, where an operator that binds less than the one
/// before it completes only that one, and the rest is completed from the right. So `a and b and c or d` is `a and ((b and c)
/// or d)`. Runs of one operator become balanced trees in the same order, so depth stays logarithmic in their length. Linear
/// time.
GroupedCondition group_condition(std::vector<ConditionTerm> terms, const std::vector<BooleanOperator>& operators,
                                 int max_depth);

}  // namespace logboom
