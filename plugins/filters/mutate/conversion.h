// convert: one value into another type, by Logstash's rules.
#pragma once

#include <optional>
#include <string_view>

#include "pipeline/event/value.h"

namespace logboom {

enum class ConversionKind { String, Integer, Float, Boolean, IntegerEu, FloatEu };

/// The kind of a name in the configuration ("integer_eu").
std::optional<ConversionKind> conversion_named(std::string_view name);

/// Replaces `value` by its conversion. False when it cannot be converted; it is unchanged then.
/// Lists convert item by item, their nulls stay; objects and null stay as they are.
///
/// - integer, float: decimal, scientific and hexadecimal text, commas and blanks around it ignored; booleans are 1 and 0.
/// - integer_eu, float_eu: the same with the meanings of comma and point exchanged.
/// - boolean: true t yes y 1 1.0 and false f no n 0 0.0 and "", in any letter case; what is neither stays.
/// - string: the value as Ruby prints it.
bool convert_value(Value& value, ConversionKind kind, Arena& arena);

}  // namespace logboom
