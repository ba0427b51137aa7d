// Numbers at the beginning of captured text, as Ruby's to_i and to_f read them: what follows is ignored, junk is zero.
#pragma once

#include <string_view>

#include "pipeline/event/value.h"

namespace logboom {

/// "12x" → 12, "x" → 0, "1_000" → 1000. Beyond 64 bits the digits are kept as a BigNumber; `text` must live as long as the
/// arena then.
Value integer_prefix(std::string_view text, Arena& arena);

/// "1.5kB" → 1.5, "1e3" → 1000.0, "." → 0.0. A number beyond a double stays text.
Value float_prefix(std::string_view text);

}  // namespace logboom
