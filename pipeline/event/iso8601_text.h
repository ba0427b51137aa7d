// Reading ISO 8601 texts: the two dialects that Logstash has, one for @timestamp and a wider one for the date filter.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace logboom {

/// What the text says, before any zone is applied.
struct Iso8601Reading {
  std::int64_t local_seconds = 0;  // civil time counted as if it were UTC
  std::uint32_t nanoseconds = 0;
  std::optional<std::int32_t> offset_seconds;
};

/// The strict dialect of an event's @timestamp; see parse_iso8601(). The whole text or nullopt.
std::optional<Iso8601Reading> read_event_iso8601(std::string_view text);

/// The wide dialect of the date filter's ISO8601: a year alone, year and month, ordinal dates (`2015-274`), week dates
/// (`2015-W40-4`), numbers with fewer digits, a blank for the T, an hour alone (`T13`), decimals of hours and minutes,
/// seconds in an offset, and a time alone (`T13:49`, on 1970-01-01). The whole text or nullopt.
std::optional<Iso8601Reading> read_wide_iso8601(std::string_view text);

/// Reads `Z`, `+hh`, `+hhmm`, `+hh:mm`, `+hhmmss` or `+hh:mm:ss` at `p` and moves `p` behind it; nullopt leaves `p`
/// undefined.
std::optional<std::int32_t> read_utc_offset(const char*& p, const char* end);

}  // namespace logboom
