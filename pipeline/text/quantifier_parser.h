// Parses what repeats an item: * + ? {n,m}, each lazy or possessive where Ruby has it so.
#pragma once

#include "pipeline/text/regex_source.h"
#include "pipeline/text/regex_tree.h"

namespace logboom {

/// True when a quantifier comes next. {n}, {n,}, {,m} and {n,m} are quantifiers; any other { is a brace.
/// Throws RegexSyntaxError for counts that cannot be had.
bool at_quantifier(RegexSource& source);

/// Reads the quantifier that comes next and puts it around `item`.
RegexNodePtr parse_quantifier(RegexSource& source, RegexNodePtr item);

}  // namespace logboom
