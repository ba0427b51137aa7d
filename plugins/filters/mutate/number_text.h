// Numbers written as text, read with every digit: what Ruby's Integer(), Float() and BigDecimal() accept, in lower case.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/event/value.h"

namespace logboom {

/// True for `0x…` with or without a sign: such a text is read by the hexadecimal functions and no other.
bool looks_hexadecimal(std::string_view text);

/// "-0xff" as a whole number; nullopt when it is none or has more than 1024 digits.
std::optional<Value> hexadecimal_to_integer(std::string_view text, Arena& arena);

/// "-0x1.8p+1" as a double, rounded to the nearest; nullopt when it is no number or beyond a double.
std::optional<double> hexadecimal_to_double(std::string_view text);

/// "12.9", "1_000", "9.007e+15" cut towards zero. What exceeds 64 bits keeps its digits, up to 4096 that the text does not
/// hold itself; nullopt when it is no number or longer than that.
std::optional<Value> decimal_to_integer(std::string_view text, Arena& arena);

/// The nearest double; nullopt when the text is no number or beyond a double.
std::optional<double> decimal_to_double(std::string_view text);

}  // namespace logboom
