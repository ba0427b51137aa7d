// Sets of characters in PCRE2's syntax.
#pragma once

#include <string>

#include "pipeline/text/char_set.h"
#include "pipeline/text/regex_dialect.h"

namespace logboom {

/// One item (a bracket or a group) that takes a quantifier and matches exactly one character of the set. PCRE2 has no && and
/// no nested brackets: what does not fit one bracket becomes branches and look-aheads. With `ignore_case` the item is meant
/// to stand where PCRE2 ignores case too.
std::string pcre2_set(const CharSet& set, SubjectAlphabet alphabet, bool ignore_case);

}  // namespace logboom
