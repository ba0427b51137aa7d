// Timestamps written as a count: Unix seconds, Unix milliseconds, and TAI64N labels.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pipeline/event/timestamp.h"

namespace logboom {

/// Unix seconds up to 2147483647 (what is larger is meant as milliseconds, so it is refused), decimals cut to
/// milliseconds. Text is an optional sign, digits, and optionally a point with digits. nullopt also for instants before
/// the year 1.
std::optional<Timestamp> read_unix_seconds(std::string_view text);
std::optional<Timestamp> read_unix_seconds(std::int64_t seconds);
std::optional<Timestamp> read_unix_seconds(double seconds);

/// Unix milliseconds; decimals are dropped. nullopt outside the years 1 to 9999.
std::optional<Timestamp> read_unix_milliseconds(std::string_view text);
std::optional<Timestamp> read_unix_milliseconds(std::int64_t milliseconds);
std::optional<Timestamp> read_unix_milliseconds(double milliseconds);

/// A TAI64N label of 24 hexadecimal digits, an at sign before it or not. As Logstash does, the ten seconds between TAI
/// and UTC in 1972 are taken off whatever the date. Format: https://cr.yp.to/libtai/tai64.html
std::optional<Timestamp> read_tai64n(std::string_view text);

}  // namespace logboom
