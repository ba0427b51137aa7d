// The smallest pieces of the Logstash language: strings, numbers, and text that should have been quoted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/config/logstash_cursor.h"

namespace logboom {

struct LogstashString {
  std::string text;  // without the quotes; escapes processed when config.support_escapes is on
  SourceSpan span;   // with the quotes
};

/// Reads the string that is next. A string that is not closed is an error where it begins and ends the reading of the file.
std::optional<LogstashString> read_string(LogstashCursor& cursor);

struct LogstashNumber {
  std::string text;
  SourceSpan span;
  bool is_integer = false;  // written without a dot and fits 64 bits
  std::int64_t integer = 0;
  double real = 0;
};

bool looks_at_number(const LogstashCursor& cursor);
/// Reads the number that is next: -?digits, optionally a dot and digits; a leading zero makes an integer octal.
/// Text that only begins like one ("1e3", "10.0.0.1", "089") is an error and is stepped over.
std::optional<LogstashNumber> read_number(LogstashCursor& cursor);
/// As read_number, but stops where the number stops, whatever follows.
std::optional<LogstashNumber> read_number_prefix(LogstashCursor& cursor);

/// The text up to the next blank, comma, bracket, quote, '#' or '=': what somebody may have meant as one value.
std::string_view peek_loose_text(const LogstashCursor& cursor);

/// True for [A-Za-z_][A-Za-z0-9_]+.
bool is_bareword(std::string_view text);

/// "${NAME}" or "${NAME:default}" and nothing else.
bool is_single_variable(std::string_view text);

}  // namespace logboom
