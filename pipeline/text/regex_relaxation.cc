// Writes the tree for RE2, as a superset of what it matches. Case is spelled out ([Aa]) and sets are written as ranges, so
// that nothing depends on RE2's own Unicode tables, which may be of another version than PCRE2's.
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/text/regex_dialect.h"

namespace logboom {
namespace {

constexpr std::string_view kAnything = "(?s:.)*";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Re2Writer {
 public:
  Re2Writer(const RegexTree& tree, SubjectAlphabet alphabet, std::uint32_t max_count)
      : alphabet_(alphabet), max_count_(max_count) {
    out_.text = "(?m)";
    write(*tree.root);
  }

  Re2Expression take() { return std::move(out_); }

 private:
  void put(std::string_view text) { out_.text += text; }

  // Parts are ranked by how much their loss costs.
  void widen(int rank, std::string_view part) {
    out_.is_widened = true;
    if (rank <= widest_rank_) return;
    widest_rank_ = rank;
    out_.widest_part = part;
  }

  void write(const RegexNode& node) {
    switch (node.kind) {
      case RegexNodeKind::Empty:
      case RegexNodeKind::Keep: break;
      case RegexNodeKind::Literal: write_literal(node); break;
      case RegexNodeKind::AnyChar: put(node.matches_newline ? "(?s:.)" : "[^\\n]"); break;
      case RegexNodeKind::Set: write_set(node); break;
      case RegexNodeKind::Assertion: write_assertion(node); break;
      case RegexNodeKind::LineBreak:
        put(alphabet_ == SubjectAlphabet::Ascii ? R"((?:\r\n|[\n-\r]))" : R"((?:\r\n|[\n-\r\x{85}\x{2028}\x{2029}]))");
        break;
      case RegexNodeKind::Grapheme:
        widen(2, "\\X");
        put("(?s:.)+");
        break;
      case RegexNodeKind::Concat:
        for (const auto& child : node.children) write_group(*child);
        break;
      case RegexNodeKind::Alternate:
      case RegexNodeKind::Condition:
        put("(?:");
        for (std::size_t i = 0; i < node.children.size(); ++i) {
          if (i > 0) put("|");
          write(*node.children[i]);
        }
        put(node.kind == RegexNodeKind::Condition && node.children.size() == 1 ? "|)" : ")");
        break;
      case RegexNodeKind::Group:
        if (node.group == GroupKind::Atomic) widen(1, "an atomic group");
        write_group(*node.children[0]);
        break;
      case RegexNodeKind::Look: widen(3, node.is_behind ? "look-behind" : "look-ahead"); break;
      case RegexNodeKind::Repeat: write_repeat(node); break;
      case RegexNodeKind::BackReference:
        widen(4, "a back-reference");
        put(kAnything);
        break;
      case RegexNodeKind::Call:
        widen(5, "a call of a group (\\g<…>)");
        put(kAnything);
        break;
    }
  }

  void write_group(const RegexNode& node) {
    put("(?:");
    write(node);
    put(")");
  }

  void write_repeat(const RegexNode& node) {
    if (node.greed == Greed::Possessive) widen(1, "a possessive quantifier");
    write_group(*node.children[0]);
    const std::uint32_t min = std::min(node.min, max_count_);
    const bool is_open = node.max == RegexNode::kUnlimited || node.max > max_count_;
    if (is_open && (node.max != RegexNode::kUnlimited || min != node.min)) widen(2, "a large counted repetition");
    if (is_open) {
      put(min == 0 ? "*" : min == 1 ? "+" : fmt::format("{{{},}}", min));
    } else if (min == 0 && node.max == 1) {
      put("?");
    } else {
      put(fmt::format("{{{},{}}}", min, node.max));
    }
  }

  void write_assertion(const RegexNode& node) {
    switch (node.assertion) {
      case AssertionKind::LineStart: put("^"); break;
      case AssertionKind::LineEnd: put("$"); break;
      case AssertionKind::TextStart: put("\\A"); break;
      case AssertionKind::TextEnd: put("\\z"); break;
      case AssertionKind::TextEndOrNewline:
      case AssertionKind::SearchStart: widen(1, "\\Z or \\G"); break;
      case AssertionKind::WordBorder:
      case AssertionKind::NoWordBorder:
        if (alphabet_ == SubjectAlphabet::Ascii || !node.has_unicode_border) {
          put(node.assertion == AssertionKind::WordBorder ? "\\b" : "\\B");
        } else {
          widen(1, "\\b");
        }
        break;
    }
  }

  // What an ASCII letter may stand for when case does not count.
  void put_cases(char letter) {
    const char lower = static_cast<char>(letter | 0x20);
    put(fmt::format("{}{}", lower, static_cast<char>(lower - 32)));
    if (alphabet_ == SubjectAlphabet::Utf8 && lower == 'k') put("\\x{212a}");
    if (alphabet_ == SubjectAlphabet::Utf8 && lower == 's') put("\\x{17f}");
  }

  void write_literal(const RegexNode& node) {
    for (std::size_t i = 0; i < node.text.size(); ++i) {
      const char c = node.text[i];
      const bool is_ascii = static_cast<unsigned char>(c) < 0x80;
      if (!is_ascii && (node.ignore_case || alphabet_ == SubjectAlphabet::Ascii)) {
        // One class for the whole character; its other bytes are skipped.
        while (i + 1 < node.text.size() && (static_cast<unsigned char>(node.text[i + 1]) & 0xc0) == 0x80) ++i;
        put(!node.ignore_case                     ? "[^\\x00-\\xff]"
            : alphabet_ == SubjectAlphabet::Ascii ? "[KkSs]"
                                                  : "[\\x{80}-\\x{10ffff}KkSs]");
      } else if (is_ascii && node.ignore_case && is_letter(c)) {
        put("[");
        put_cases(c);
        put("]");
      } else if (is_ascii && !is_letter(c)) {
        put(fmt::format("\\x{:02x}", static_cast<unsigned char>(c)));
      } else {
        out_.text += c;
      }
    }
  }

  void write_set(const RegexNode& node) {
    const CharSetBounds bounds = bounds_of(node.set);
    std::bitset<128> ascii = bounds.ascii_at_most;
    std::string others;
    const std::optional<std::vector<CodePointRange>> ranges = exact_ranges(node.set);
    if (!node.ignore_case && ranges) {
      for (const CodePointRange& range : *ranges) {
        if (range.last < 0x80) continue;
        others += fmt::format("\\x{{{:x}}}-\\x{{{:x}}}", static_cast<unsigned>(std::max<char32_t>(range.first, 0x80)),
                              static_cast<unsigned>(range.last));
      }
    } else {
      bool may_have_others = bounds.may_have_others;
      if (node.ignore_case && !node.set.is_negated) {
        // Folding adds the other case; a negated set only loses by it (case counts before the negation).
        ascii = with_both_cases(ascii);
        if (may_have_others) ascii |= with_both_cases(std::bitset<128>().set('k').set('s'));
        may_have_others = may_have_others || ascii['k'] || ascii['s'];
      }
      if (may_have_others) {
        if (alphabet_ == SubjectAlphabet::Utf8) widen(1, "a Unicode property");
        others = "\\x{80}-\\x{10ffff}";
      }
    }
    if (alphabet_ == SubjectAlphabet::Ascii) others.clear();
    if (ascii.none() && others.empty()) return put("[^\\x{0}-\\x{10ffff}]");
    put("[");
    for (std::size_t c = 0; c < 128; ++c) {
      if (!ascii[c]) continue;
      std::size_t last = c;
      while (last + 1 < 128 && ascii[last + 1]) ++last;
      put(fmt::format("\\x{{{:x}}}-\\x{{{:x}}}", c, last));
      c = last;
    }
    put(others);
    put("]");
  }

  SubjectAlphabet alphabet_;
  std::uint32_t max_count_;
  Re2Expression out_;
  int widest_rank_ = 0;
};

}  // namespace

Re2Expression write_re2(const RegexTree& tree, SubjectAlphabet alphabet, std::uint32_t max_count) {
  return Re2Writer(tree, alphabet, max_count).take();
}

}  // namespace logboom
