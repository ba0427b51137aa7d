// strip and split of one text, as Ruby does them.
#pragma once

#include <string_view>

#include "pipeline/event/value.h"

namespace logboom {

/// The text without blanks and NUL bytes at both ends.
std::string_view stripped(std::string_view text);

/// The pieces between separators as a list in `arena`; empty ones at the end are left out. A single blank as separator
/// splits at runs of blanks and ignores those at the start, an empty one gives the characters.
Array* split_text(std::string_view text, std::string_view separator, Arena& arena);

}  // namespace logboom
