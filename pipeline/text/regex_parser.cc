#include "pipeline/text/regex_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "pipeline/text/bracket_parser.h"
#include "pipeline/text/group_numbering.h"
#include "pipeline/text/quantifier_parser.h"
#include "pipeline/text/regex_source.h"

namespace logboom {
namespace {

constexpr int kDeepestNesting = 200;
constexpr int kMostStackedQuantifiers = 20;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

RegexNodePtr make_node(RegexNodeKind kind, std::size_t offset) {
  auto node = std::make_unique<RegexNode>();
  node->kind = kind;
  node->offset = offset;
  return node;
}

// What (?imx-imx) and (?adu) switch; holds to the end of the enclosing group.
struct Modes {
  bool ignore_case = false;
  bool matches_newline = false;
  bool is_extended = false;
  UnicodeReach reach = UnicodeReach::Default;
};

class RegexParser {
 public:
  RegexParser(std::string_view pattern, const RegexParseOptions& options) : source_(pattern) {
    modes_.ignore_case = options.ignore_case;
    modes_.matches_newline = options.dot_matches_newline;
  }

  RegexTree parse() {
    RegexTree tree;
    tree.root = parse_alternatives(0);
    if (!source_.at_end()) source_.fail(source_.offset(), "this ) closes nothing; write \\) for the character as such");
    tree.group_count = group_count_;
    return tree;
  }

 private:
  RegexNodePtr make(RegexNodeKind kind, std::size_t offset) const {
    auto node = make_node(kind, offset);
    node->ignore_case = modes_.ignore_case;
    node->matches_newline = modes_.matches_newline;
    return node;
  }

  RegexNodePtr parse_alternatives(int depth) {
    if (depth > kDeepestNesting) source_.fail(source_.offset(), "groups are nested too deeply (more than 200)");
    const std::size_t begin = source_.offset();
    auto first = parse_sequence(depth);
    if (source_.peek() != '|') return first;
    auto node = make(RegexNodeKind::Alternate, begin);
    node->children.push_back(std::move(first));
    while (source_.take("|")) node->children.push_back(parse_sequence(depth));
    return node;
  }

  RegexNodePtr parse_sequence(int depth) {
    auto node = make(RegexNodeKind::Concat, source_.offset());
    for (;;) {
      skip_insignificant();
      if (source_.at_end() || source_.peek() == '|' || source_.peek() == ')') break;
      if (at_quantifier(source_)) {
        source_.fail(source_.offset(),
                     "there is nothing in front of this to repeat; write a backslash before it for the character");
      }
      auto item = parse_item(depth);
      if (before_item_) append(*node, std::move(before_item_));
      for (int stacked = 0;; ++stacked) {
        skip_insignificant();
        if (!at_quantifier(source_)) break;
        if (stacked == kMostStackedQuantifiers) source_.fail(source_.offset(), "too many quantifiers on one item");
        item = parse_quantifier(source_, std::move(item));
      }
      append(*node, std::move(item));
    }
    if (node->children.size() == 1) return std::move(node->children[0]);
    if (node->children.empty()) node->kind = RegexNodeKind::Empty;
    return node;
  }

  // Joins neighbouring literals; a quantifier took its own character before.
  static void append(RegexNode& sequence, RegexNodePtr item) {
    if (item->kind == RegexNodeKind::Literal && !sequence.children.empty()) {
      RegexNode& last = *sequence.children.back();
      if (last.kind == RegexNodeKind::Literal && last.ignore_case == item->ignore_case) {
        last.text += item->text;
        return;
      }
    }
    sequence.children.push_back(std::move(item));
  }

  // White space and comments under (?x), and (?#…) always.
  void skip_insignificant() {
    for (;;) {
      const std::size_t begin = source_.offset();
      if (source_.take("(?#")) {
        while (!source_.at_end() && source_.peek() != ')') source_.skip(source_.peek() == '\\' ? 2 : 1);
        if (!source_.take(")")) source_.fail(begin, "this comment has no closing )");
      } else if (modes_.is_extended && !source_.at_end() &&
                 std::string_view(" \t\n\r\f\v").find(source_.peek()) != std::string_view::npos) {
        source_.skip(1);
      } else if (modes_.is_extended && source_.peek() == '#') {
        while (!source_.at_end() && source_.peek() != '\n') source_.skip(1);
      } else {
        return;
      }
    }
  }

  RegexNodePtr parse_item(int depth) {
    const std::size_t begin = source_.offset();
    const char c = source_.peek();
    switch (c) {
      case '(': source_.skip(1); return parse_group(begin, depth);
      case '[': {
        source_.skip(1);
        auto node = make(RegexNodeKind::Set, begin);
        node->set = parse_bracket(source_, modes_.reach);
        return node;
      }
      case '.': source_.skip(1); return make(RegexNodeKind::AnyChar, begin);
      case '^': source_.skip(1); return make_assertion(AssertionKind::LineStart, begin);
      case '$': source_.skip(1); return make_assertion(AssertionKind::LineEnd, begin);
      case '\\': source_.skip(1); return parse_escape(begin);
      default: {
        auto node = make(RegexNodeKind::Literal, begin);
        append_utf8(node->text, source_.take_character());
        return node;
      }
    }
  }

  RegexNodePtr make_assertion(AssertionKind kind, std::size_t offset) const {
    auto node = make(RegexNodeKind::Assertion, offset);
    node->assertion = kind;
    node->has_unicode_border = modes_.reach != UnicodeReach::Ascii;
    return node;
  }

  RegexNodePtr parse_escape(std::size_t begin) {
    if (auto set = parse_set_escape(source_, modes_.reach)) {
      auto node = make(RegexNodeKind::Set, begin);
      node->set = std::move(*set);
      return node;
    }
    const char c = source_.peek();
    const auto assertion = [&](AssertionKind kind) {
      source_.skip(1);
      return make_assertion(kind, begin);
    };
    const auto plain = [&](RegexNodeKind kind) {
      source_.skip(1);
      return make(kind, begin);
    };
    switch (c) {
      case 'A': return assertion(AssertionKind::TextStart);
      case 'z': return assertion(AssertionKind::TextEnd);
      case 'Z': return assertion(AssertionKind::TextEndOrNewline);
      case 'b': return assertion(AssertionKind::WordBorder);
      case 'B': return assertion(AssertionKind::NoWordBorder);
      case 'G': return assertion(AssertionKind::SearchStart);
      case 'K': return plain(RegexNodeKind::Keep);
      case 'R': return plain(RegexNodeKind::LineBreak);
      case 'X': return plain(RegexNodeKind::Grapheme);
      case 'k':
      case 'g':
        if (source_.peek(1) == '<' || source_.peek(1) == '\'') return parse_named_reference(begin, c == 'g');
        break;
      default: break;
    }
    if (c >= '1' && c <= '9') {
      if (auto node = parse_numbered_reference(begin)) return node;
    }
    auto node = make(RegexNodeKind::Literal, begin);
    for (const char32_t character : take_character_escape(source_, false)) append_utf8(node->text, character);
    if (node->text.size() > 4 || (node->text.size() > 1 && static_cast<unsigned char>(node->text[0]) < 0x80)) {
      return split_for_quantifier(std::move(node));
    }
    return node;
  }

  // \u{41 42}: a quantifier behind it repeats the last character only, so that is the item and the others go before it.
  RegexNodePtr split_for_quantifier(RegexNodePtr node) {
    const std::size_t offset = source_.offset();
    skip_insignificant();
    const bool is_repeated = !source_.at_end() && at_quantifier(source_);
    source_.rewind(offset);
    if (!is_repeated) return node;
    std::size_t last = node->text.size() - 1;
    while ((static_cast<unsigned char>(node->text[last]) & 0xc0) == 0x80) --last;
    before_item_ = make(RegexNodeKind::Literal, node->offset);
    before_item_->text = node->text.substr(0, last);
    node->text.erase(0, last);
    return node;
  }

  // \1 to \9, and \10 and up while there are so many groups; other digits are octal.
  RegexNodePtr parse_numbered_reference(std::size_t begin) {
    const std::size_t digits_begin = source_.offset();
    std::size_t digits = 0;
    const char32_t number = source_.take_number(10, 6, digits);
    if (number > 9 && number > group_count_) {
      source_.rewind(digits_begin);
      if (source_.peek() >= '8')
        source_.fail(begin, fmt::format("there is no group {} to refer back to", static_cast<unsigned>(number)));
      return nullptr;
    }
    auto node = make(RegexNodeKind::BackReference, begin);
    node->targets.push_back(number);
    return node;
  }

  std::string take_name(std::size_t begin, char close) {
    const std::size_t name_begin = source_.offset();
    const std::size_t end = source_.text().find(close, name_begin);
    if (end == std::string_view::npos) source_.fail(begin, fmt::format("this name has no closing {}", close));
    source_.rewind(end + 1);
    if (end == name_begin) source_.fail(begin, "the name between < and > is empty");
    return std::string(source_.text().substr(name_begin, end - name_begin));
  }

  // Turns "3", "-1" and "+1" into a group number; leaves a name where it is.
  void resolve_number(RegexNode& node, std::string name) {
    const bool is_signed = name[0] == '-' || name[0] == '+';
    const bool is_number = name.size() > (is_signed ? 1U : 0U) && name.size() < 8 &&
                           std::all_of(name.begin() + (is_signed ? 1 : 0), name.end(), is_digit);
    if (!is_number) {
      node.name = std::move(name);
      return;
    }
    const auto number = static_cast<std::size_t>(std::stoul(name.substr(is_signed ? 1 : 0)));
    if (name[0] == '-' && (number == 0 || number > group_count_))
      source_.fail(node.offset, "there are not that many groups before this");
    node.targets.push_back(name[0] == '-' ? group_count_ + 1 - number : name[0] == '+' ? group_count_ + number : number);
  }

  RegexNodePtr parse_named_reference(std::size_t begin, bool is_call) {
    const char close = source_.peek(1) == '<' ? '>' : '\'';
    source_.skip(2);
    auto node = make(is_call ? RegexNodeKind::Call : RegexNodeKind::BackReference, begin);
    std::string name = take_name(begin, close);
    if (!is_call && (name[0] == '+' || name == "0"))
      source_.fail(begin, "a back-reference names a group before it: \\k<1>, \\k<-1>, \\k<name>");
    resolve_number(*node, std::move(name));
    return node;
  }

  RegexNodePtr close_group(RegexNodePtr group, int depth) {
    const Modes outer = modes_;
    group->children.push_back(parse_alternatives(depth + 1));
    modes_ = outer;
    if (!source_.take(")")) source_.fail(group->offset, "this ( has no closing ); write \\( for the character as such");
    return group;
  }

  RegexNodePtr parse_group(std::size_t begin, int depth) {
    auto node = make(RegexNodeKind::Group, begin);
    if (!source_.take("?")) {
      node->group = GroupKind::Capture;
      node->group_index = ++group_count_;
      return close_group(std::move(node), depth);
    }
    if (source_.at_end()) source_.fail(begin, "the expression ends inside a group");
    if (source_.take(":")) return close_group(std::move(node), depth);
    if (source_.take(">")) {
      node->group = GroupKind::Atomic;
      return close_group(std::move(node), depth);
    }
    if (source_.take("~"))
      source_.fail(begin, "the absent operator (?~…) cannot be carried over; write (?:(?!…).)* for what it stands for");
    if (source_.starts_with("=") || source_.starts_with("!") || source_.starts_with("<=") || source_.starts_with("<!")) {
      node->kind = RegexNodeKind::Look;
      node->is_behind = source_.take("<");
      node->is_negative = source_.peek() == '!';
      source_.skip(1);
      return close_group(std::move(node), depth);
    }
    if (source_.peek() == '<' || source_.peek() == '\'') {
      const char close = source_.peek() == '<' ? '>' : '\'';
      source_.skip(1);
      node->group = GroupKind::Capture;
      node->name = take_name(begin, close);
      if (is_digit(node->name[0]) || node->name[0] == '-' || node->name.find(')') != std::string::npos) {
        source_.fail(
            begin,
            fmt::format("\"{}\" is no name for a group: it may not begin with a digit or a dash nor hold a )", node->name));
      }
      node->group_index = ++group_count_;
      return close_group(std::move(node), depth);
    }
    if (source_.take("(")) return parse_condition(begin, depth);
    return parse_modes(std::move(node), depth);
  }

  // (?i-mx:…) holds inside; (?i) holds to the end of the enclosing group and takes the alternatives there with it.
  RegexNodePtr parse_modes(RegexNodePtr node, int depth) {
    Modes modes = modes_;
    for (bool is_on = true;; source_.skip(1)) {
      const char c = source_.peek();
      if (c == '-' && is_on) {
        is_on = false;
      } else if (c == 'i') {
        modes.ignore_case = is_on;
      } else if (c == 'm') {
        modes.matches_newline = is_on;
      } else if (c == 'x') {
        modes.is_extended = is_on;
      } else if (is_on && (c == 'a' || c == 'd' || c == 'u')) {
        modes.reach = c == 'a' ? UnicodeReach::Ascii : c == 'u' ? UnicodeReach::Unicode : UnicodeReach::Default;
      } else if (c == ':' || c == ')') {
        break;
      } else {
        source_.fail(
            node->offset,
            "this group begins with nothing known; there are (?:…) (?<name>…) (?=…) (?!…) (?<=…) (?<!…) (?>…) (?imx-imx:…)");
      }
    }
    const bool holds_to_end = source_.peek() == ')';
    source_.skip(1);
    const Modes outer = std::exchange(modes_, modes);
    node->ignore_case = modes.ignore_case;
    node->children.push_back(parse_alternatives(depth + 1));
    modes_ = outer;
    if (!holds_to_end && !source_.take(")"))
      source_.fail(node->offset, "this ( has no closing ); write \\( for the character as such");
    return node;
  }

  RegexNodePtr parse_condition(std::size_t begin, int depth) {
    auto node = make(RegexNodeKind::Condition, begin);
    const char open = source_.peek();
    if (open == '<' || open == '\'') {
      source_.skip(1);
      resolve_number(*node, take_name(begin, open == '<' ? '>' : '\''));
      if (!source_.take(")")) source_.fail(begin, "a condition is written (?(<name>)yes|no)");
    } else {
      resolve_number(*node, take_name(begin, ')'));
    }
    const Modes outer = modes_;
    node->children.push_back(parse_sequence(depth + 1));
    if (source_.take("|")) node->children.push_back(parse_sequence(depth + 1));
    modes_ = outer;
    if (source_.peek() == '|') source_.fail(source_.offset(), "a condition has at most two branches");
    if (!source_.take(")")) source_.fail(begin, "this ( has no closing ); write \\( for the character as such");
    return node;
  }

  RegexSource source_;
  Modes modes_;
  RegexNodePtr before_item_;  // goes in front of the item that was just parsed
  std::size_t group_count_ = 0;
};

}  // namespace

Result<RegexTree> parse_regex(std::string_view pattern, const RegexParseOptions& options) {
  try {
    RegexTree tree = RegexParser(pattern, options).parse();
    number_groups(tree, options);
    return tree;
  } catch (const RegexSyntaxError& error) {
    return Error{ErrorCode::InvalidArgument, fmt::format("at offset {}: {}", error.offset, error.problem)};
  }
}

}  // namespace logboom
