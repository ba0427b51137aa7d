// The sets of characters that have a name in Ruby's dialect.
#pragma once

#include <optional>
#include <string_view>

#include "pipeline/text/char_set.h"

namespace logboom {

/// The sets of Ruby's [[:name:]]; `ascii_only` under (?a). Nothing for an unknown name.
std::optional<CharSet> posix_set(std::string_view name, bool ascii_only);

/// The set of \p{name}. Names compare without case, blanks, - and _. Nothing for names that are known to have no equal
/// (Age=, In_ blocks); a name nobody knows is passed on as a script and refused by the engine.
std::optional<CharSet> property_set(std::string_view name);

CharSet digit_set(bool is_unicode);
CharSet space_set(bool is_unicode);
CharSet word_set(bool is_unicode);
CharSet hex_digit_set();

}  // namespace logboom
