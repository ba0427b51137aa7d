#include "pipeline/compile/condition.h"

#include <fmt/core.h>

#include <string>

namespace logboom {
namespace {

bool is_truthy(const Value* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is_boolean()) return value->as_boolean();
  if (value->is_string()) return !value->as_string().empty() && value->as_string() != "false";
  return true;
}

bool are_equal(const Value* left, const Value* right) {
  const bool has_left = left != nullptr && !left->is_null();
  const bool has_right = right != nullptr && !right->is_null();
  if (!has_left || !has_right) return has_left == has_right;
  return values_equal(*left, *right);
}

enum class Order { Less, Equal, Greater, None };

template <class T>
Order order_of(const T& left, const T& right) {
  if (left < right) return Order::Less;
  return right < left ? Order::Greater : Order::Equal;
}

/// How two values compare; None when they do not.
Order compare(const Value* left, const Value* right) {
  if (left == nullptr || right == nullptr) return Order::None;
  if (left->is_string() && right->is_string()) return order_of(left->as_string(), right->as_string());
  if (left->is_integer() && right->is_integer()) return order_of(left->as_integer(), right->as_integer());
  if (left->is_timestamp() && right->is_timestamp()) return order_of(left->as_timestamp(), right->as_timestamp());
  if (left->is_number() && right->is_number()) {
    const auto number = [](const Value& value) {
      if (value.is_integer()) return static_cast<double>(value.as_integer());
      if (value.is_double()) return value.as_double();
      return std::strtod(std::string(value.as_string()).c_str(), nullptr);
    };
    return order_of(number(*left), number(*right));
  }
  return Order::None;
}

std::string_view text_of(const Value& value, std::string& storage) {
  if (value.is_string()) return value.as_string();
  storage.clear();
  append_value_text(value, storage);
  return storage;
}

}  // namespace

Condition Condition::compile(const ConditionNode& node, Diagnostics& diagnostics) {
  Condition made;
  made.root_ = made.compile_node(node, diagnostics);
  return made;
}

Condition::Node Condition::compile_node(const ConditionNode& node, Diagnostics& diagnostics) {
  Node made;
  made.kind = node.kind;
  for (const ConditionNode& child : node.children) made.children.push_back(compile_node(child, diagnostics));
  if (!node.operands.empty()) made.left = compile_side(node.operands[0], diagnostics);
  if (node.operands.size() < 2) return made;
  const bool is_match = node.kind == ConditionNode::Kind::RegexMatch || node.kind == ConditionNode::Kind::RegexNoMatch;
  made.right = is_match ? compile_expression(node.operands[1], diagnostics) : compile_side(node.operands[1], diagnostics);
  const bool is_order = node.kind == ConditionNode::Kind::Less || node.kind == ConditionNode::Kind::Greater ||
                        node.kind == ConditionNode::Kind::LessEqual || node.kind == ConditionNode::Kind::GreaterEqual;
  if (is_order) made.place = place_of(node.span);
  return made;
}

std::shared_ptr<Condition::Place> Condition::place_of(const SourceSpan& span) {
  auto made = std::make_shared<Place>();
  if (span.source == nullptr) return made;
  const SourceLocation location = span.source->locate(span.offset);
  made->name = fmt::format("{}:{}:{}", span.source->name(), location.line, location.column);
  made->written = std::string(span.source->text().substr(span.offset, span.length));
  return made;
}

Condition::Side Condition::compile_side(const Operand& operand, Diagnostics& diagnostics) {
  Side made;
  switch (operand.kind) {
    case Operand::Kind::String: made.literal = Value::string(texts_->copy(operand.text)); break;
    case Operand::Kind::Number:
      made.literal = operand.is_integer ? Value::integer(operand.integer) : Value::real(operand.real);
      break;
    case Operand::Kind::Field: {
      made.kind = Side::Kind::Field;
      auto field = FieldRef::parse(operand.text);
      if (field) {
        made.field = std::move(*field);
      } else {
        diagnostics.error(operand.span, field.error().message);
      }
      break;
    }
    case Operand::Kind::Array:
      made.kind = Side::Kind::List;
      for (const Operand& item : operand.items) made.items.push_back(compile_side(item, diagnostics));
      break;
    case Operand::Kind::Regex: return compile_expression(operand, diagnostics);
  }
  return made;
}

Condition::Side Condition::compile_expression(const Operand& operand, Diagnostics& diagnostics) {
  Side made;
  made.kind = Side::Kind::Expression;
  MatcherOptions options;
  options.captures = false;
  auto matcher = Matcher::compile(operand.text, options);
  if (!matcher) {
    diagnostics.error(operand.span, matcher.error().message);
    return made;
  }
  made.matcher = std::move(*matcher);
  const std::string note = made.matcher->engine_note();
  if (!note.empty()) diagnostics.notice(operand.span, note);
  return made;
}

const Value* Condition::resolve(const Side& side, const Event& event) {
  if (side.kind == Side::Kind::Literal) return &side.literal;
  if (side.kind == Side::Kind::Field) return event.get(side.field);
  return nullptr;
}

bool Condition::evaluate(const Node& node, const Event& event, Scratch& scratch) {
  using Kind = ConditionNode::Kind;
  switch (node.kind) {
    case Kind::And: return evaluate(node.children[0], event, scratch) && evaluate(node.children[1], event, scratch);
    case Kind::Or: return evaluate(node.children[0], event, scratch) || evaluate(node.children[1], event, scratch);
    case Kind::Xor: return evaluate(node.children[0], event, scratch) != evaluate(node.children[1], event, scratch);
    case Kind::Nand: return !(evaluate(node.children[0], event, scratch) && evaluate(node.children[1], event, scratch));
    case Kind::Not: return !evaluate(node.children[0], event, scratch);
    case Kind::Truthy: return is_truthy(resolve(node.left, event));
    case Kind::Equal: return are_equal(resolve(node.left, event), resolve(node.right, event));
    case Kind::NotEqual: return !are_equal(resolve(node.left, event), resolve(node.right, event));
    case Kind::Less:
    case Kind::Greater:
    case Kind::LessEqual:
    case Kind::GreaterEqual: return evaluate_order(node, event, scratch);
    case Kind::In: return evaluate_in(node, event, scratch);
    case Kind::NotIn: return !evaluate_in(node, event, scratch);
    case Kind::RegexMatch: return evaluate_match(node, event, scratch);
    case Kind::RegexNoMatch: return !evaluate_match(node, event, scratch);
  }
  return false;
}

bool Condition::evaluate_order(const Node& node, const Event& event, Scratch& scratch) {
  const Value* const left = resolve(node.left, event);
  const Value* const right = resolve(node.right, event);
  switch (compare(left, right)) {
    case Order::None: tell_failure(node, left, right, scratch); return false;
    case Order::Less: return node.kind == ConditionNode::Kind::Less || node.kind == ConditionNode::Kind::LessEqual;
    case Order::Equal: return node.kind == ConditionNode::Kind::LessEqual || node.kind == ConditionNode::Kind::GreaterEqual;
    case Order::Greater: return node.kind == ConditionNode::Kind::Greater || node.kind == ConditionNode::Kind::GreaterEqual;
  }
  return false;
}

void Condition::tell_failure(const Node& node, const Value* left, const Value* right, Scratch& scratch) {
  if (scratch.failures != nullptr) scratch.failures->add();
  const bool is_missing = left == nullptr || right == nullptr || left->is_null() || right->is_null();
  const char* const what = is_missing ? "without the field" : "whose value is of another kind";
  if (scratch.failure != nullptr)
    *scratch.failure =
        fmt::format("{}: the condition {} cannot be evaluated for an event {}", node.place->name, node.place->written, what);
  if (!node.place->limit.allow()) return;
  log_warn("condition", "{}: \"{}\" is false for events {}, which go {} ({} more such comparisons)", node.place->name,
           node.place->written, what, scratch.failure != nullptr ? "to the dead-letter queue" : "on",
           node.place->limit.suppressed());
}

bool Condition::evaluate_in(const Node& node, const Event& event, Scratch&) {
  const Value* left = resolve(node.left, event);
  if (left == nullptr || left->is_null() || left->is_array() || left->is_object()) return false;
  if (node.right.kind == Side::Kind::List) {  // a list in the configuration compares texts
    std::string left_storage;
    std::string right_storage;
    const std::string_view text = text_of(*left, left_storage);
    for (const Side& item : node.right.items) {
      const Value* value = resolve(item, event);
      if (value != nullptr && !value->is_null() && text_of(*value, right_storage) == text) return true;
    }
    return false;
  }
  const Value* right = resolve(node.right, event);
  if (right == nullptr) return false;
  if (right->is_string()) return left->is_string() && right->as_string().find(left->as_string()) != std::string_view::npos;
  if (!right->is_array()) return !right->is_object() && values_equal(*left, *right);
  for (const Value& item : right->as_array())
    if (values_equal(*left, item)) return true;
  return false;
}

bool Condition::evaluate_match(const Node& node, const Event& event, Scratch& scratch) {
  const Value* left = resolve(node.left, event);
  if (left == nullptr || !left->is_string()) return false;
  return node.right.matcher->match(left->as_string(), scratch.match) == MatchStatus::Matched;
}

}  // namespace logboom
