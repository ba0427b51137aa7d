#include "pipeline/text/pcre2_sets.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/text/named_char_sets.h"

namespace logboom {
namespace {

class SetWriter {
 public:
  explicit SetWriter(SubjectAlphabet alphabet) : alphabet_(alphabet) {}

  std::string write(const CharSet& set, bool ignore_case) {
    write_set(set, ignore_case);
    return std::move(out_);
  }

 private:
  void put(std::string_view text) { out_ += text; }

  // One item that no character fits.
  void put_nothing() { put(alphabet_ == SubjectAlphabet::Ascii ? "[^\\x00-\\xff]" : "[^\\x{0}-\\x{10ffff}]"); }

  void put_code_point(char32_t c) {
    if (c < 0x80 && ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
      out_ += static_cast<char>(c);
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
    return std::equal(
        ranges.begin(), ranges.end(), set.ranges.begin(), set.ranges.end(),
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
      } else if (member.is_negated && !member.is_intersection && member.ranges.empty() && member.members.empty() &&
                 member.properties.size() == 1) {
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
  std::string out_;
};

}  // namespace

std::string pcre2_set(const CharSet& set, SubjectAlphabet alphabet, bool ignore_case) {
  return SetWriter(alphabet).write(set, ignore_case);
}

}  // namespace logboom
