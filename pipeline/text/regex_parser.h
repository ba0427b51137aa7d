// Parses Ruby's regular expression dialect (Onigmo, UTF-8) into a tree.
// Source of the rules: the language reference of Ruby 3.1 (Regexp) and Onigmo's RE document; checked against Ruby itself by
// tests/pipeline/text/matcher_property_test.cc.
#pragma once

#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/text/regex_tree.h"

namespace logboom {

struct RegexParseOptions {
  bool dot_matches_newline = false;
  bool ignore_case = false;
  bool captures = true;          // false: no group records unless a back-reference, call or condition needs it
  bool captures_unnamed = true;  // false: the same for groups without a name
};

/// Parses `pattern` (valid UTF-8). Group names may hold any character except > (grok's [a][b], NAME:[a][b]:int, a.b).
/// Errors: InvalidArgument with offset, problem and remedy: bad syntax, or a construct that cannot be carried over
/// ((?~…), \k<name+level>).
Result<RegexTree> parse_regex(std::string_view pattern, const RegexParseOptions& options = {});

}  // namespace logboom
