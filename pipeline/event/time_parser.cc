#include "pipeline/event/time_parser.h"

#include <fmt/core.h>

#include <atomic>
#include <cstring>
#include <utility>

#include "pipeline/event/epoch_text.h"
#include "pipeline/event/iso8601_text.h"
#include "pipeline/event/time_pattern.h"

namespace logboom {

enum class TimeParser::OpCode : std::uint8_t {
  Number,
  ShortNumber,          // without sign, of at most two digits
  TwoDigitYear,         // exactly two digits
  LenientTwoDigitYear,  // two digits are a year near today, any other count is the year itself
  MonthName,
  WeekdayName,
  HalfDayName,
  EraName,
  Fraction,
  Offset,
  ZoneId,
  ZoneName,
  Literal,
};

namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kSecondsPerQuarterHour = 900;
constexpr std::size_t kMaxZoneIdBytes = 64;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

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

// Turns a Joda-Time pattern into ops.
class TimeParserBuilder {
 public:
  explicit TimeParserBuilder(TimeParser& parser) : parser_(parser) {}

  Result<void> add_pattern(std::string_view pattern) {
    PatternReader reader(pattern, PatternDialect::Joda);
    PatternToken token;
    PatternToken following;
    for (bool has_token = reader.next(token); has_token; token = std::move(following)) {
      has_token = reader.next(following);
      if (token.letter == 0) {
        add_literal(token.literal);
      } else if (!add_letters(token.letter, token.count, has_token && is_numeric(following))) {
        return Error{ErrorCode::InvalidArgument,
                     fmt::format("date format \"{}\": \"{}\" cannot be read; letters are G C Y y x M w d D E e a h H k K "
                                 "m s S z Z, other text goes in single quotes",
                                 pattern, std::string(token.count, token.letter))};
      }
    }
    return {};
  }

 private:
  using Op = TimeParser::Op;
  using OpCode = TimeParser::OpCode;

  // Whether digits belong to this token; numbers in front of it then stop at their own width.
  static bool is_numeric(const PatternToken& token) {
    if (token.letter == 'M') return token.count <= 2;
    return token.letter != 0 && std::string_view("cCxyYdhHmsSeDFwWkK").find(token.letter) != std::string_view::npos;
  }

  static bool is_number(OpCode code) { return code == OpCode::Number || code == OpCode::ShortNumber; }

  void add_literal(std::string_view literal) {
    if (literal.empty()) return;
    if (!parser_.ops_.empty() && is_number(parser_.ops_.back().code)) {
      parser_.ops_.back().end_lower = lower(literal[0]);
      parser_.ops_.back().end_upper = upper(literal[0]);
      literal.remove_prefix(1);
      if (literal.empty()) return;
    }
    Op op;
    op.code = OpCode::Literal;
    op.text_begin = static_cast<std::uint16_t>(parser_.text_.size());
    for (const char c : literal) parser_.text_ += lower(c);
    op.text_end = static_cast<std::uint16_t>(parser_.text_.size());
    parser_.ops_.push_back(op);
  }

  bool add_number(TimeField field, std::size_t max_digits, std::int32_t min, std::int32_t max, bool is_signed = false) {
    Op op;
    op.code = max_digits == 2 && !is_signed ? OpCode::ShortNumber : OpCode::Number;
    op.field = field;
    op.max_digits = static_cast<std::uint8_t>(max_digits);
    op.is_signed = is_signed;
    op.min = min;
    op.max = max;
    parser_.plan_.add(field);
    parser_.ops_.push_back(op);
    return true;
  }

  bool add_op(OpCode code, TimeField field) {
    Op op;
    op.code = code;
    op.field = field;
    parser_.plan_.add(field);
    parser_.ops_.push_back(op);
    return true;
  }

  bool add_zone(OpCode code) {
    Op op;
    op.code = code;
    parser_.ops_.push_back(op);
    return true;
  }

  bool add_year(TimeField field, std::size_t count, bool is_number_next, bool is_signed) {
    if (count == 2) return add_op(is_number_next ? OpCode::TwoDigitYear : OpCode::LenientTwoDigitYear, field);
    const std::size_t max_digits = is_number_next ? count : 9;
    return max_digits <= 9 && add_number(field, max_digits, 1, 9'999, is_signed);
  }

  bool add_letters(char letter, std::size_t count, bool is_number_next) {
    switch (letter) {
      case 'G': return add_op(OpCode::EraName, TimeField::Era);
      case 'C': return count <= 9 && add_number(TimeField::Century, count, 1, 100, true);
      case 'y': return add_year(TimeField::Year, count, is_number_next, true);
      case 'Y': return add_year(TimeField::Year, count, is_number_next, false);
      case 'x': return add_year(TimeField::WeekYear, count, is_number_next, true);
      case 'M': return count >= 3 ? add_op(OpCode::MonthName, TimeField::Month) : add_number(TimeField::Month, 2, 1, 12);
      case 'w': return add_short_number(TimeField::Week, count, 2, 1, 53);
      case 'd': return add_short_number(TimeField::Day, count, 2, 1, 31);
      case 'D': return add_short_number(TimeField::DayOfYear, count, 3, 1, 366);
      case 'e': return add_short_number(TimeField::Weekday, count, 1, 1, 7);
      case 'E': return add_op(OpCode::WeekdayName, TimeField::Weekday);
      case 'a': return add_op(OpCode::HalfDayName, TimeField::HalfDay);
      case 'H': return add_short_number(TimeField::Hour, count, 2, 0, 23);
      case 'k': return add_short_number(TimeField::ClockHour, count, 2, 1, 24);
      case 'K': return add_short_number(TimeField::HalfDayHour, count, 2, 0, 11);
      case 'h': return add_short_number(TimeField::HalfDayClockHour, count, 2, 1, 12);
      case 'm': return add_short_number(TimeField::Minute, count, 2, 0, 59);
      case 's': return add_short_number(TimeField::Second, count, 2, 0, 59);
      case 'S': {
        Op op;
        op.code = OpCode::Fraction;
        op.max_digits = static_cast<std::uint8_t>(count < 18 ? count : 18);
        parser_.ops_.push_back(op);
        return true;
      }
      case 'Z': return add_zone(count <= 2 ? OpCode::Offset : OpCode::ZoneId);
      case 'z': return count <= 3 && add_zone(OpCode::ZoneName);
      default: return false;
    }
  }

  // A number whose letters, when there are more of them than digits in the largest value, widen what may be read.
  bool add_short_number(TimeField field, std::size_t count, std::size_t max_digits, std::int32_t min, std::int32_t max) {
    return count <= 9 && add_number(field, count > max_digits ? count : max_digits, min, max);
  }

  TimeParser& parser_;
};

Result<TimeParser> TimeParser::compile(std::string_view format, const TimeParserOptions& options) {
  TimeParser parser;
  parser.zone_ = options.zone != nullptr ? options.zone : &utc_zone();
  if (format == "ISO8601") {
    parser.kind_ = Kind::Iso8601;
  } else if (format == "UNIX") {
    parser.kind_ = Kind::Unix;
  } else if (format == "UNIX_MS") {
    parser.kind_ = Kind::UnixMs;
  } else if (format == "TAI64N") {
    parser.kind_ = Kind::Tai64n;
  } else {
    if (format.empty()) return Error{ErrorCode::InvalidArgument, "a date format cannot be empty"};
    if (format.size() > kMaxTimePatternBytes) {
      return Error{ErrorCode::InvalidArgument, "a date format has at most 1000 bytes"};
    }
    auto locale = TimeLocale::load(options.locale);
    if (!locale) return locale.error();
    parser.locale_ = std::make_shared<const TimeLocale>(std::move(*locale));
    const auto added = TimeParserBuilder(parser).add_pattern(format);
    if (!added) return added.error();
    static std::atomic<std::uint64_t> serials{0};
    parser.serial_ = ++serials;
    parser.seconds_op_ = parser.find_seconds_op();
  }
  return parser;
}

/// Where the seconds are read, if a text's minute follows from what stands in front of them alone, or 0.
std::size_t TimeParser::find_seconds_op() const {
  std::size_t found = 0;
  bool names_zone = false;
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const Op& op = ops_[i];
    const bool is_zone_name = op.code == OpCode::ZoneId || op.code == OpCode::ZoneName;
    const bool is_apart = op.code == OpCode::Offset || op.code == OpCode::Fraction || is_zone_name;
    if ((op.code == OpCode::Number || op.code == OpCode::ShortNumber) && op.field == TimeField::Second) {
      // A character in front of them, so that no number or name before it reaches into them.
      if (found != 0 || i == 0 || (ops_[i - 1].code != OpCode::Literal && ops_[i - 1].end_lower == 0)) return 0;
      found = i;
    } else if (found == 0 ? is_apart : !is_apart && op.code != OpCode::Literal) {
      return 0;
    }
    names_zone |= is_zone_name;
  }
  // The guess of a year asks what time it is in the zone.
  return names_zone && !plan_.has(TimeField::Year) ? 0 : found;
}

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
    if (minute.has_tail && text.size() == minute.size + 2 + minute.tail_size && p[0] >= '0' && p[0] <= '5' && is_digit(p[1]) &&
        std::memcmp(p + 2, minute.tail, minute.tail_size) == 0)
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
    const auto size = static_cast<std::size_t>(behind_minute - text.data());
    if (seconds_op_ != 0 && size <= Minute::kMostBytes) {
      minute.parser = serial_;
      minute.zone = &default_zone;
      minute.quarter_hour = now.seconds / kSecondsPerQuarterHour;
      minute.local_seconds = local_seconds - fields[TimeField::Second];
      minute.size = size;
      std::memcpy(minute.text, text.data(), size);
    }
  }
  const auto seconds = has_offset ? local_seconds - offset_seconds : zone->to_unix(local_seconds, scratch.stretch);
  if (!seconds) return std::nullopt;
  const auto time = valid_or_nothing(*seconds, fields.nanoseconds);
  if (time && seconds_op_ != 0)
    remember_tail(text, *time, fields[TimeField::Second], has_offset ? nullptr : &scratch.stretch, minute);
  return time;
}

/// `stretch`: of the zone that decided, nullptr when an offset did.
void TimeParser::remember_tail(std::string_view text, Timestamp time, std::int32_t second, const TimeZone::Stretch* stretch,
                               Minute& minute) const {
  minute.has_tail = false;
  if (minute.parser != serial_ || ops_[seconds_op_].code != OpCode::ShortNumber) return;
  const std::string_view rest = text.substr(minute.size);
  if (rest.size() < 2 || !is_digit(rest[1]) || rest.size() - 2 > Minute::kMostTailBytes) return;
  if (stretch != nullptr && (minute.local_seconds < stretch->local_begin || minute.local_seconds + 60 > stretch->local_end))
    return;  // the zone changes its offset within the minute
  minute.has_tail = true;
  minute.time = {time.seconds - second, time.nanoseconds};
  minute.tail_size = rest.size() - 2;
  std::memcpy(minute.tail, rest.data() + 2, minute.tail_size);
}

}  // namespace logboom
