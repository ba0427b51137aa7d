// Writes the tree for PCRE2. regex_relaxation.cc writes it for RE2.
#include "pipeline/text/regex_dialect.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "pipeline/base/utf8.h"
#include "pipeline/text/ascii_facts.h"
#include "pipeline/text/pcre2_sets.h"

namespace logboom {
namespace {

// Ruby's word for \b in UTF-8 text; wider than PCRE2's own.
constexpr std::string_view kUnicodeWord = R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}])";

bool is_one_character(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }) == 1;
}

bool has_capture(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Group && node.group == GroupKind::Capture) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [](const RegexNodePtr& child) { return has_capture(*child); });
}

// PCRE2 10.42: the machine code of (…)*+ leaves its captures behind when what follows fails; (?>(…)*) does not.
bool is_written_atomic(const RegexNode& repeat) {
  return repeat.kind == RegexNodeKind::Repeat && repeat.greed == Greed::Possessive && has_capture(repeat);
}

bool has_look_ahead(const RegexNode& node) {
  if (node.kind == RegexNodeKind::Look && !node.is_behind && !node.is_negative) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [](const RegexNodePtr& child) { return has_look_ahead(*child); });
}

bool has_atomic_that_can_be_empty(const RegexNode& node) {
  const bool is_atomic = node.kind == RegexNodeKind::Group && node.group == GroupKind::Atomic;
  const bool is_possessive = node.kind == RegexNodeKind::Repeat && node.greed == Greed::Possessive &&
                             node.children[0]->kind == RegexNodeKind::Group;
  if ((is_atomic || is_possessive) && can_be_empty(node)) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [](const RegexNodePtr& child) { return has_atomic_that_can_be_empty(*child); });
}

class Pcre2Writer {
 public:
  Pcre2Writer(const RegexTree& tree, SubjectAlphabet alphabet) : alphabet_(alphabet) {
    ignore_case_ = tree.root->ignore_case;
    // PCRE2 10.42 takes the character of a look-ahead for the first one and then wants the last literal behind it, so that
    // (?=a)x*?a finds nothing in "a".
    if (has_look_ahead(*tree.root)) out_.text = "(*NO_START_OPT)";
    // PCRE2 10.42 makes a repeat in front of an atomic group possessive as if the group could not be empty: \d+(?>(?:x)?)\d
    // finds nothing in "51".
    if (has_atomic_that_can_be_empty(*tree.root)) out_.text += "(*NO_AUTO_POSSESS)";
    if (ignore_case_) out_.text += "(?i)";
    // PCRE2 10.42: the machine code gives up repeats near the front too early when the search moves on ("early fail"):
    // (?:b|)[^ ]+\d-a finds nothing in "ab1-a" from the b on. An empty look-ahead in front switches that off.
    out_.text += "(?=)";
    write(*tree.root);
  }

  Pcre2Expression take() { return std::move(out_); }

 private:
  void put(std::string_view text) { out_.text += text; }

  void write(const RegexNode& node) {
    out_.places.push_back({out_.text.size(), node.offset});
    switch (node.kind) {
      case RegexNodeKind::Empty: break;
      case RegexNodeKind::Literal: write_in_case(node, [&] { write_literal(node.text); }); break;
      case RegexNodeKind::AnyChar: put(node.matches_newline ? "." : "\\N"); break;
      case RegexNodeKind::Set: write_in_case(node, [&] { put(pcre2_set(node.set, alphabet_, node.ignore_case)); }); break;
      case RegexNodeKind::Assertion: write_assertion(node); break;
      case RegexNodeKind::Keep: put("\\K"); break;
      case RegexNodeKind::LineBreak:
        put(alphabet_ == SubjectAlphabet::Ascii ? R"((?>\r\n|[\n-\r]))" : R"((?>\r\n|[\n-\r\x{85}\x{2028}\x{2029}]))");
        break;
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
        const std::size_t next = std::min(text.size(), i + (static_cast<unsigned char>(text[i]) < 0x80 ? 1
                                                            : text[i] == '\xe2'                        ? 3
                                                                                                       : 2));
        const std::string_view character = text.substr(i, next - i);
        if (ignore_case_ && character == "\xe2\x84\xaa") {
          put("k");
        } else if (ignore_case_ && character == "\xc5\xbf") {
          put("s");
        } else if (static_cast<unsigned char>(text[i]) < 0x80) {
          put_character(text[i]);
        } else {
          return put(pcre2_set({}, alphabet_, false));
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
    for (std::size_t i = 0; i < node.targets.size(); ++i)
      put(fmt::format("{}\\g{{{}}}", i == 0 ? "" : "|", node.targets[i]));
    put(")");
  }

  SubjectAlphabet alphabet_;
  Pcre2Expression out_;
  bool ignore_case_ = false;
};

}  // namespace

std::size_t Pcre2Expression::source_offset(std::size_t written) const {
  const auto after = std::upper_bound(places.begin(), places.end(), written,
                                      [](std::size_t offset, const Place& place) { return offset < place.written; });
  return after == places.begin() ? 0 : std::prev(after)->source;
}

Pcre2Expression write_pcre2(const RegexTree& tree, SubjectAlphabet alphabet) { return Pcre2Writer(tree, alphabet).take(); }

}  // namespace logboom
