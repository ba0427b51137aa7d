// TimeFields: the numbers that a date text names, and the rules by which they become a day and a time of day.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "pipeline/event/time_zone.h"
#include "pipeline/event/timestamp.h"

namespace logboom {

enum class TimeField : std::uint8_t {
  Century,
  Year,
  WeekYear,
  Month,
  Week,
  DayOfYear,
  Day,
  Weekday,  // 1 is Monday
  HalfDay,
  Hour,
  ClockHour,         // 1 to 24
  HalfDayHour,       // 0 to 11
  HalfDayClockHour,  // 1 to 12
  Minute,
  Second,
  Era,
  kCount,
};

/// Values of the fields that a text had; which ones is a property of the format (DatePlan). `nanoseconds` is the
/// fraction.
struct TimeFields {
  std::array<std::int32_t, static_cast<std::size_t>(TimeField::kCount)> values{};
  std::uint32_t nanoseconds = 0;

  std::int32_t operator[](TimeField field) const { return values[static_cast<std::size_t>(field)]; }
  std::int32_t& operator[](TimeField field) { return values[static_cast<std::size_t>(field)]; }
};

/// The year of a text that names none, from the month of the text and the current month in the zone: December read in
/// January is last year's, January read in December is next year's, everything else is this year's unless that lies more
/// than half a year ahead: then last year's is closer. Remembers the current month for a quarter of an hour; not shared
/// between threads.
class YearGuess {
 public:
  std::int32_t year_for_month(std::int32_t month, Timestamp now, const TimeZone& zone);
  /// The current year in the zone.
  std::int32_t current_year(Timestamp now, const TimeZone& zone);

 private:
  void refresh(Timestamp now, const TimeZone& zone);

  const TimeZone* zone_ = nullptr;
  std::int64_t quarter_hour_ = 0;
  std::int32_t year_ = 0;
  std::int32_t month_ = 0;
};

/// Which fields a format has, and with that how its values combine. The rules are those of Joda-Time: fields are
/// applied from the longest range to the shortest, twice, so that a week is counted in the year that was named.
class DatePlan {
 public:
  void add(TimeField field);
  bool has(TimeField field) const { return (fields_ >> static_cast<unsigned>(field) & 1U) != 0; }

  /// The local day (days since 1970-01-01), or nullopt for a day that does not exist. Without a Year field the year is
  /// guessed.
  std::optional<std::int32_t> day(const TimeFields& fields, Timestamp now, const TimeZone& zone, YearGuess& guess) const;

  /// Seconds since local midnight; the fields must be in their own ranges.
  std::int32_t second_of_day(const TimeFields& fields) const;

 private:
  std::optional<std::int32_t> apply_all(const TimeFields& fields, std::optional<std::int32_t> given_year) const;
  bool apply(TimeField field, std::int32_t value, bool to_start, std::int32_t& day) const;

  std::uint32_t fields_ = 0;
  bool is_week_year_first_ = false;  // the format names the week-year before the year
};

}  // namespace logboom
