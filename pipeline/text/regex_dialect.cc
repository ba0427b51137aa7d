// Writes the tree for PCRE2. regex_relaxation.cc writes it for RE2.
#include "pipeline/text/regex_dialect.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace logboom {
namespace {

// Ruby's word for \b in UTF-8 text; wider than PCRE2's own.
constexpr std::string_view kUnicodeWord = R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}])";

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_one_character(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }) == 1;
}

bool has_capture(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Group && node.group == GroupKind::Capture) return true;
  return std::any_of(node.children.begin(), node.children.end(), [](const RegexNodePtr& child) { return has_capture(*child); });
}

// PCRE2 10.42: the machine code of (…)*+ leaves its captures behind when what follows fails; (?>(…)*) does not.
bool is_written_atomic(const RegexNode& repeat) {
  return repeat.kind == RegexNodeKind::Repeat && repeat.greed == Greed::Possessive && has_capture(repeat);
}

bool has_atomic_group(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Group && node.group == GroupKind::Atomic) return true;
  if (is_written_atomic(node)) return true;
  return std::any_of(node.children.begin(), node.children.end(), [](const RegexNodePtr& child) { return has_atomic_group(*child); });
}

class Pcre2Writer {
 public:
  Pcre2Writer(const RegexTree& tree, SubjectAlphabet alphabet) : alphabet_(alphabet) {
    ignore_case_ = tree.root->ignore_case;
    if (ignore_case_) out_.text = "(?i)";
    // PCRE2 10.42: the machine code gives up repeats at the front of an atomic group too early when the search moves on ("early
    // fail"), and then tries the group's other branches. An empty look-ahead in front switches that off.
    if (has_atomic_group(*tree.root)) out_.text += "(?=)";
    write(*tree.root);
  }

  Pcre2Expression take() { return std::move(out_); }

 private:
  void put(std::string_view text) { out_.text += text; }

  // One item that no character fits.
  void put_nothing() { put(alphabet_ == SubjectAlphabet::Ascii ? "[^\\x00-\\xff]" : "[^\\x{0}-\\x{10ffff}]"); }

  void write(const RegexNode& node) {
    out_.places.push_back({out_.text.size(), node.offset});
    switch (node.kind) {
      case RegexNodeKind::Empty: break;
      case RegexNodeKind::Literal: write_in_case(node, [&] { write_literal(node.text); }); break;
      case RegexNodeKind::AnyChar: put(node.matches_newline ? "." : "\\N"); break;
      case RegexNodeKind::Set: write_in_case(node, [&] { write_set(node.set, node.ignore_case); }); break;
      case RegexNodeKind::Assertion: write_assertion(node); break;
      case RegexNodeKind::Keep: put("\\K"); break;
      case RegexNodeKind::LineBreak: put(alphabet_ == SubjectAlphabet::Ascii ? R"((?>\r\n|[\n-\r]))" : R"((?>\r\n|[\n-\r\x{85}\x{2028}\x{2029}]))"); break;
      case RegexNodeKind::Grapheme: put("\\X"); break;
      case RegexNodeKind::Concat:
        for (const auto& child : node.children) write_grouped_alternate(*child);
        break;
      case RegexNodeKind::Alternate: write_branches(node); break;
      case RegexNodeKind::Group: write_group(node); break;
      case RegexNodeKind::Look:
        put(node.is_behind ? (node.is_negative ? "(?<!" : "(?<=") : (node.is_negative ? "(?!" : "(?="));
        write(*node.children[0]);
        put(")");
        break;
      case RegexNodeKind::Repeat: write_repeat(node); break;
      case RegexNodeKind::BackReference: write_in_case(node, [&] { write_back_reference(node); }); break;
      case RegexNodeKind::Call: put(fmt::format("(?{})", node.targets[0])); break;
      case RegexNodeKind::Condition:
        put(fmt::format("(?({})", node.targets[0]));
        write_grouped_alternate(*node.children[0]);
        if (node.children.size() > 1) {
          put("|");
          write_grouped_alternate(*node.children[1]);
        }
        put(")");
        break;
    }
  }

  void write_grouped_alternate(const RegexNode& node) {
    if (node.kind != RegexNodeKind::Alternate) return write(node);
    put("(?:");
    write(node);
    put(")");
  }

  void write_branches(const RegexNode& node) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) put("|");
      write(*node.children[i]);
    }
  }

  // Leaves carry their own case; groups switch it, so this is for leaves that an option group put beside others.
  template <class Write>
  void write_in_case(const RegexNode& node, const Write& write_leaf) {
    if (node.ignore_case == ignore_case_) return write_leaf();
    put(node.ignore_case ? "(?i:" : "(?-i:");
    const bool outer = std::exchange(ignore_case_, node.ignore_case);
    write_leaf();
    ignore_case_ = outer;
    put(")");
  }

  void write_group(const RegexNode& node) {
    const RegexNode& inside = *node.children[0];
    const bool changes_case = node.group == GroupKind::Plain && node.ignore_case != ignore_case_;
    if (node.group == GroupKind::Capture) {
      put("(");
    } else if (node.group == GroupKind::Atomic) {
      put("(?>");
    } else {
      put(changes_case ? (node.ignore_case ? "(?i:" : "(?-i:") : "(?:");
    }
    const bool outer = ignore_case_;
    if (changes_case) ignore_case_ = node.ignore_case;
    write(inside);
    ignore_case_ = outer;
    put(")");
  }

  // True when what write() puts for the node can take a quantifier as it is.
  bool is_one_item(const RegexNode& node) const {
    if (node.ignore_case != ignore_case_ && node.kind != RegexNodeKind::Group) return false;
    switch (node.kind) {
      case RegexNodeKind::Literal: return is_one_character(node.text);
      case RegexNodeKind::AnyChar:
      case RegexNodeKind::Set:
      case RegexNodeKind::Grapheme:
      case RegexNodeKind::LineBreak:
      case RegexNodeKind::Group: return true;
      default: return false;
    }
  }

  void write_repeat(const RegexNode& node) {
    const RegexNode& item = *node.children[0];
    const bool is_atomic = is_written_atomic(node);
    if (is_atomic) put("(?>");
    if (is_one_item(item)) {
      write(item);
    } else {
      put("(?:");
      write(item);
      put(")");
    }
    if (node.min == 0 && node.max == RegexNode::kUnlimited) {
      put("*");
    } else if (node.min == 1 && node.max == RegexNode::kUnlimited) {
      put("+");
    } else if (node.min == 0 && node.max == 1) {
      put("?");
    } else if (node.min == node.max) {
      put(fmt::format("{{{}}}", node.min));
    } else if (node.max == RegexNode::kUnlimited) {
      put(fmt::format("{{{},}}", node.min));
    } else {
      put(fmt::format("{{{},{}}}", node.min, node.max));
    }
    if (node.greed == Greed::Lazy) put("?");
    if (is_atomic) {
      put(")");
    } else if (node.greed == Greed::Possessive) {
      put("+");
    }
  }

  void write_literal(std::string_view text) {
    if (alphabet_ == SubjectAlphabet::Ascii && !is_ascii(text)) {
      // A non-ASCII letter may still stand for an ASCII one: K (U+212A) and ſ (U+017F).
      for (std::size_t i = 0; i < text.size();) {
        const std::size_t next = std::min(text.size(), i + (static_cast<unsigned char>(text[i]) < 0x80 ? 1 : text[i] == '\xe2' ? 3 : 2));
        const std::string_view character = text.substr(i, next - i);
        if (ignore_case_ && character == "\xe2\x84\xaa") {
          put("k");
        } else if (ignore_case_ && character == "\xc5\xbf") {
          put("s");
        } else if (static_cast<unsigned char>(text[i]) < 0x80) {
          put_character(text[i]);
        } else {
          return put_nothing();
        }
        i = next;
      }
      return;
    }
    for (const char c : text) put_character(c);
  }

  void put_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      put(fmt::format("\\x{:02x}", byte));
      return;
    }
    if (std::string_view("\\^$.[]|()?*+{}-#").find(c) != std::string_view::npos) out_.text += '\\';
    out_.text += c;
  }

  void write_assertion(const RegexNode& node) {
    switch (node.assertion) {
      case AssertionKind::LineStart: put("^"); break;
      case AssertionKind::LineEnd: put("$"); break;
      case AssertionKind::TextStart: put("\\A"); break;
      case AssertionKind::TextEnd: put("\\z"); break;
      case AssertionKind::TextEndOrNewline: put("\\Z"); break;
      case AssertionKind::SearchStart: put("\\G"); break;
      case AssertionKind::WordBorder:
      case AssertionKind::NoWordBorder: {
        const bool is_border = node.assertion == AssertionKind::WordBorder;
        if (alphabet_ == SubjectAlphabet::Ascii || !node.has_unicode_border) {
          put(is_border ? "\\b" : "\\B");
        } else if (is_border) {
          put(fmt::format("(?(?<={0})(?!{0})|(?={0}))", kUnicodeWord));
        } else {
          put(fmt::format("(?(?<={0})(?={0})|(?!{0}))", kUnicodeWord));
        }
        break;
      }
    }
  }

  void write_back_reference(const RegexNode& node) {
    if (node.targets.size() == 1) {
      put(fmt::format("\\g{{{}}}", node.targets[0]));
      return;
    }
    put("(?>");
    for (std::size_t i = 0; i < node.targets.size(); ++i) put(fmt::format("{}\\g{{{}}}", i == 0 ? "" : "|", node.targets[i]));
    put(")");
  }

  void put_code_point(char32_t c) {
    if (c < 0x80 && ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
      out_.text += static_cast<char>(c);
    } else {
      put(fmt::format("\\x{{{:x}}}", static_cast<unsigned>(c)));
    }
  }

  char32_t highest() const { return alphabet_ == SubjectAlphabet::Ascii ? 0x7f : kHighestCodePoint; }

  void put_range(char32_t first, char32_t last) {
    last = std::min(last, highest());
    // Surrogates are no characters, and PCRE2 refuses them as such; a range may span them.
    if (first >= 0xd800 && first <= 0xdfff) first = 0xe000;
    if (last >= 0xd800 && last <= 0xdfff) last = 0xd7ff;
    if (last < first) return;
    put_code_point(first);
    if (last == first) return;
    put("-");
    put_code_point(last);
  }

  void write_ranges(const std::vector<CodePointRange>& ranges, bool is_negated, bool ignore_case) {
    const bool is_all = ranges.size() == 1 && ranges[0].first == 0 && ranges[0].last >= highest();
    if (ranges.empty() || is_all) {
      if (is_all == is_negated) return put_nothing();
      return put(".");
    }
    // The short forms keep the program within PCRE2's 64 KiB; without PCRE2_UCP they mean ASCII.
    if (is_equal(ranges, digit_set(false))) return put(is_negated ? "\\D" : "\\d");
    if (!ignore_case && is_equal(ranges, word_set(false))) return put(is_negated ? "\\W" : "\\w");
    if (is_equal(ranges, space_set(false))) return put(is_negated ? "\\S" : "\\s");
    put(is_negated ? "[^" : "[");
    for (const CodePointRange& range : ranges) put_range(range.first, range.last);
    put("]");
  }

  static bool is_equal(const std::vector<CodePointRange>& ranges, const CharSet& set) {
    return std::equal(ranges.begin(), ranges.end(), set.ranges.begin(), set.ranges.end(),
                      [](const CodePointRange& a, const CodePointRange& b) { return a.first == b.first && a.last == b.last; });
  }

  void write_set(const CharSet& set, bool ignore_case) {
    CharSet positive = set;
    positive.is_negated = false;
    if (alphabet_ == SubjectAlphabet::Ascii && write_ascii_set(positive, set.is_negated, ignore_case)) return;
    if (const auto ranges = exact_ranges(positive)) return write_ranges(*ranges, set.is_negated, ignore_case);
    write_symbolic(set, ignore_case);
  }

  // Under ASCII all that counts is which of 128 characters belong; false when a property leaves that open.
  bool write_ascii_set(const CharSet& positive, bool is_negated, bool ignore_case) {
    const CharSetBounds bounds = bounds_of(positive);
    if (bounds.ascii_at_most != bounds.ascii_at_least) return false;
    std::bitset<128> ascii = bounds.ascii_at_most;
    if (ignore_case) {
      if (const auto ranges = exact_ranges(positive)) {
        for (const CodePointRange& range : *ranges) {
          if (range.first <= 0x212a && range.last >= 0x212a) ascii.set('k');
          if (range.first <= 0x17f && range.last >= 0x17f) ascii.set('s');
        }
      }
      ascii = with_both_cases(ascii);
    }
    std::vector<CodePointRange> ranges;
    for (char32_t c = 0; c < 128; ++c) {
      if (!ascii[c]) continue;
      if (!ranges.empty() && ranges.back().last + 1 == c) {
        ranges.back().last = c;
      } else {
        ranges.push_back({c, c});
      }
    }
    write_ranges(ranges, is_negated, false);
    return true;
  }

  void put_property(const CharProperty& property, bool ignore_case) {
    if (ignore_case && property.is_case_bound && !property.is_negated) return put("\\p{L&}");
    put(fmt::format("\\{}{{{}}}", property.is_negated ? 'P' : 'p', property.name));
  }

  // Pulls plain unions into one bracket; what is left over has to be tried beside it.
  static void flatten(const CharSet& set, CharSet& simple, std::vector<const CharSet*>& rest) {
    simple.ranges.insert(simple.ranges.end(), set.ranges.begin(), set.ranges.end());
    simple.properties.insert(simple.properties.end(), set.properties.begin(), set.properties.end());
    for (const CharSet& member : set.members) {
      if (!member.is_negated && !member.is_intersection) {
        flatten(member, simple, rest);
      } else if (member.is_negated && !member.is_intersection && member.ranges.empty() && member.members.empty() && member.properties.size() == 1) {
        simple.properties.push_back(member.properties[0]);
        simple.properties.back().is_negated = !simple.properties.back().is_negated;
      } else if (auto ranges = exact_ranges(member)) {
        simple.ranges.insert(simple.ranges.end(), ranges->begin(), ranges->end());
      } else {
        rest.push_back(&member);
      }
    }
  }

  void write_symbolic(const CharSet& set, bool ignore_case) {
    if (set.is_intersection) {
      put(set.is_negated ? "(?:(?!" : "(?:");
      for (std::size_t i = 0; i < set.members.size(); ++i) {
        const bool is_last = i + 1 == set.members.size();
        if (!is_last) put("(?=");
        write_symbolic(set.members[i], ignore_case);
        if (!is_last) put(")");
      }
      put(set.is_negated ? ").)" : ")");
      return;
    }
    CharSet simple;
    std::vector<const CharSet*> rest;
    flatten(set, simple, rest);
    if (rest.empty()) return write_bracket(simple, set.is_negated, ignore_case);
    put(set.is_negated ? "(?:(?!" : "(?:");
    bool is_first = true;
    if (!simple.ranges.empty() || !simple.properties.empty()) {
      write_bracket(simple, false, ignore_case);
      is_first = false;
    }
    for (const CharSet* member : rest) {
      if (!std::exchange(is_first, false)) put("|");
      write_symbolic(*member, ignore_case);
    }
    put(set.is_negated ? ").)" : ")");
  }

  void write_bracket(const CharSet& simple, bool is_negated, bool ignore_case) {
    if (simple.properties.empty()) {
      CharSet plain;
      plain.ranges = simple.ranges;
      return write_ranges(*exact_ranges(plain), is_negated, ignore_case);
    }
    put(is_negated ? "[^" : "[");
    for (const CodePointRange& range : simple.ranges) put_range(range.first, range.last);
    for (const CharProperty& property : simple.properties) put_property(property, ignore_case);
    put("]");
  }

  SubjectAlphabet alphabet_;
  Pcre2Expression out_;
  bool ignore_case_ = false;
};

}  // namespace

std::size_t Pcre2Expression::source_offset(std::size_t written) const {
  const auto after = std::upper_bound(places.begin(), places.end(), written, [](std::size_t offset, const Place& place) { return offset < place.written; });
  return after == places.begin() ? 0 : std::prev(after)->source;
}

Pcre2Expression write_pcre2(const RegexTree& tree, SubjectAlphabet alphabet) { return Pcre2Writer(tree, alphabet).take(); }

}  // namespace logboom
