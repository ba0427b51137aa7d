// Upper and lower case of UTF-8 text, as Ruby's upcase, downcase and capitalize: full Unicode mappings of no language in
// particular, without context (a final sigma stays sigma).
#pragma once

#include <string_view>

#include "pipeline/event/arena.h"

namespace logboom {

enum class LetterCase { Upper, Lower, Capital };  // Capital: the first character in title case, the others in lower case

/// The text in that case: `text` itself when nothing changes, else a copy in `arena`. `text` is valid UTF-8.
std::string_view with_letter_case(std::string_view text, LetterCase wanted, Arena& arena);

}  // namespace logboom
