// Questions about the bytes of a subject.
#pragma once

#include <string_view>

namespace logboom {

/// True when no byte is above 127.
bool is_ascii_text(std::string_view text);

/// True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
bool is_utf8_text(std::string_view text);

}  // namespace logboom
