// Timestamp: an instant in UTC with nanoseconds, and its one canonical text form (ISO 8601).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/clock.h"

namespace logboom {

/// An instant: seconds since 1970-01-01T00:00:00Z (before it: negative) plus 0 to 999,999,999 nanoseconds that count
/// forward. Values that leave this module lie in the years 1 to 9999 (kMinSeconds to kMaxSeconds); leap seconds do not
/// exist.
struct Timestamp {
  static constexpr std::int64_t kMinSeconds = -62'135'596'800;  // 0001-01-01T00:00:00Z
  static constexpr std::int64_t kMaxSeconds = 253'402'300'799;  // 9999-12-31T23:59:59Z

  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  /// The instant that lies `nanoseconds` after (before, when negative) the epoch; every int64 is within the years 1677
  /// to 2262.
  static constexpr Timestamp from_unix_nanoseconds(std::int64_t nanoseconds) {
    std::int64_t seconds = nanoseconds / 1'000'000'000;
    std::int64_t rest = nanoseconds % 1'000'000'000;
    if (rest < 0) {
      rest += 1'000'000'000;
      --seconds;
    }
    return {seconds, static_cast<std::uint32_t>(rest)};
  }

  /// The clock's wall time.
  static Timestamp now(const Clock& clock) { return from_unix_nanoseconds(clock.wall_nanoseconds()); }

  /// Whether this is a value that can be printed: years 1 to 9999 and less than a second of nanoseconds.
  constexpr bool is_valid() const { return seconds >= kMinSeconds && seconds <= kMaxSeconds && nanoseconds < 1'000'000'000; }

  friend constexpr bool operator==(const Timestamp&, const Timestamp&) = default;
  friend constexpr std::strong_ordering operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// Longest text that format_iso8601() writes: `2014-09-23T20:34:56.123456789Z`.
inline constexpr std::size_t kMaxIso8601Bytes = 30;

/// Writes `2014-09-23T20:34:56.789Z` at `out` (no terminating zero) and returns the end. Three decimals, or six or nine
/// when the value has them. `out` must have room for kMaxIso8601Bytes; a value out of range is clamped to the first or
/// last instant.
char* format_iso8601(Timestamp time, char* out);

/// The same as a new string.
std::string to_iso8601(Timestamp time);

/// Reads what Logstash takes as the text of a new event's @timestamp: `2014-09-23`, then optionally `T13:49`,
/// `T13:49:52` or `T13:49:52.987654321` (one to nine decimals behind a point or comma), then optionally `Z`, `+02`,
/// `+0200` or `+02:00`. The offset may follow the date alone. Without an offset the text is UTC. Anything else, also
/// surrounding blanks, a 60th second and an instant outside the years 1 to 9999, is nullopt.
std::optional<Timestamp> parse_iso8601(std::string_view text);

}  // namespace logboom
