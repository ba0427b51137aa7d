#include "pipeline/event/civil_calendar.h"

#include <catch2/catch.hpp>

namespace logboom {
namespace {

TEST_CASE("every day of the years 1 to 9999 follows the day before it", "[calendar]") {
  std::int32_t days = days_from_civil(1, 1, 1);
  CHECK(days == -719'162);
  std::int32_t week_days = 1;  // 0001-01-01 was a Monday
  bool is_right = true;
  for (std::int32_t year = 1; year <= 9'999 && is_right; ++year) {
    std::int32_t ordinal = 0;
    for (std::int32_t month = 1; month <= 12; ++month) {
      for (std::int32_t day = 1; day <= days_in_month(year, month); ++day, ++days) {
        const CivilDate date = civil_from_days(days);
        is_right = is_right && days_from_civil(year, month, day) == days && date.year == year && date.month == month &&
                   date.day == day && iso_weekday(days) == week_days && day_of_year(days) == ++ordinal;
        week_days = week_days % 7 + 1;
      }
    }
    CAPTURE(year);
    REQUIRE(is_right);
    REQUIRE(ordinal == (is_leap_year(year) ? 366 : 365));
  }
}

TEST_CASE("ISO weeks at the turn of the year belong to the year of their Thursday", "[calendar]") {
  const auto week = [](std::int32_t year, std::int32_t month, std::int32_t day) {
    const WeekDate date = week_date_from_days(days_from_civil(year, month, day));
    return date.week_year * 100 + date.week;
  };
  CHECK(week(2005, 1, 1) == 200453);
  CHECK(week(2007, 1, 1) == 200701);
  CHECK(week(2008, 12, 29) == 200901);
  CHECK(week(2010, 1, 3) == 200953);
  CHECK(week(2015, 10, 1) == 201540);
  CHECK(weeks_in_week_year(2015) == 53);
  CHECK(weeks_in_week_year(2016) == 52);
}

}  // namespace
}  // namespace logboom
