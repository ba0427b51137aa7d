// Values as Ruby prints them: what convert to string and join make of numbers, lists and objects.
#pragma once

#include <string>

#include "pipeline/event/value.h"

namespace logboom {

/// Appends what Ruby's to_s gives: 123.0, 1.0e+20, null as nothing, lists and objects as literals (["a", 1], {"k"=>nil}).
void append_words(const Value& value, std::string& out);

/// Appends a list with `separator` between its items; lists in it are joined likewise.
void append_joined(const Array& list, std::string_view separator, std::string& out);

}  // namespace logboom
