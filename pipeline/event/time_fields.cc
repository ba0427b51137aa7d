#include "pipeline/event/time_fields.h"

#include <algorithm>
#include <iterator>

#include "pipeline/event/civil_calendar.h"

namespace logboom {
namespace {

constexpr std::int32_t kMaxYear = 9'999;
constexpr std::int32_t kYearOfYearlessTexts = 2000;  // Joda-Time's default: a leap year, so that February 29th is read

constexpr std::int32_t kMostMonthsAhead = 6;

constexpr std::uint32_t bit(TimeField field) { return 1U << static_cast<unsigned>(field); }

constexpr std::uint32_t kDayFields = bit(TimeField::Century) | bit(TimeField::Year) | bit(TimeField::WeekYear) |
                                     bit(TimeField::Month) | bit(TimeField::Week) | bit(TimeField::DayOfYear) |
                                     bit(TimeField::Day) | bit(TimeField::Weekday);
constexpr std::uint32_t kYearFields = bit(TimeField::Century) | bit(TimeField::Year) | bit(TimeField::WeekYear);
constexpr std::uint32_t kTimeFields = bit(TimeField::HalfDay) | bit(TimeField::Hour) | bit(TimeField::ClockHour) |
                                      bit(TimeField::HalfDayHour) | bit(TimeField::HalfDayClockHour) |
                                      bit(TimeField::Minute) | bit(TimeField::Second);
constexpr std::uint32_t kCalendarDate = bit(TimeField::Year) | bit(TimeField::Month) | bit(TimeField::Day);

// Another year, same day of the year counted from January 1st or, behind February, the same date.
std::int32_t with_year(std::int32_t day, std::int32_t year) {
  const bool was_leap = is_leap_year(civil_from_days(day).year);
  std::int32_t ordinal = day_of_year(day);
  if (ordinal > 59 && was_leap != is_leap_year(year)) ordinal += was_leap ? -1 : 1;
  return days_from_civil(year, 1, 1) + ordinal - 1;
}

}  // namespace

void YearGuess::refresh(Timestamp now, const TimeZone& zone) {
  const std::int64_t quarter_hour = now.seconds / 900;
  if (zone_ == &zone && quarter_hour_ == quarter_hour) return;
  const std::int64_t seconds = std::clamp(now.seconds, Timestamp::kMinSeconds, Timestamp::kMaxSeconds);
  const std::int64_t since_year_1 = seconds + zone.offset_at(seconds) - Timestamp::kMinSeconds + 86'400;
  const std::int64_t days = since_year_1 / 86'400 + Timestamp::kMinSeconds / 86'400 - 1;
  const CivilDate date = civil_from_days(static_cast<std::int32_t>(days));
  zone_ = &zone;
  quarter_hour_ = quarter_hour;
  year_ = date.year;
  month_ = date.month;
}

std::int32_t YearGuess::current_year(Timestamp now, const TimeZone& zone) {
  refresh(now, zone);
  return year_;
}

std::int32_t YearGuess::year_for_month(std::int32_t month, Timestamp now, const TimeZone& zone) {
  refresh(now, zone);
  if (month == 12 && month_ == 1) return year_ - 1;
  if (month == 1 && month_ == 12) return year_ + 1;
  if (month - month_ > kMostMonthsAhead) return year_ - 1;
  return year_;
}

void DatePlan::add(TimeField field) {
  if (field == TimeField::WeekYear && !has(TimeField::Year)) is_week_year_first_ = true;
  fields_ |= bit(field);
}

bool DatePlan::apply(TimeField field, std::int32_t value, bool to_start, std::int32_t& day) const {
  const CivilDate date = civil_from_days(day);
  switch (field) {
    case TimeField::Century: {
      const std::int32_t year = (value - 1) * 100 + (date.year - 1) % 100 + 1;
      if (value < 1 || year > kMaxYear) return false;
      day = to_start ? days_from_civil((value - 1) * 100 + 1, 1, 1) : with_year(day, year);
      return true;
    }
    case TimeField::Year:
      if (value < 1 || value > kMaxYear) return false;
      day = to_start ? days_from_civil(value, 1, 1) : with_year(day, value);
      return true;
    case TimeField::WeekYear: {
      if (value < 1 || value > kMaxYear) return false;
      const std::int32_t week = std::min(week_date_from_days(day).week, weeks_in_week_year(value));
      day = week_year_begin(value) + (to_start ? 0 : (week - 1) * 7 + iso_weekday(day) - 1);
      return true;
    }
    case TimeField::Month:
      if (value < 1 || value > 12) return false;
      day = days_from_civil(date.year, value, to_start ? 1 : std::min(date.day, days_in_month(date.year, value)));
      return true;
    case TimeField::Week: {
      const WeekDate current = week_date_from_days(day);
      if (value < 1 || value > weeks_in_week_year(current.week_year)) return false;
      day += (value - current.week) * 7 - (to_start ? iso_weekday(day) - 1 : 0);
      return true;
    }
    case TimeField::DayOfYear:
      if (value < 1 || value > (is_leap_year(date.year) ? 366 : 365)) return false;
      day = days_from_civil(date.year, 1, 1) + value - 1;
      return true;
    case TimeField::Day:
      if (value < 1 || value > days_in_month(date.year, date.month)) return false;
      day += value - date.day;
      return true;
    case TimeField::Weekday:
      if (value < 1 || value > 7) return false;
      day += value - iso_weekday(day);
      return true;
    default: return true;
  }
}

std::optional<std::int32_t> DatePlan::apply_all(const TimeFields& fields, std::optional<std::int32_t> given_year) const {
  // Called with at least one field. From the longest range to the shortest; fields of one range from the longest unit
  // to the shortest.
  constexpr TimeField kOrder[] = {TimeField::Century, TimeField::Year,      TimeField::WeekYear, TimeField::Month,
                                  TimeField::Week,    TimeField::DayOfYear, TimeField::Day,      TimeField::Weekday};
  constexpr TimeField kOrderWeekYearFirst[] = {TimeField::Century, TimeField::WeekYear, TimeField::Year,
                                               TimeField::Month,   TimeField::Week,     TimeField::DayOfYear,
                                               TimeField::Day,     TimeField::Weekday};
  const TimeField(&order)[8] = is_week_year_first_ ? kOrderWeekYearFirst : kOrder;
  const std::uint32_t present = (fields_ & kDayFields) | (given_year ? bit(TimeField::Year) : 0U);
  const bool has_time = (fields_ & kTimeFields) != 0;
  const auto is_present = [&](TimeField field) { return (present & bit(field)) != 0; };
  const TimeField last = *std::find_if(std::rbegin(order), std::rend(order), is_present);
  std::int32_t day = 0;
  for (const bool is_first_pass : {true, false}) {
    for (const TimeField field : order) {
      if (!is_present(field)) continue;
      const bool is_last = field == last && !has_time;
      const bool is_given = field == TimeField::Year && given_year.has_value();
      if (!apply(field, is_given ? *given_year : fields[field], is_first_pass || is_last, day)) return std::nullopt;
    }
  }
  return day;
}

std::optional<std::int32_t> DatePlan::day(const TimeFields& fields, Timestamp now, const TimeZone& zone,
                                          YearGuess& guess) const {
  const std::uint32_t present = fields_ & kDayFields;
  const std::uint32_t without_weekday = present & ~bit(TimeField::Weekday);
  if (without_weekday == kCalendarDate || without_weekday == (kCalendarDate & ~bit(TimeField::Year))) {
    const std::int32_t month = fields[TimeField::Month];
    std::int32_t month_day = fields[TimeField::Day];
    std::int32_t year = fields[TimeField::Year];
    if ((present & bit(TimeField::Year)) == 0) {
      year = guess.year_for_month(month, now, zone);
      if (month == 2 && month_day == 29 && !is_leap_year(year)) month_day = 28;
    }
    if (year < 1 || year > kMaxYear || month < 1 || month > 12 || month_day < 1 || month_day > days_in_month(year, month)) {
      return std::nullopt;
    }
    std::int32_t day = days_from_civil(year, month, month_day);
    if ((present & bit(TimeField::Weekday)) != 0) day += fields[TimeField::Weekday] - iso_weekday(day);
    return day;
  }
  if ((present & bit(TimeField::Year)) != 0) return apply_all(fields, std::nullopt);

  // A guessed year. Texts with a week-year or century stand in their own year first, as in Logstash, which then
  // replaces it.
  if (present == 0) return days_from_civil(std::clamp(guess.year_for_month(1, now, zone), 1, kMaxYear), 1, 1);
  const bool has_own_year = (present & kYearFields) != 0;
  const auto in_own_year = apply_all(fields, has_own_year ? std::nullopt : std::optional(kYearOfYearlessTexts));
  if (!in_own_year) return std::nullopt;
  const std::int32_t year = guess.year_for_month(civil_from_days(*in_own_year).month, now, zone);
  if (year < 1 || year > kMaxYear) return std::nullopt;
  if (!has_own_year) {
    if (const auto day = apply_all(fields, year)) return day;
  }
  return with_year(*in_own_year, year);
}

std::int32_t DatePlan::second_of_day(const TimeFields& fields) const {
  // The half day first, then hours of the day, then hours of the half day: the shorter range decides.
  std::int32_t hour = 0;
  if (has(TimeField::HalfDay)) hour = fields[TimeField::HalfDay] * 12;
  if (has(TimeField::Hour)) hour = fields[TimeField::Hour];
  if (has(TimeField::ClockHour)) hour = fields[TimeField::ClockHour] % 24;
  if (has(TimeField::HalfDayHour)) hour = hour / 12 * 12 + fields[TimeField::HalfDayHour];
  if (has(TimeField::HalfDayClockHour)) hour = hour / 12 * 12 + fields[TimeField::HalfDayClockHour] % 12;
  return hour * 3'600 + fields[TimeField::Minute] * 60 + fields[TimeField::Second];
}

}  // namespace logboom
