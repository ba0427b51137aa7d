#include "pipeline/event/time_printer.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "pipeline/event/civil_calendar.h"
#include "pipeline/event/time_pattern.h"

namespace logboom {

enum class TimePrinter::Field : std::uint8_t {
  Literal,
  Century,
  Year,
  YearOfCentury,
  WeekYear,
  WeekYearOfCentury,
  Quarter,
  Month,
  MonthName,  // width is the number of letters that are printed, 0 for all
  Week,
  WeekOfMonth,
  DayOfYear,
  Day,
  WeekdayCountInMonth,
  Weekday,
  WeekdayName,  // likewise
  HalfDay,
  Hour,
  ClockHour,
  HalfDayHour,
  HalfDayClockHour,
  Minute,
  Second,
  MillisecondFraction,  // decimals behind the third are zeros
  Fraction,
  Nanosecond,
  MillisecondOfDay,
  NanosecondOfDay,
  ModifiedJulianDay,
  QuarterName,
};

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                      "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                       "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 4> kQuarters = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};
constexpr std::int32_t kModifiedJulianDayOfEpoch = 40'587;

void append_number(std::int64_t value, std::size_t width, std::string& out) {
  char digits[20];
  char* p = digits + sizeof digits;
  do {
    *--p = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  const auto count = static_cast<std::size_t>(digits + sizeof digits - p);
  if (count < width) out.append(width - count, '0');
  out.append(p, count);
}

void append_name(std::string_view name, std::size_t letters, std::string& out) {
  out += letters == 0 ? name : name.substr(0, letters);
}

// The first `width` of nine decimals, zeros behind them.
void append_decimals(std::uint32_t billionths, std::size_t width, std::string& out) {
  char digits[9];
  for (int i = 8; i >= 0; --i) {
    digits[i] = static_cast<char>('0' + billionths % 10);
    billionths /= 10;
  }
  out.append(digits, std::min<std::size_t>(width, 9));
  if (width > 9) out.append(width - 9, '0');
}

// ISO weeks counted within the month: week 1 is the first with four days in it, days before it are week 0.
std::int32_t week_of_month(std::int32_t day_of_month, std::int32_t weekday) {
  const std::int32_t days_before_monday = ((day_of_month - weekday) % 7 + 7) % 7;
  const std::int32_t shift = days_before_monday + 1 > 4 ? 7 - days_before_monday : -days_before_monday;
  return (7 + shift + day_of_month - 1) / 7;
}

}  // namespace

// Collects the ops of one pattern.
class TimePrinterBuilder {
 public:
  Result<TimePrinter> build(std::string_view pattern, PatternDialect dialect) {
    if (pattern.empty()) return Error{ErrorCode::InvalidArgument, "a date pattern cannot be empty"};
    if (pattern.size() > kMaxTimePatternBytes) {
      return Error{ErrorCode::InvalidArgument, "a date pattern has at most 1000 bytes"};
    }
    PatternReader reader(pattern, dialect);
    PatternToken token;
    while (reader.next(token)) {
      if (token.letter == 0) {
        if (pad_ != 0) return refused(pattern, "p must stand before a letter");
        add_text(token.literal);
      } else if (dialect == PatternDialect::Joda ? !add_joda(token.letter, token.count)
                                                 : !add_java(token.letter, token.count)) {
        return refused(pattern, fmt::format("\"{}\" is not a date field", std::string(token.count, token.letter)));
      }
    }
    if (pad_ != 0) return refused(pattern, "p must stand before a letter");
    if (dialect == PatternDialect::Java && reader.has_open_quote()) return refused(pattern, "a quote is not closed");
    if (dialect == PatternDialect::Java && reader.has_reserved()) return refused(pattern, "{ } # and a lone ] need quotes");
    return std::move(printer_);
  }

 private:
  using Field = TimePrinter::Field;

  static Error refused(std::string_view pattern, std::string_view why) {
    return Error{ErrorCode::InvalidArgument, fmt::format("date pattern \"{}\": {}", pattern, why)};
  }

  bool add(Field field, std::size_t width) {
    TimePrinter::Op op;
    op.field = field;
    op.width = static_cast<std::uint8_t>(std::min<std::size_t>(width, 255));
    op.pad = std::exchange(pad_, std::uint8_t{0});
    printer_.ops_.push_back(op);
    return true;
  }

  bool add_text(std::string_view text) {
    TimePrinter::Op op;
    op.field = Field::Literal;
    op.pad = std::exchange(pad_, std::uint8_t{0});
    op.text_begin = static_cast<std::uint16_t>(printer_.text_.size());
    printer_.text_ += text;
    op.text_end = static_cast<std::uint16_t>(printer_.text_.size());
    if (op.text_begin != op.text_end) printer_.ops_.push_back(op);
    return true;
  }

  // Numbers that java.time allows with one or two letters.
  bool add_up_to(std::size_t max_count, Field field, std::size_t count) { return count <= max_count && add(field, count); }

  // Names by the number of letters, as both dialects have them from three letters on; java.time ends at five.
  bool add_java_name(Field field, std::size_t count) {
    if (count > 5) return false;
    return add(field, count == 5 ? 1 : count == 4 ? 0 : 3);
  }

  bool add_joda(char letter, std::size_t count) {
    switch (letter) {
      case 'G': return add_text("AD");
      case 'C': return add(Field::Century, count);
      case 'y':
      case 'Y': return add(count == 2 ? Field::YearOfCentury : Field::Year, count);
      case 'x': return add(count == 2 ? Field::WeekYearOfCentury : Field::WeekYear, count);
      case 'M': return count >= 3 ? add(Field::MonthName, count == 3 ? 3 : 0) : add(Field::Month, count);
      case 'w': return add(Field::Week, count);
      case 'D': return add(Field::DayOfYear, count);
      case 'd': return add(Field::Day, count);
      case 'e': return add(Field::Weekday, count);
      case 'E': return add(Field::WeekdayName, count >= 4 ? 0 : 3);
      case 'a': return add(Field::HalfDay, count);
      case 'H': return add(Field::Hour, count);
      case 'k': return add(Field::ClockHour, count);
      case 'K': return add(Field::HalfDayHour, count);
      case 'h': return add(Field::HalfDayClockHour, count);
      case 'm': return add(Field::Minute, count);
      case 's': return add(Field::Second, count);
      case 'S': return add(Field::MillisecondFraction, count);
      case 'z': return add_text(count >= 4 ? "Coordinated Universal Time" : "UTC");
      case 'Z': return add_text(count == 1 ? "+0000" : count == 2 ? "+00:00" : "UTC");
      default: return false;
    }
  }

  bool add_java(char letter, std::size_t count) {
    switch (letter) {
      case 'G': return count <= 5 && add_text(count == 5 ? "A" : count == 4 ? "Anno Domini" : "AD");
      case 'u':
      case 'y': return add_up_to(19, count == 2 ? Field::YearOfCentury : Field::Year, count);
      case 'Y': return add_up_to(19, count == 2 ? Field::WeekYearOfCentury : Field::WeekYear, count);
      case 'Q':
      case 'q':
        if (count <= 2) return add(Field::Quarter, count);
        return count <= 5 && add(Field::QuarterName, count);
      case 'M':
      case 'L': return count <= 2 ? add(Field::Month, count) : add_java_name(Field::MonthName, count);
      case 'w': return add_up_to(2, Field::Week, count);
      case 'W': return add_up_to(1, Field::WeekOfMonth, count);
      case 'D': return add_up_to(3, Field::DayOfYear, count);
      case 'd': return add_up_to(2, Field::Day, count);
      case 'F': return add_up_to(1, Field::WeekdayCountInMonth, count);
      case 'g': return add_up_to(19, Field::ModifiedJulianDay, count);
      case 'E': return add_java_name(Field::WeekdayName, std::max<std::size_t>(count, 3));
      case 'e': return count <= 2 ? add(Field::Weekday, count) : add_java_name(Field::WeekdayName, count);
      case 'c':
        if (count == 2) return false;
        return count == 1 ? add(Field::Weekday, 1) : add_java_name(Field::WeekdayName, count);
      case 'a': return add_up_to(1, Field::HalfDay, count);
      case 'H': return add_up_to(2, Field::Hour, count);
      case 'k': return add_up_to(2, Field::ClockHour, count);
      case 'K': return add_up_to(2, Field::HalfDayHour, count);
      case 'h': return add_up_to(2, Field::HalfDayClockHour, count);
      case 'm': return add_up_to(2, Field::Minute, count);
      case 's': return add_up_to(2, Field::Second, count);
      case 'S': return add_up_to(9, Field::Fraction, count);
      case 'A': return add_up_to(19, Field::MillisecondOfDay, count);
      case 'n': return add_up_to(19, Field::Nanosecond, count);
      case 'N': return add_up_to(19, Field::NanosecondOfDay, count);
      case 'p':
        if (pad_ != 0 || count > 255) return false;
        pad_ = static_cast<std::uint8_t>(count);
        return true;
      default: return add_java_zone(letter, count);
    }
  }

  // Zones are constants, since printing is in UTC, which java.time calls Z.
  bool add_java_zone(char letter, std::size_t count) {
    switch (letter) {
      case 'V': return count == 2 && add_text("Z");
      case 'v': return (count == 1 || count == 4) && add_text("Z");
      case 'z': return count <= 4 && add_text("Z");
      case 'O': return (count == 1 || count == 4) && add_text("GMT");
      case 'X': return count <= 5 && add_text("Z");
      case 'x': return count <= 5 && add_text(count == 1 ? "+00" : count % 2 == 0 ? "+0000" : "+00:00");
      case 'Z': return count <= 5 && add_text(count == 5 ? "Z" : count == 4 ? "GMT" : "+0000");
      default: return false;
    }
  }

  TimePrinter printer_;
  std::uint8_t pad_ = 0;
};

Result<TimePrinter> TimePrinter::joda(std::string_view pattern) {
  return TimePrinterBuilder().build(pattern, PatternDialect::Joda);
}

Result<TimePrinter> TimePrinter::java(std::string_view pattern) {
  return TimePrinterBuilder().build(pattern, PatternDialect::Java);
}

void TimePrinter::append(Timestamp time, std::string& out) const {
  if (time.seconds < Timestamp::kMinSeconds) time = {Timestamp::kMinSeconds, 0};
  if (time.seconds > Timestamp::kMaxSeconds) time = {Timestamp::kMaxSeconds, 999'999'999};
  time.nanoseconds = std::min(time.nanoseconds, 999'999'999U);
  const std::int64_t since_year_1 = time.seconds - Timestamp::kMinSeconds;
  const auto days = static_cast<std::int32_t>(since_year_1 / 86'400 + Timestamp::kMinSeconds / 86'400);
  const auto second_of_day = static_cast<std::int32_t>(since_year_1 % 86'400);
  const CivilDate date = civil_from_days(days);
  const std::int32_t hour = second_of_day / 3'600;
  const std::int32_t quarter = (date.month - 1) / 3;
  const auto month_name = kMonths[static_cast<std::size_t>(date.month - 1)];

  for (const Op& op : ops_) {
    const std::size_t begin = out.size();
    switch (op.field) {
      case Field::Literal: out.append(text_, op.text_begin, static_cast<std::size_t>(op.text_end - op.text_begin)); break;
      case Field::Century: append_number((date.year + 99) / 100, op.width, out); break;
      case Field::Year: append_number(date.year, op.width, out); break;
      case Field::YearOfCentury: append_number(date.year % 100, 2, out); break;
      case Field::WeekYear: append_number(week_date_from_days(days).week_year, op.width, out); break;
      case Field::WeekYearOfCentury: append_number(week_date_from_days(days).week_year % 100, 2, out); break;
      case Field::Quarter: append_number(quarter + 1, op.width, out); break;
      case Field::QuarterName:
        if (op.width == 4) {
          out += kQuarters[static_cast<std::size_t>(quarter)];
        } else {
          if (op.width == 3) out += 'Q';
          append_number(quarter + 1, 1, out);
        }
        break;
      case Field::Month: append_number(date.month, op.width, out); break;
      case Field::MonthName: append_name(month_name, op.width, out); break;
      case Field::Week: append_number(week_date_from_days(days).week, op.width, out); break;
      case Field::WeekOfMonth: append_number(week_of_month(date.day, iso_weekday(days)), op.width, out); break;
      case Field::DayOfYear: append_number(day_of_year(days), op.width, out); break;
      case Field::Day: append_number(date.day, op.width, out); break;
      case Field::WeekdayCountInMonth: append_number((date.day - 1) / 7 + 1, op.width, out); break;
      case Field::Weekday: append_number(iso_weekday(days), op.width, out); break;
      case Field::WeekdayName: append_name(kWeekdays[static_cast<std::size_t>(iso_weekday(days) - 1)], op.width, out); break;
      case Field::HalfDay: out += hour < 12 ? "AM" : "PM"; break;
      case Field::Hour: append_number(hour, op.width, out); break;
      case Field::ClockHour: append_number(hour == 0 ? 24 : hour, op.width, out); break;
      case Field::HalfDayHour: append_number(hour % 12, op.width, out); break;
      case Field::HalfDayClockHour: append_number(hour % 12 == 0 ? 12 : hour % 12, op.width, out); break;
      case Field::Minute: append_number(second_of_day / 60 % 60, op.width, out); break;
      case Field::Second: append_number(second_of_day % 60, op.width, out); break;
      case Field::MillisecondFraction:
        append_decimals(time.nanoseconds - time.nanoseconds % 1'000'000, op.width, out);
        break;
      case Field::Fraction: append_decimals(time.nanoseconds, op.width, out); break;
      case Field::Nanosecond: append_number(time.nanoseconds, op.width, out); break;
      case Field::MillisecondOfDay:
        append_number(second_of_day * std::int64_t{1'000} + time.nanoseconds / 1'000'000, op.width, out);
        break;
      case Field::NanosecondOfDay:
        append_number(second_of_day * std::int64_t{1'000'000'000} + time.nanoseconds, op.width, out);
        break;
      case Field::ModifiedJulianDay: {
        const std::int32_t day_number = days + kModifiedJulianDayOfEpoch;
        if (day_number < 0) out += '-';
        append_number(day_number < 0 ? -day_number : day_number, op.width, out);
        break;
      }
    }
    const std::size_t printed = out.size() - begin;
    if (printed < op.pad) out.insert(begin, op.pad - printed, ' ');
  }
}

}  // namespace logboom
