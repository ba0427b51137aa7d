#include "pipeline/text/bracket_parser.h"

#include <fmt/core.h>

#include <string>
#include <utility>
#include <vector>

#include "pipeline/text/named_char_sets.h"

namespace logboom {
namespace {

constexpr int kDeepestBracket = 100;

CharSet negated(CharSet set) {
  set.is_negated = !set.is_negated;
  return set;
}

CharSet parse_property(RegexSource& source, std::size_t escape, bool is_negated) {
  if (source.take("^")) is_negated = !is_negated;
  const std::size_t end = source.text().find('}', source.offset());
  if (end == std::string_view::npos) source.fail(escape, "\\p{ needs a closing }");
  const std::string_view name = source.text().substr(source.offset(), end - source.offset());
  bool is_plain = !name.empty();
  for (const char c : name) {
    is_plain = is_plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                            c == ' ' || c == '-' || c == '=' || c == '.');
  }
  const std::optional<CharSet> set = is_plain ? property_set(name) : std::nullopt;
  if (!set) {
    source.fail(escape, fmt::format("the character property {{{}}} is not available; use a category (\\p{{L}}), a script "
                                    "(\\p{{Greek}}) or a range",
                                    name));
  }
  source.rewind(end + 1);
  return is_negated ? negated(*set) : *set;
}

class BracketParser {
 public:
  BracketParser(RegexSource& source, UnicodeReach reach) : source_(source), reach_(reach) {}

  CharSet parse(int depth) {
    const std::size_t open = source_.offset() - 1;
    if (depth > kDeepestBracket) source_.fail(open, "brackets are nested too deeply");
    const bool is_negated = source_.take("^");
    std::vector<CharSet> operands;
    CharSet current;
    bool is_first = true;
    for (;; is_first = false) {
      if (source_.at_end()) source_.fail(open, "this [ has no closing ]; write \\[ for a bracket as such");
      if (source_.peek() == ']' && !(is_first && has_later_close())) {
        if (is_first) source_.fail(open, "this bracket is empty; write \\[\\] for the characters as such");
        source_.skip(1);
        break;
      }
      if (source_.take("&&")) {
        operands.push_back(std::exchange(current, CharSet{}));
        continue;
      }
      parse_item(current, depth);
    }
    if (!operands.empty()) {
      operands.push_back(std::move(current));
      current = CharSet{};
      current.is_intersection = true;
      current.members = std::move(operands);
    }
    current.is_negated = is_negated;
    return current;
  }

 private:
  // []a] holds a bracket, [] holds nothing.
  bool has_later_close() const {
    for (std::size_t i = source_.offset() + 1; i < source_.text().size(); ++i) {
      if (source_.text()[i] == '\\') {
        ++i;
      } else if (source_.text()[i] == ']') {
        return true;
      }
    }
    return false;
  }

  void parse_item(CharSet& into, int depth) {
    const std::size_t begin = source_.offset();
    if (source_.starts_with("[:")) {
      if (auto set = parse_posix()) return add_set(into, std::move(*set));
    }
    if (source_.take("[")) {
      into.members.push_back(parse(depth + 1));
      return;
    }
    if (source_.take("\\")) {
      if (auto set = parse_set_escape(source_, reach_)) return add_set(into, std::move(*set));
      source_.rewind(begin);
    }
    const std::u32string characters = take_characters();
    for (std::size_t i = 0; i + 1 < characters.size(); ++i) into.ranges.push_back({characters[i], characters[i]});
    add_range(into, begin, characters.back());
  }

  // A set cannot begin a range: [\d-a] is refused, [\d-] is not.
  void add_set(CharSet& into, CharSet set) {
    into.members.push_back(std::move(set));
    if (source_.peek() != '-' || source_.peek(1) == ']') return;
    if (source_.starts_with("-[") || source_.starts_with("-&&")) return;
    source_.fail(source_.offset(), "a range cannot begin with a set of characters; write \\- for a dash");
  }

  void add_range(CharSet& into, std::size_t begin, char32_t first) {
    const bool is_range = source_.peek() == '-' && source_.peek(1) != ']' && source_.peek(1) != '\0' &&
                          !source_.starts_with("-&&") && !(source_.peek(1) == '[' && source_.peek(2) != ':');
    if (!is_range) {
      into.ranges.push_back({first, first});
      return;
    }
    source_.skip(1);
    const std::size_t end = source_.offset();
    bool is_set = false;
    if (source_.starts_with("[:")) is_set = parse_posix().has_value();
    if (!is_set && source_.take("\\")) {
      is_set = parse_set_escape(source_, reach_).has_value();
      if (!is_set) source_.rewind(end);
    }
    if (is_set) source_.fail(end, "a range cannot end with a set of characters; write \\- for a dash");
    const std::u32string characters = take_characters();
    const char32_t last = characters[0];
    if (last < first) source_.fail(begin, "this range runs backwards; write the lower character first");
    into.ranges.push_back({first, last});
    for (std::size_t i = 1; i < characters.size(); ++i) into.ranges.push_back({characters[i], characters[i]});
    // [a-c-e]: the second dash is a dash.
    if (source_.peek() == '-' && source_.take("-")) into.ranges.push_back({'-', '-'});
  }

  std::u32string take_characters() {
    if (source_.at_end()) source_.fail(source_.offset(), "the expression ends inside a bracket");
    if (source_.take("\\")) return take_character_escape(source_, true);
    return {source_.take_character()};
  }

  std::optional<CharSet> parse_posix() {
    const std::size_t open = source_.offset();
    std::size_t i = open + 2;
    const std::string_view text = source_.text();
    const bool is_negated = i < text.size() && text[i] == '^';
    if (is_negated) ++i;
    const std::size_t name_begin = i;
    while (i < text.size() && text[i] >= 'a' && text[i] <= 'z') ++i;
    if (text.substr(i, 2) != ":]") return std::nullopt;
    const std::string_view name = text.substr(name_begin, i - name_begin);
    auto set = posix_set(name, reach_ == UnicodeReach::Ascii);
    if (!set) {
      source_.fail(open,
                   fmt::format("there is no [:{}:]; there are alnum alpha ascii blank cntrl digit graph lower print punct "
                               "space upper word xdigit",
                               name));
    }
    source_.rewind(i + 2);
    return is_negated ? negated(std::move(*set)) : std::move(*set);
  }

  RegexSource& source_;
  UnicodeReach reach_;
};

}  // namespace

CharSet parse_bracket(RegexSource& source, UnicodeReach reach) { return BracketParser(source, reach).parse(0); }

std::optional<CharSet> parse_set_escape(RegexSource& source, UnicodeReach reach) {
  const std::size_t escape = source.offset() - 1;
  const bool is_unicode = reach == UnicodeReach::Unicode;
  const char c = source.peek();
  if ((c == 'p' || c == 'P') && source.peek(1) == '{') {
    source.skip(2);
    return parse_property(source, escape, c == 'P');
  }
  std::optional<CharSet> set;
  switch (c) {
    case 'd':
    case 'D': set = digit_set(is_unicode); break;
    case 's':
    case 'S': set = space_set(is_unicode); break;
    case 'w':
    case 'W': set = word_set(is_unicode); break;
    case 'h':
    case 'H': set = hex_digit_set(); break;
    default: return std::nullopt;
  }
  source.skip(1);
  return c >= 'A' && c <= 'Z' ? negated(std::move(*set)) : std::move(*set);
}

}  // namespace logboom
