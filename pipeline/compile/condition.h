// Condition: an if of the configuration, compiled. Evaluated once per event, without allocation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"
#include "pipeline/event/event.h"
#include "pipeline/text/matcher.h"

namespace logboom {

/// Immutable; evaluate() may run on any thread, each with its own scratch.
class Condition {
 public:
  /// Working memory of one worker, and where comparisons that cannot be made are counted.
  struct Scratch {
    MatchScratch match;
    Counter* failures = nullptr;     // may be nullptr
    std::string* failure = nullptr;  // when set: takes the last failure's text, for the dead-letter queue
  };

  /// Compiles a condition; problems (a field reference or an expression that cannot be read) are reported at their place.
  static Condition compile(const ConditionNode& node, Diagnostics& diagnostics);

  /// Truth for one event. What cannot be compared (a missing field with <, a text with a number) is false, counted, and told
  /// in the log now and then; the event goes on. docs/pipeline-language.md has the table of meanings.
  bool evaluate(const Event& event, Scratch& scratch) const { return evaluate(root_, event, scratch); }

 private:
  struct Side {
    enum class Kind { Literal, Field, List, Expression };
    Kind kind = Kind::Literal;
    Value literal;  // texts in texts_
    FieldRef field;
    std::vector<Side> items;
    std::shared_ptr<const Matcher> matcher;
  };
  /// Where a comparison by size stands, for the log line about values that do not compare.
  struct Place {
    std::string name;     // "web.conf:12:6"
    std::string written;  // "[bytes] > 5"
    LogRateLimit limit{60};
  };
  struct Node {
    ConditionNode::Kind kind = ConditionNode::Kind::Truthy;
    std::vector<Node> children;
    Side left;
    Side right;
    std::shared_ptr<Place> place;  // of < > <= >=
  };

  Node compile_node(const ConditionNode& node, Diagnostics& diagnostics);
  Side compile_side(const Operand& operand, Diagnostics& diagnostics);
  Side compile_expression(const Operand& operand, Diagnostics& diagnostics);

  static std::shared_ptr<Place> place_of(const SourceSpan& span);
  static void tell_failure(const Node& node, const Value* left, const Value* right, Scratch& scratch);
  static const Value* resolve(const Side& side, const Event& event);
  static bool evaluate(const Node& node, const Event& event, Scratch& scratch);
  static bool evaluate_order(const Node& node, const Event& event, Scratch& scratch);
  static bool evaluate_in(const Node& node, const Event& event, Scratch& scratch);
  static bool evaluate_match(const Node& node, const Event& event, Scratch& scratch);

  std::shared_ptr<Arena> texts_ = std::make_shared<Arena>();
  Node root_;
};

}  // namespace logboom
