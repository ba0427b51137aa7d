// Texts that every match of an expression holds, one behind the other: what they rule out before an engine looks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

/// True when `text` holds all of `literals` in order, none over another.
bool holds_in_order(std::string_view text, const std::vector<std::string>& literals);

/// The last byte offset of `text` that has all of `literals` in order at or behind it: no match begins later. Nothing when
/// no offset has. With no literals it is the end of the text.
std::optional<std::size_t> last_start_before(std::string_view text, const std::vector<std::string>& literals);

}  // namespace logboom
