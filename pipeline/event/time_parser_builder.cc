// What TimeParser::compile() does: a format becomes steps.
#include <fmt/core.h>

#include <atomic>
#include <utility>

#include "pipeline/event/time_parser.h"
#include "pipeline/event/time_pattern.h"

namespace logboom {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

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

}  // namespace logboom
