// UTF-8 (RFC 3629): checked once, in the codec; everything behind it may rely on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace logboom {

constexpr std::uint32_t kReplacementCodePoint = 0xFFFD;

/// True when no byte is above 127.
bool is_ascii(std::string_view text);
/// True when the text is valid UTF-8. Vectorised.
bool is_valid_utf8(std::string_view text);
/// Writes a code point (not a surrogate, at most 0x10FFFF); returns how many bytes, at most 4.
std::size_t put_utf8(std::uint32_t code_point, char* to);
/// Appends one.
void append_utf8(std::uint32_t code_point, std::string& out);
/// Appends text with every byte that is part of no valid sequence replaced by U+FFFD.
void append_valid_utf8(std::string_view text, std::string& out);
/// Appends text with every such byte written as \xHH, upper case: what Logstash's plain and line codecs make of it.
void append_utf8_escaped(std::string_view text, std::string& out);
/// Length in bytes of the valid sequence at the start of `text`; 0 when there is none.
std::size_t utf8_sequence_length(std::string_view text);

}  // namespace logboom
