// Parses what stands for a set of characters: [...], with ranges, nested brackets, && and [:names:], and \d \w \p{…}.
#pragma once

#include <optional>

#include "pipeline/text/char_set.h"
#include "pipeline/text/regex_source.h"

namespace logboom {

/// Which of \d \s \w and [[:name:]] reach beyond ASCII: Ruby's (?d), (?a) and (?u).
enum class UnicodeReach { Default, Ascii, Unicode };

/// Parses a bracket; the position is behind its [. Throws RegexSyntaxError.
CharSet parse_bracket(RegexSource& source, UnicodeReach reach);

/// Parses \d \D \s \S \w \W \h \H \p{…} \P{…}; the position is behind the backslash and moves only when it is one of them.
/// Throws RegexSyntaxError for a property that cannot be had.
std::optional<CharSet> parse_set_escape(RegexSource& source, UnicodeReach reach);

}  // namespace logboom
