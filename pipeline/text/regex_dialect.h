// Writes a regular expression of Ruby's dialect for the engines that run it: PCRE2 exactly, RE2 as a relaxation.
//
// The relaxation accepts every text that the expression accepts, and more: look-around is dropped, atomic and possessive
// parts backtrack, back-references and calls become "anything", what RE2 has no table for becomes "any character outside
// ASCII". Tested by tests/pipeline/text/regex_dialect_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/text/regex_tree.h"

namespace logboom {

/// What subjects the written expression will see. For Ascii, parts that need other characters are cut away.
enum class SubjectAlphabet { Ascii, Utf8 };

struct Pcre2Expression {
  std::string text;  // for PCRE2_MULTILINE | PCRE2_DOTALL | PCRE2_NEWLINE_LF, and for Utf8 also PCRE2_UTF
  struct Place {
    std::size_t written = 0;
    std::size_t source = 0;
  };
  std::vector<Place> places;  // ascending: what was written from there on comes from that byte of the source

  /// Byte of the source that byte `written` of the text came from.
  std::size_t source_offset(std::size_t written) const;
};

/// Same language, same captures, groups numbered as in the tree.
Pcre2Expression write_pcre2(const RegexTree& tree, SubjectAlphabet alphabet);

struct Re2Expression {
  std::string text;         // for RE2 with utf8 encoding, perl syntax, one_line = false
  bool is_widened = false;  // accepts more than the expression does
  std::string widest_part;  // in words, what lost most ("a back-reference"); empty when nothing did
};

/// The relaxation. Counted repetitions above `max_count` are written without an upper bound (RE2 itself stops at 1000).
Re2Expression write_re2(const RegexTree& tree, SubjectAlphabet alphabet, std::uint32_t max_count);

}  // namespace logboom
