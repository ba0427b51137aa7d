// The proleptic Gregorian calendar as arithmetic: days since 1970-01-01 to and from year, month, day and ISO 8601
// weeks. Method: years that start in March, so that the leap day comes last, within eras of 400 years (146,097 days).
// Tested by tests/pipeline/event/civil_calendar_test.cc.
#pragma once

#include <cstdint>

namespace logboom {

struct CivilDate {
  std::int32_t year = 1970;
  std::int32_t month = 1;  // 1 to 12
  std::int32_t day = 1;    // 1 to 31
};

constexpr bool is_leap_year(std::int32_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr std::int32_t days_in_month(std::int32_t year, std::int32_t month) {
  if (month == 2) return is_leap_year(year) ? 29 : 28;
  return 30 + ((month + (month >> 3)) & 1);
}

/// Days since 1970-01-01; the date must exist, years up to +/- 1,000,000.
constexpr std::int32_t days_from_civil(std::int32_t year, std::int32_t month, std::int32_t day) {
  const std::int32_t march_year = year - (month <= 2 ? 1 : 0);
  const std::int32_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
  const std::int32_t year_of_era = march_year - era * 400;
  const std::int32_t march_month = month > 2 ? month - 3 : month + 9;
  const std::int32_t day_of_march_year = (153 * march_month + 2) / 5 + day - 1;
  const std::int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_march_year;
  return era * 146'097 + day_of_era - 719'468;
}

constexpr CivilDate civil_from_days(std::int32_t days) {
  const std::int32_t shifted = days + 719'468;
  const std::int32_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const auto day_of_era = static_cast<std::uint32_t>(shifted - era * 146'097);
  const std::uint32_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint32_t day_of_march_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t march_month = (5 * day_of_march_year + 2) / 153;
  const auto day = static_cast<std::int32_t>(day_of_march_year - (153 * march_month + 2) / 5 + 1);
  const auto month = static_cast<std::int32_t>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {static_cast<std::int32_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

/// 1 (January 1st) to 366.
constexpr std::int32_t day_of_year(std::int32_t days) {
  return days - days_from_civil(civil_from_days(days).year, 1, 1) + 1;
}

/// 1 (Monday) to 7.
constexpr std::int32_t iso_weekday(std::int32_t days) {
  const std::int32_t from_monday = (days + 3) % 7;  // 1970-01-01 was a Thursday
  return (from_monday < 0 ? from_monday + 7 : from_monday) + 1;
}

/// The Monday of week 1, which is the week with January 4th.
constexpr std::int32_t week_year_begin(std::int32_t week_year) {
  const std::int32_t january_4th = days_from_civil(week_year, 1, 4);
  return january_4th - (iso_weekday(january_4th) - 1);
}

constexpr std::int32_t weeks_in_week_year(std::int32_t week_year) {
  return (week_year_begin(week_year + 1) - week_year_begin(week_year)) / 7;
}

struct WeekDate {
  std::int32_t week_year = 1970;
  std::int32_t week = 1;  // 1 to 53
};

constexpr WeekDate week_date_from_days(std::int32_t days) {
  const std::int32_t year = civil_from_days(days - (iso_weekday(days) - 4)).year;  // the year of the week's Thursday
  return {year, (days - week_year_begin(year)) / 7 + 1};
}

}  // namespace logboom
