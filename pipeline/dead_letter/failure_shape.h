// Failure shapes: what many failures have in common once their numbers, ids and quoted values are taken out.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/dead_letter/entry.h"

namespace logboom {

/// `field [user.id] of "a b" is 1234` becomes `field [user.id] of "…" is N`: texts in quotes become "…" (each kind of quote
/// its own), words of hexadecimal digits and dashes with a digit in them become ID when they are 8 or longer, other numbers
/// N. At most 500 bytes, cut between characters.
std::string failure_shape(std::string_view reason);

/// Names the group of an entry: eight hexadecimal digits made of the plugin's id, the code and the reason's shape.
std::string failure_group(const DeadLetter& entry);

}  // namespace logboom
