#include "plugins/inputs/syslog/syslog_time.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "pipeline/event/civil_calendar.h"
#include "pipeline/event/iso8601_text.h"

namespace logboom {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::size_t kMostDecimals = 9;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

/// One or two digits; -1 when there is none.
int take_number(std::string_view& text) {
  int value = -1;
  for (int digits = 0; digits < 2 && !text.empty() && is_digit(text.front()); ++digits) {
    value = (value < 0 ? 0 : value * 10) + (text.front() - '0');
    text.remove_prefix(1);
  }
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

/// Nothing, or a point, comma or colon and the digits behind it. nullopt: something else.
std::optional<std::uint32_t> fraction_of(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() != '.' && text.front() != ',' && text.front() != ':') return std::nullopt;
  text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  std::uint32_t nanoseconds = 0;
  int digits = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    if (digits++ < 9) nanoseconds = nanoseconds * 10 + static_cast<std::uint32_t>(c - '0');
  }
  for (; digits < 9; ++digits) nanoseconds *= 10;
  return nanoseconds;
}

}  // namespace

std::optional<Timestamp> SyslogTimeReader::read(std::string_view text, Timestamp now) {
  return !text.empty() && is_digit(text.front()) ? read_iso(text) : read_bsd(text, now);
}

std::optional<Timestamp> SyslogTimeReader::read_bsd(std::string_view text, Timestamp now) {
  const TimeLocale::Match month = locale_.month(text);
  if (month.length_bytes == 0) return std::nullopt;
  text.remove_prefix(month.length_bytes);
  take(text, '.');  // "Okt."
  if (!take(text, ' ')) return std::nullopt;
  while (take(text, ' ')) {
  }
  int day = take_number(text);
  if (!take(text, ' ')) return std::nullopt;
  const int hour = take_number(text);
  if (!take(text, ':')) return std::nullopt;
  const int minute = take_number(text);
  if (!take(text, ':')) return std::nullopt;
  const int second = take_number(text);
  const auto nanoseconds = fraction_of(text);
  if (!nanoseconds || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
  const std::int32_t year = year_guess_.year_for_month(month.value, now, zone_);
  if (month.value == 2 && day == 29 && !is_leap_year(year)) day = 28;  // as the date filter
  if (day < 1 || day > days_in_month(year, month.value)) return std::nullopt;
  const std::int64_t days = days_from_civil(year, month.value, day);
  return to_instant(days * kSecondsPerDay + hour * 3600 + minute * 60 + second, *nanoseconds);
}

std::optional<Timestamp> SyslogTimeReader::read_iso(std::string_view text) {
  std::array<char, 64> shortened;
  const std::size_t sign = text.find_first_of(".,");
  if (sign != std::string_view::npos) {
    const std::size_t digits_end = std::min(text.find_first_not_of("0123456789", sign + 1), text.size());
    const std::size_t kept = sign + 1 + kMostDecimals;
    if (digits_end > kept && kept + text.size() - digits_end <= shortened.size()) {
      std::memcpy(shortened.data(), text.data(), kept);
      std::memcpy(shortened.data() + kept, text.data() + digits_end, text.size() - digits_end);
      text = {shortened.data(), kept + text.size() - digits_end};
    }
  }
  const auto reading = read_wide_iso8601(text);
  if (!reading) return std::nullopt;
  if (!reading->offset_seconds) return to_instant(reading->local_seconds, reading->nanoseconds);
  const Timestamp time{reading->local_seconds - *reading->offset_seconds, reading->nanoseconds};
  return time.is_valid() ? std::optional(time) : std::nullopt;
}

std::optional<Timestamp> SyslogTimeReader::to_instant(std::int64_t local_seconds, std::uint32_t nanoseconds) {
  const auto seconds = zone_.to_unix(local_seconds, stretch_);
  if (!seconds) return std::nullopt;
  const Timestamp time{*seconds, nanoseconds};
  return time.is_valid() ? std::optional(time) : std::nullopt;
}

}  // namespace logboom
