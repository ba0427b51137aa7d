// The times that syslog lines carry: "Oct 11 22:14:15" without a year, and ISO 8601.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "pipeline/event/time_fields.h"
#include "pipeline/event/time_locale.h"
#include "pipeline/event/time_zone.h"
#include "pipeline/event/timestamp.h"

namespace logboom {

/// Remembers what it looked up last; one thread at a time, so one per connection.
class SyslogTimeReader {
 public:
  /// `zone` holds for texts that name none, `locale` has the names of months. Both outlive the reader.
  SyslogTimeReader(const TimeZone& zone, const TimeLocale& locale) : zone_(zone), locale_(locale) {}

  /// The instant, or nullopt: a day that does not exist, a 60th second, a local time that the zone skips, or something that
  /// is no time. Fractions of any length are cut to nanoseconds. A text without a year is of the year of `now`, except that
  /// December read in January is last year's and January read in December next year's.
  std::optional<Timestamp> read(std::string_view text, Timestamp now);

 private:
  std::optional<Timestamp> read_bsd(std::string_view text, Timestamp now);
  std::optional<Timestamp> read_iso(std::string_view text);
  std::optional<Timestamp> to_instant(std::int64_t local_seconds, std::uint32_t nanoseconds);

  const TimeZone& zone_;
  const TimeLocale& locale_;
  YearGuess year_guess_;
  TimeZone::Stretch stretch_;
};

}  // namespace logboom
