#include "pipeline/event/iso8601_text.h"

#include <cstddef>

#include "pipeline/event/civil_calendar.h"

namespace logboom {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int32_t kMaxYear = 9'999;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// Two digits as their number; out of 0 to 99 when either is no digit.
std::uint32_t two_digits(const char* p) {
  const auto tens = static_cast<std::uint32_t>(static_cast<unsigned char>(p[0] - '0'));
  const auto ones = static_cast<std::uint32_t>(static_cast<unsigned char>(p[1] - '0'));
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

// One to `max_digits` digits; -1 when there is none.
std::int32_t number(const char*& p, const char* end, int max_digits) {
  std::int32_t value = 0;
  const char* const begin = p;
  while (p < end && p - begin < max_digits && is_digit(*p)) value = value * 10 + (*p++ - '0');
  return p == begin ? -1 : value;
}

// Digits behind a decimal sign as billionths; more than nine, or none, is a failure.
std::optional<std::uint32_t> billionths(const char*& p, const char* end) {
  std::uint32_t value = 0;
  int digits = 0;
  for (; p < end && is_digit(*p); ++p) {
    if (++digits > 9) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(*p - '0');
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) value *= 10;
  return value;
}

bool is_decimal_sign(char c) { return c == '.' || c == ','; }

// A date of the wide dialect as days; nullopt for a day that does not exist.
std::optional<std::int32_t> wide_date(const char*& p, const char* end) {
  if (p < end && *p == '+' && p + 1 < end && is_digit(p[1])) ++p;
  const std::int32_t year = number(p, end, 9);
  if (year < 1 || year > kMaxYear) return std::nullopt;
  if (p == end || *p != '-') return days_from_civil(year, 1, 1);
  ++p;
  if (p < end && (*p == 'W' || *p == 'w')) {
    ++p;
    const std::int32_t week = number(p, end, 2);
    if (week < 1 || week > weeks_in_week_year(year)) return std::nullopt;
    std::int32_t weekday = 1;
    if (p < end && *p == '-') {
      ++p;
      weekday = number(p, end, 1);
      if (weekday < 1 || weekday > 7) return std::nullopt;
    }
    return week_year_begin(year) + (week - 1) * 7 + weekday - 1;
  }
  const char* const begin = p;
  const std::int32_t month = number(p, end, 3);
  if (p - begin == 3) {  // an ordinal date
    if (month < 1 || month > (is_leap_year(year) ? 366 : 365)) return std::nullopt;
    return days_from_civil(year, 1, 1) + month - 1;
  }
  if (month < 1 || month > 12) return std::nullopt;
  if (p == end || *p != '-') return days_from_civil(year, month, 1);
  ++p;
  const std::int32_t day = number(p, end, 2);
  if (day < 1 || day > days_in_month(year, month)) return std::nullopt;
  return days_from_civil(year, month, day);
}

// A time of the wide dialect, added to `reading`; decimals may follow the last number whichever it is.
bool add_wide_time(const char*& p, const char* end, Iso8601Reading& reading) {
  constexpr std::int32_t kLimits[] = {23, 59, 59};
  std::int64_t unit_seconds = 3'600;
  for (const std::int32_t limit : kLimits) {
    const std::int32_t value = number(p, end, 2);
    if (value < 0 || value > limit) return false;
    reading.local_seconds += value * unit_seconds;
    if (p < end && is_decimal_sign(*p)) {
      ++p;
      const auto fraction = billionths(p, end);
      if (!fraction) return false;
      const std::int64_t nanoseconds = *fraction * unit_seconds;
      reading.local_seconds += nanoseconds / 1'000'000'000;
      reading.nanoseconds = static_cast<std::uint32_t>(nanoseconds % 1'000'000'000);
      return true;
    }
    if (p == end || *p != ':' || unit_seconds == 1) return true;
    ++p;
    unit_seconds /= 60;
  }
  return true;
}

}  // namespace

std::optional<std::int32_t> read_utc_offset(const char*& p, const char* end) {
  if (p < end && (*p == 'Z' || *p == 'z')) {
    ++p;
    return 0;
  }
  if (end - p < 3 || (*p != '+' && *p != '-')) return std::nullopt;
  const bool is_west = *p == '-';
  if (end - p == 5) {  // `+hhmm` at the end, as most logs have it
    const std::uint32_t hour = two_digits(p + 1);
    const std::uint32_t minute = two_digits(p + 3);
    if (hour <= 23 && minute <= 59) {
      p += 5;
      const auto offset = static_cast<std::int32_t>(hour * 3'600 + minute * 60);
      return is_west ? -offset : offset;
    }
  }
  const std::uint32_t hours = two_digits(p + 1);
  if (hours > 23) return std::nullopt;
  p += 3;
  std::uint32_t seconds = hours * 3'600;
  bool has_colons = false;
  for (const std::uint32_t unit_seconds : {60U, 1U}) {
    if (p == end) break;
    if (unit_seconds == 60) has_colons = *p == ':';
    if (has_colons ? *p != ':' : !is_digit(*p)) break;
    if (has_colons) ++p;
    if (end - p < 2) return std::nullopt;
    const std::uint32_t value = two_digits(p);
    if (value > 59) return std::nullopt;
    seconds += value * unit_seconds;
    p += 2;
  }
  const auto offset = static_cast<std::int32_t>(seconds);
  return is_west ? -offset : offset;
}

std::optional<Iso8601Reading> read_event_iso8601(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const char* p = text.data();
  const char* const end = p + text.size();
  const std::uint32_t century = two_digits(p);
  const std::uint32_t year_of_century = two_digits(p + 2);
  if (century > 99 || year_of_century > 99) return std::nullopt;
  const auto year = static_cast<std::int32_t>(century * 100 + year_of_century);
  const auto month = static_cast<std::int32_t>(two_digits(p + 5));
  const auto day = static_cast<std::int32_t>(two_digits(p + 8));
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return std::nullopt;
  Iso8601Reading reading;
  reading.local_seconds = days_from_civil(year, month, day) * kSecondsPerDay;
  p += 10;
  if (p < end && (*p == 'T' || *p == 't')) {
    if (end - p < 6 || p[3] != ':') return std::nullopt;
    const std::uint32_t hour = two_digits(p + 1);
    const std::uint32_t minute = two_digits(p + 4);
    if (hour > 23 || minute > 59) return std::nullopt;
    reading.local_seconds += hour * 3'600 + minute * 60;
    p += 6;
    if (p < end && *p == ':') {
      if (end - p < 3) return std::nullopt;
      const std::uint32_t second = two_digits(p + 1);
      if (second > 59) return std::nullopt;
      reading.local_seconds += second;
      p += 3;
      if (p < end && is_decimal_sign(*p)) {
        ++p;
        const auto fraction = billionths(p, end);
        if (!fraction) return std::nullopt;
        reading.nanoseconds = *fraction;
      }
    }
  }
  if (p < end) {
    reading.offset_seconds = read_utc_offset(p, end);
    if (!reading.offset_seconds) return std::nullopt;
  }
  if (p != end) return std::nullopt;
  return reading;
}

std::optional<Iso8601Reading> read_wide_iso8601(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  Iso8601Reading reading;
  const auto is_time_sign = [&] { return p < end && (*p == 'T' || *p == 't'); };
  if (!is_time_sign()) {
    const auto days = wide_date(p, end);
    if (!days) return std::nullopt;
    reading.local_seconds = *days * kSecondsPerDay;
    if (p == end) return reading;
    if (!is_time_sign() && *p != ' ') return std::nullopt;
    const bool is_blank = *p == ' ';
    if (is_blank && (p + 1 == end || !is_digit(p[1]))) return std::nullopt;
  }
  ++p;
  if (p < end && is_digit(*p) && !add_wide_time(p, end, reading)) return std::nullopt;
  if (p < end) {
    reading.offset_seconds = read_utc_offset(p, end);
    if (!reading.offset_seconds) return std::nullopt;
  }
  if (p != end) return std::nullopt;
  return reading;
}

}  // namespace logboom
