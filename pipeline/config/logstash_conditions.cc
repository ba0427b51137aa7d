#include "pipeline/config/logstash_conditions.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/config/condition_grouping.h"
#include "pipeline/config/logstash_operands.h"

namespace logboom {
namespace {

using Kind = ConditionNode::Kind;

struct Remedy {
  std::string_view text;
  std::string_view remedy;
};

/// Signs and words of other languages where an operator is expected; longer ones first.
constexpr Remedy kForeignOperators[] = {
    {"&&", "use \"and\""},
    {"||", "use \"or\""},
    {"&", "use \"and\""},
    {"|", "use \"or\""},
    {"^", "use \"xor\""},
    {"=>", "use \">=\""},
    {"=<", "use \"<=\""},
    {"=", "use \"==\""},
    {"~=", "use \"=~\""},
    {"~", "use \"=~\""},
    {"!in", "use \"not in\""},
    {"!", "use \"!=\" or \"!~\""},
    {"AND", "use \"and\""},
    {"OR", "use \"or\""},
    {"XOR", "use \"xor\""},
    {"NAND", "use \"nand\""},
    {"IN", "use \"in\""},
    {"NOT", "use \"not in\""},
    {"notin", "use \"not in\""},
    {"is", "use \"==\""},
    {"eq", "use \"==\""},
    {"ne", "use \"!=\""},
    {"contains", "use \"text\" in [field]"},
    {"like", "use \"=~\" and a regular expression"},
    {"matches", "use \"=~\" and a regular expression"},
    {"then", "the block follows in braces"},
};

constexpr std::pair<std::string_view, Kind> kComparisons[] = {
    {"==", Kind::Equal}, {"!=", Kind::NotEqual}, {"<=", Kind::LessEqual},  {">=", Kind::GreaterEqual},
    {"<", Kind::Less},   {">", Kind::Greater},   {"=~", Kind::RegexMatch}, {"!~", Kind::RegexNoMatch},
};

struct Comparison {
  Kind kind = Kind::Equal;
  std::string written;
  std::uint32_t begin = 0;
};

SourceSpan joined(const SourceSpan& first, const SourceSpan& last) {
  return {first.source, first.offset, last.offset + last.length - first.offset};
}

std::optional<Kind> boolean_operator(std::string_view word) {
  if (word == "and") return Kind::And;
  if (word == "or") return Kind::Or;
  if (word == "xor") return Kind::Xor;
  if (word == "nand") return Kind::Nand;
  return std::nullopt;
}

class ConditionReader {
 public:
  explicit ConditionReader(LogstashCursor& cursor) : cursor_(cursor) {}

  bool read_chain(ConditionTerm& chain) {
    std::vector<ConditionTerm> terms;
    std::vector<BooleanOperator> operators;
    const std::uint32_t begin = cursor_.offset();
    for (;;) {
      cursor_.skip_space();
      ConditionTerm term;
      const std::uint32_t term_begin = cursor_.offset();
      if (!read_expression(term)) return false;
      term.written = cursor_.text_between(term_begin, cursor_.offset());
      term.node.span = cursor_.span(term_begin, cursor_.offset());
      terms.push_back(std::move(term));
      const std::uint32_t term_end = cursor_.offset();
      cursor_.skip_space();
      const std::string_view word = cursor_.peek_word();
      const auto kind = boolean_operator(word);
      if (!kind) {
        cursor_.go_to(term_end);
        break;
      }
      operators.push_back({*kind, cursor_.next_span()});
      cursor_.advance(word.size());
    }
    return group(cursor_.span(begin, cursor_.offset()), std::move(terms), operators, chain);
  }

  /// "expected WHAT, found X", with a remedy when X is another language's operator.
  void refuse_next(std::string_view what, std::string hint) {
    for (const Remedy& foreign : kForeignOperators) {
      const bool is_word = foreign.text.front() >= 'A' && foreign.text.front() != '^' && foreign.text.front() != '|' &&
                           foreign.text.front() != '~';
      if (is_word ? cursor_.peek_word() != foreign.text : !cursor_.looks_at(foreign.text)) continue;
      cursor_.error(sign_span(foreign.text), fmt::format("\"{}\" is no operator", foreign.text),
                    std::string(foreign.remedy));
      return;
    }
    cursor_.error_expected(what, std::move(hint));
  }

 private:
  bool group(SourceSpan span, std::vector<ConditionTerm> terms, const std::vector<BooleanOperator>& operators,
             ConditionTerm& chain) {
    GroupedCondition grouped = group_condition(std::move(terms), operators, kMaxConfigNesting);
    if (grouped.problem == GroupedCondition::Problem::MixedExclusive) {
      const auto word =
          cursor_.text_between(grouped.problem_span.offset, grouped.problem_span.offset + grouped.problem_span.length);
      cursor_.error(grouped.problem_span, fmt::format("\"{}\" cannot stand beside another and, or, xor or nand", word),
                    "put parentheses around each pair");
      return false;
    }
    if (grouped.problem == GroupedCondition::Problem::TooDeep) {
      cursor_.error(span, fmt::format("this condition nests deeper than {} levels", kMaxConfigNesting),
                    "group its parts by parentheses");
      return false;
    }
    if (grouped.is_unusual) {
      cursor_.notice(span, fmt::format("as in Logstash, this is read as {}", grouped.reading),
                     "write the parentheses that you mean");
    }
    chain.node = std::move(grouped.node);
    chain.depth = grouped.depth;
    return true;
  }

  bool read_expression(ConditionTerm& term) {
    if (cursor_.peek() == '(') return read_parentheses(term);
    if (cursor_.peek() == '!' && cursor_.peek(1) != '=' && cursor_.peek(1) != '~') return read_negation(term);
    for (const auto& [sign, kind] : kComparisons) {
      if (!cursor_.looks_at(sign)) continue;
      cursor_.error(sign_span(sign), fmt::format("nothing stands on the left of \"{}\"", sign), "a field is written [name]");
      return false;
    }
    const std::string_view word = cursor_.peek_word();
    if (boolean_operator(word) || word == "in") {
      cursor_.error(cursor_.next_span(), fmt::format("nothing stands on the left of \"{}\"", word));
      return false;
    }
    if (word == "not" || word == "NOT") {
      cursor_.error(cursor_.next_span(), "\"not\" stands only in \"not in\"", "negate by \"!\": ![field] or !( ... )");
      return false;
    }
    return read_comparison(term);
  }

  bool read_parentheses(ConditionTerm& term) {
    const SourceSpan opened = cursor_.next_span();
    if (!cursor_.enter(opened)) return false;
    cursor_.advance(1);
    cursor_.skip_space();
    if (cursor_.peek() == ')') {
      cursor_.error(joined(opened, cursor_.next_span()), "these parentheses are empty", "a condition stands in them");
      cursor_.leave();
      return false;
    }
    const bool is_read = read_chain(term);
    cursor_.leave();
    if (!is_read) return false;
    ++term.depth;
    cursor_.skip_space();
    if (!cursor_.accept(")")) {
      refuse_next("\")\"", fmt::format("the parenthesis of line {}, column {} is not closed", cursor_.line_of(opened.offset),
                                       cursor_.column_of(opened.offset)));
      return false;
    }
    if (peek_comparison()) {
      refuse_comparison("a condition in parentheses cannot be compared", "compare values inside the parentheses");
      return false;
    }
    return true;
  }

  bool read_negation(ConditionTerm& term) {
    const SourceSpan sign = cursor_.next_span();
    cursor_.advance(1);
    cursor_.skip_space();
    ConditionTerm negated;
    if (cursor_.peek() == '(') {
      if (!read_parentheses(negated)) return false;
    } else if (cursor_.peek() == '[') {
      Operand field;
      if (!read_operand(cursor_, field)) return false;
      if (field.kind != Operand::Kind::Field) {
        cursor_.error(field.span, "\"!\" stands before a field or parentheses only", "a list is no condition");
        return false;
      }
      if (peek_comparison()) {
        cursor_.error(sign, "\"!\" negates only the field, which cannot be compared then",
                      "put the comparison in parentheses: !( ... )");
        return false;
      }
      negated.node.span = field.span;
      negated.node.operands.push_back(std::move(field));
    } else {
      cursor_.error(sign, "\"!\" stands before a field or parentheses only",
                    cursor_.peek() == '!' ? "two negations cancel out; write neither"
                    : cursor_.looks_at_string()
                        ? "write \"not in\" for !... in, or put the comparison in parentheses: !( ... )"
                        : "write ![field] or !( ... )");
      return false;
    }
    term.node.kind = Kind::Not;
    term.node.children.push_back(std::move(negated.node));
    term.depth = negated.depth + 1;
    return true;
  }

  bool read_comparison(ConditionTerm& term) {
    Operand left;
    if (!read_operand(cursor_, left)) return false;
    const auto comparison = peek_comparison();
    if (!comparison) return read_truth_test(std::move(left), term.node);
    cursor_.go_to(comparison->begin);
    if (refuses_sign()) return false;
    cursor_.advance(comparison->written.size());
    cursor_.skip_space();
    if (cursor_.is_at_end() || cursor_.peek() == '{' || cursor_.peek() == ')') {
      cursor_.error(cursor_.next_span(), fmt::format("nothing stands on the right of \"{}\"", comparison->written));
      return false;
    }
    const bool is_match = comparison->kind == Kind::RegexMatch || comparison->kind == Kind::RegexNoMatch;
    if (is_match && !cursor_.peek_word().empty()) {
      cursor_.error(cursor_.next_span(), fmt::format("the right of \"{}\" is a regular expression", comparison->written),
                    fmt::format("write /{}/", cursor_.peek_word().substr(0, 40)));
      return false;
    }
    Operand right;
    if (!read_operand(cursor_, right)) return false;
    if (!check_operands(*comparison, left, right)) return false;
    if (peek_comparison()) {
      refuse_comparison("a comparison has two sides only", "join comparisons by \"and\"");
      return false;
    }
    term.node.kind = comparison->kind;
    term.node.operands.push_back(std::move(left));
    term.node.operands.push_back(std::move(right));
    return true;
  }

  bool read_truth_test(Operand tested, ConditionNode& node) {
    const bool is_variable = tested.kind == Operand::Kind::String && is_whole_variable(tested);
    if (tested.kind != Operand::Kind::Field && !is_variable) {
      const std::uint32_t before = cursor_.offset();
      cursor_.skip_space();
      const bool is_last = cursor_.peek() == '{' || cursor_.peek() == ')' || boolean_operator(cursor_.peek_word());
      if (is_last) {
        cursor_.error(tested.span, fmt::format("a {} alone is no condition", operand_kind_name(tested.kind)),
                      "compare it with something, or name a field: [field]");
      } else {
        refuse_next("a comparison such as \"==\" or \"in\"", "");
      }
      cursor_.go_to(before);
      return false;
    }
    node.operands.push_back(std::move(tested));
    return true;
  }

  /// The comparison behind blanks, if one is next; the place does not change.
  std::optional<Comparison> peek_comparison() {
    const std::uint32_t before = cursor_.offset();
    cursor_.skip_space();
    auto found = comparison_here();
    cursor_.go_to(before);
    return found;
  }

  std::optional<Comparison> comparison_here() {
    const std::uint32_t begin = cursor_.offset();
    if (cursor_.looks_at("=>") || cursor_.looks_at("=<")) return std::nullopt;
    for (const auto& [sign, kind] : kComparisons)
      if (cursor_.looks_at(sign)) return Comparison{kind, std::string(sign), begin};
    const std::string_view word = cursor_.peek_word();
    if (word == "in") return Comparison{Kind::In, "in", begin};
    if (word != "not") return std::nullopt;
    cursor_.advance(word.size());
    if (!cursor_.skip_space() || cursor_.peek_word() != "in") return std::nullopt;
    return Comparison{Kind::NotIn, std::string(cursor_.text_between(begin, cursor_.offset() + 2)), begin};
  }

  /// "===", "!==" and "<>" begin like a comparison but are none. True after the error.
  bool refuses_sign() {
    for (const Remedy& sign : {Remedy{"===", "use \"==\""}, Remedy{"!==", "use \"!=\""}, Remedy{"<>", "use \"!=\""},
                               Remedy{"==~", "use \"=~\""}, Remedy{"<=>", "compare by one of < <= == >= >"}}) {
      if (!cursor_.looks_at(sign.text)) continue;
      cursor_.error(sign_span(sign.text), fmt::format("\"{}\" is no operator", sign.text), std::string(sign.remedy));
      return true;
    }
    return false;
  }

  bool check_operands(const Comparison& comparison, const Operand& left, const Operand& right) {
    const bool is_match = comparison.kind == Kind::RegexMatch || comparison.kind == Kind::RegexNoMatch;
    if (left.kind == Operand::Kind::Regex) {
      cursor_.error(left.span, "a regular expression stands on the right only", "write [field] =~ /.../");
      return false;
    }
    if (is_match && right.kind != Operand::Kind::Regex && right.kind != Operand::Kind::String) {
      cursor_.error(right.span,
                    fmt::format("the right of \"{}\" is a regular expression, not a {}", comparison.written,
                                operand_kind_name(right.kind)),
                    "write /.../ or a quoted text");
      return false;
    }
    if (!is_match && right.kind == Operand::Kind::Regex) {
      const bool is_negative = comparison.kind == Kind::NotEqual || comparison.kind == Kind::NotIn;
      cursor_.error(right.span, fmt::format("\"{}\" does not take a regular expression", comparison.written),
                    is_negative ? "use \"!~\"" : "use \"=~\"");
      return false;
    }
    if (comparison.kind == Kind::In || comparison.kind == Kind::NotIn) notice_single_item(cursor_, right);
    return true;
  }

  SourceSpan sign_span(std::string_view sign) const {
    return cursor_.span(cursor_.offset(), static_cast<std::uint32_t>(cursor_.offset() + sign.size()));
  }

  void refuse_comparison(std::string message, std::string hint) {
    cursor_.skip_space();
    cursor_.error(cursor_.next_span(), std::move(message), std::move(hint));
  }

  LogstashCursor& cursor_;
};

}  // namespace

bool read_condition(LogstashCursor& cursor, ConditionNode& condition) {
  cursor.skip_space();
  if (cursor.peek() == '{') {
    cursor.error(cursor.next_span(), "a condition is missing before this brace", "as in: if [field] == \"text\" {");
    return false;
  }
  ConditionReader reader(cursor);
  ConditionTerm whole;
  if (!reader.read_chain(whole)) return false;
  cursor.skip_space();
  if (cursor.peek() != '{') {
    reader.refuse_next("\"{\" after the condition", "");
    return false;
  }
  condition = std::move(whole.node);
  return true;
}

}  // namespace logboom
