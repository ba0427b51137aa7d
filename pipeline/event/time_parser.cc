#include "pipeline/event/time_parser.h"

#include <cstring>
#include <utility>

#include "pipeline/event/epoch_text.h"
#include "pipeline/event/iso8601_text.h"

namespace logboom {

namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kSecondsPerQuarterHour = 900;
constexpr std::size_t kMaxZoneIdBytes = 64;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// The zone abbreviations that Joda-Time reads; each stands for its region, whose own rules decide on daylight saving.
const TimeZone* abbreviated_zone(std::string_view text, std::size_t& length) {
  struct Name {
    std::string_view text;
    const char* zone;
  };
  static constexpr Name kNames[] = {
      {"UTC", "UTC"},
      {"GMT", "UTC"},
      {"UT", "UTC"},
      {"EST", "America/New_York"},
      {"EDT", "America/New_York"},
      {"CST", "America/Chicago"},
      {"CDT", "America/Chicago"},
      {"MST", "America/Denver"},
      {"MDT", "America/Denver"},
      {"PST", "America/Los_Angeles"},
      {"PDT", "America/Los_Angeles"},
  };
  for (const Name& name : kNames) {
    if (text.substr(0, name.text.size()) != name.text) continue;
    length = name.text.size();
    return find_zone(name.zone);
  }
  return nullptr;
}

// The longest zone id that the text starts with.
const TimeZone* leading_zone_id(std::string_view text, std::size_t& length) {
  const auto is_id_character = [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '/' || c == '_' || c == '-' || c == '+';
  };
  if (text.empty() || !is_id_character(text[0]) || text[0] == '+' || text[0] == '-') return nullptr;
  length = 1;
  while (length < text.size() && length < kMaxZoneIdBytes && is_id_character(text[length])) ++length;
  for (; length > 0; --length) {
    if (const TimeZone* const zone = find_zone(text.substr(0, length))) return zone;
  }
  return nullptr;
}

// Two digits as the year from 80 years ago to 19 years ahead.
std::int32_t year_near(std::int32_t current_year, std::int32_t two_digits) {
  const std::int32_t first = current_year - 80;
  const std::int32_t year = first - (first % 100 + 100) % 100 + two_digits;
  return year < first ? year + 100 : year;
}

// A sign and digits: at most `max_digits` of them, the sign not counted. False when there is no digit or the number is
// too large.
bool read_number(const char*& p, const char* end, int max_digits, bool is_signed, std::int32_t& value) {
  bool is_negative = false;
  if (is_signed && p + 1 < end && (*p == '-' || *p == '+') && is_digit(p[1])) is_negative = *p++ == '-';
  const char* const begin = p;
  const char* const limit = end - p > max_digits ? p + max_digits : end;
  std::int32_t number = 0;
  while (p < limit && is_digit(*p)) number = number * 10 + (*p++ - '0');
  value = is_negative ? -number : number;
  return p != begin;
}

// As read_number() for at most two digits; -1 when there is none.
std::int32_t read_short_number(const char*& p, const char* end) {
  if (p == end || !is_digit(*p)) return -1;
  const std::int32_t first = *p++ - '0';
  return p < end && is_digit(*p) ? first * 10 + (*p++ - '0') : first;
}

std::optional<Timestamp> valid_or_nothing(std::int64_t seconds, std::uint32_t nanoseconds) {
  const Timestamp time{seconds, nanoseconds};
  if (!time.is_valid()) return std::nullopt;
  return time;
}

}  // namespace

std::optional<Timestamp> TimeParser::parse(std::string_view text, Timestamp now, Scratch& scratch,
                                           const TimeZone* zone) const {
  const TimeZone& used_zone = zone != nullptr ? *zone : *zone_;
  switch (kind_) {
    case Kind::Letters: return parse_letters(text, now, scratch, used_zone);
    case Kind::Iso8601: return parse_iso8601_text(text, scratch, used_zone);
    case Kind::Unix: return read_unix_seconds(text);
    case Kind::UnixMs: return read_unix_milliseconds(text);
    case Kind::Tai64n: return read_tai64n(text);
  }
  return std::nullopt;
}

std::optional<Timestamp> TimeParser::parse(std::int64_t number) const {
  if (kind_ == Kind::Unix) return read_unix_seconds(number);
  if (kind_ == Kind::UnixMs) return read_unix_milliseconds(number);
  return std::nullopt;
}

std::optional<Timestamp> TimeParser::parse(double number) const {
  if (kind_ == Kind::Unix) return read_unix_seconds(number);
  if (kind_ == Kind::UnixMs) return read_unix_milliseconds(number);
  return std::nullopt;
}

std::optional<Timestamp> TimeParser::parse_iso8601_text(std::string_view text, Scratch& scratch,
                                                        const TimeZone& zone) const {
  auto reading = read_event_iso8601(text);  // the common forms, and a date with an offset
  if (!reading) reading = read_wide_iso8601(text);
  if (!reading) return std::nullopt;
  if (reading->offset_seconds) {
    return valid_or_nothing(reading->local_seconds - *reading->offset_seconds, reading->nanoseconds);
  }
  const auto seconds = zone.to_unix(reading->local_seconds, scratch.stretch);
  if (!seconds) return std::nullopt;
  return valid_or_nothing(*seconds, reading->nanoseconds);
}

std::optional<Timestamp> TimeParser::parse_letters(std::string_view text, Timestamp now, Scratch& scratch,
                                                   const TimeZone& default_zone) const {
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto rest = [&] { return std::string_view(p, static_cast<std::size_t>(end - p)); };
  const auto reads_end = [&](const Op& op) {  // the literal character that a number may have behind it
    if (op.end_lower == 0) return true;
    if (p == end || (*p != op.end_lower && *p != op.end_upper)) return false;
    ++p;
    return true;
  };
  TimeFields fields;
  bool has_offset = false;
  std::int32_t offset_seconds = 0;
  const TimeZone* zone = &default_zone;

  Minute& minute = scratch.minute;
  const bool is_same_minute = seconds_op_ != 0 && minute.parser == serial_ && minute.zone == &default_zone &&
                              minute.quarter_hour == now.seconds / kSecondsPerQuarterHour && text.size() > minute.size &&
                              std::memcmp(minute.text, p, minute.size) == 0;
  if (is_same_minute) {
    p += minute.size;
    if (minute.has_tail && text.size() == minute.size + 2 + minute.tail_size && p[0] >= '0' && p[0] <= '5' &&
        is_digit(p[1]) && std::memcmp(p + 2, minute.tail, minute.tail_size) == 0)
      return Timestamp{minute.time.seconds + (p[0] - '0') * 10 + (p[1] - '0'), minute.time.nanoseconds};
  }
  const char* behind_minute = p;
  for (std::size_t i = is_same_minute ? seconds_op_ : 0; i < ops_.size(); ++i) {
    const Op& op = ops_[i];
    if (i == seconds_op_) behind_minute = p;
    std::int32_t value = 0;
    switch (op.code) {
      case OpCode::ShortNumber:
        if (end - p >= 3 && is_digit(p[0]) && is_digit(p[1]) && op.end_lower != 0) {
          value = (p[0] - '0') * 10 + (p[1] - '0');
          if (value < op.min || value > op.max || (p[2] != op.end_lower && p[2] != op.end_upper)) return std::nullopt;
          fields[op.field] = value;
          p += 3;
          break;
        }
        value = read_short_number(p, end);
        if (value < op.min || value > op.max || !reads_end(op)) return std::nullopt;
        fields[op.field] = value;
        break;
      case OpCode::Number:
        if (op.max_digits >= 4 && end - p >= 5 && op.end_lower != 0 && p[4] == op.end_lower && is_digit(p[0]) &&
            is_digit(p[1]) && is_digit(p[2]) && is_digit(p[3])) {
          value = (p[0] - '0') * 1'000 + (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
          if (value < op.min || value > op.max) return std::nullopt;
          fields[op.field] = value;
          p += 5;
          break;
        }
        if (!read_number(p, end, op.max_digits, op.is_signed, value)) return std::nullopt;
        if (value < op.min || value > op.max || !reads_end(op)) return std::nullopt;
        fields[op.field] = value;
        break;
      case OpCode::TwoDigitYear:
      case OpCode::LenientTwoDigitYear: {
        const bool is_lenient = op.code == OpCode::LenientTwoDigitYear;
        const char* const begin = p;
        if (!read_number(p, end, is_lenient ? 9 : 2, is_lenient, value)) return std::nullopt;
        const bool is_short = p - begin == 2 && is_digit(*begin);
        if (!is_lenient && !is_short) return std::nullopt;
        if (is_short) value = year_near(scratch.year_guess.current_year(now, *zone), value);
        if (value < 1 || value > 9'999) return std::nullopt;
        fields[op.field] = value;
        break;
      }
      case OpCode::MonthName:
      case OpCode::WeekdayName:
      case OpCode::HalfDayName:
      case OpCode::EraName: {
        const TimeLocale::Match match = op.code == OpCode::MonthName     ? locale_->month(rest())
                                        : op.code == OpCode::WeekdayName ? locale_->weekday(rest())
                                        : op.code == OpCode::HalfDayName ? locale_->half_day(rest())
                                                                         : locale_->era(rest());
        if (match.length_bytes == 0) return std::nullopt;
        if (op.code == OpCode::EraName && match.value == 0) return std::nullopt;  // before the year 1
        fields[op.field] = match.value;
        p += match.length_bytes;
        break;
      }
      case OpCode::Fraction: {
        std::uint32_t billionths = 0;
        std::uint32_t place = 100'000'000;
        const char* const begin = p;
        for (; p < end && p - begin < op.max_digits && is_digit(*p); ++p) {
          billionths += static_cast<std::uint32_t>(*p - '0') * place;
          place /= 10;
        }
        if (p == begin) return std::nullopt;
        fields.nanoseconds = billionths;
        break;
      }
      case OpCode::Offset: {
        const char* at = p;  // p itself stays in a register
        const auto offset = read_utc_offset(at, end);
        if (!offset) return std::nullopt;
        p = at;
        has_offset = true;
        offset_seconds = *offset;
        break;
      }
      case OpCode::ZoneId:
      case OpCode::ZoneName: {
        std::size_t length = 0;
        zone = op.code == OpCode::ZoneId ? leading_zone_id(rest(), length) : abbreviated_zone(rest(), length);
        if (zone == nullptr) return std::nullopt;
        has_offset = false;
        p += length;
        break;
      }
      case OpCode::Literal:
        if (end - p < op.text_end - op.text_begin) return std::nullopt;
        for (std::size_t i = op.text_begin; i < op.text_end; ++i) {
          if (lower(*p++) != text_[i]) return std::nullopt;
        }
        break;
    }
  }
  if (p != end) return std::nullopt;

  std::int64_t local_seconds = 0;
  if (is_same_minute) {
    local_seconds = minute.local_seconds + fields[TimeField::Second];
  } else {
    const auto day = plan_.day(fields, now, *zone, scratch.year_guess);
    if (!day) return std::nullopt;
    local_seconds = *day * kSecondsPerDay + plan_.second_of_day(fields);
  }
  const auto seconds = has_offset ? local_seconds - offset_seconds : zone->to_unix(local_seconds, scratch.stretch);
  if (!seconds) return std::nullopt;
  const auto time = valid_or_nothing(*seconds, fields.nanoseconds);
  if (!time || seconds_op_ == 0) return time;

  minute.parser = serial_;
  minute.zone = &default_zone;
  minute.quarter_hour = now.seconds / kSecondsPerQuarterHour;
  minute.local_seconds = local_seconds - fields[TimeField::Second];
  minute.time = {time->seconds - fields[TimeField::Second], time->nanoseconds};
  const bool changes_offset = !has_offset && (minute.local_seconds < scratch.stretch.local_begin ||
                                              minute.local_seconds + 60 > scratch.stretch.local_end);
  minute.remember(text, static_cast<std::size_t>(behind_minute - text.data()),
                  ops_[seconds_op_].code == OpCode::ShortNumber && !changes_offset);
  return time;
}

void TimeParser::Minute::remember(std::string_view whole, std::size_t seconds_at, bool may_have_tail) {
  has_tail = false;
  if (seconds_at > kMostBytes) {
    parser = 0;
    return;
  }
  size = seconds_at;
  std::memcpy(text, whole.data(), size);
  const std::string_view rest = whole.substr(size);
  if (!may_have_tail || rest.size() < 2 || !is_digit(rest[1]) || rest.size() - 2 > kMostTailBytes) return;
  has_tail = true;
  tail_size = rest.size() - 2;
  std::memcpy(tail, rest.data() + 2, tail_size);
}

}  // namespace logboom
