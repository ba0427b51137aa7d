// TimeParser: reads a timestamp by one of the date filter's formats (Joda letters, ISO8601, UNIX, UNIX_MS, TAI64N),
// compiled once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/time_fields.h"
#include "pipeline/event/time_locale.h"
#include "pipeline/event/time_zone.h"
#include "pipeline/event/timestamp.h"

namespace logboom {

struct TimeParserOptions {
  const TimeZone* zone = nullptr;  // of texts that name none; nullptr is UTC
  std::string locale;              // of month, weekday and half day names; empty is English
};

/// A compiled format. Immutable, so any thread may parse; each thread brings its own Scratch.
class TimeParser {
 public:
  /// The minute of the text read last: most texts of a log differ from the one before in the seconds alone.
  struct Minute {
    static constexpr std::size_t kMostBytes = 48;
    static constexpr std::size_t kMostTailBytes = 16;
    std::uint64_t parser = 0;  // its serial number; 0: nothing is remembered
    const TimeZone* zone = nullptr;
    std::int64_t quarter_hour = 0;  // of `now`, which decides on years that are guessed
    std::int64_t local_seconds = 0;
    Timestamp time;             // of its first second, with the fraction of `tail`
    bool has_tail = false;      // texts with this tail are so many seconds behind `time`
    std::size_t size = 0;       // of what stands in front of the seconds
    std::size_t tail_size = 0;  // and of what stands behind them
    char text[kMostBytes];
    char tail[kMostTailBytes];

    /// Takes the text apart. `may_have_tail`: seconds of two digits are all that it takes to know the time.
    void remember(std::string_view whole, std::size_t seconds_at, bool may_have_tail);
  };

  /// What one thread remembers between texts. One Scratch may serve any number of parsers.
  struct Scratch {
    TimeZone::Stretch stretch;  // of the zone asked last
    YearGuess year_guess;
    Minute minute;
  };

  /// Compiles `ISO8601`, `UNIX`, `UNIX_MS`, `TAI64N`, or a Joda-Time pattern: letters G C Y y x M w d D E e a h H k K m
  /// s S z Z, literals as they are or in single quotes. Without y or Y in the pattern the year is guessed (YearGuess).
  /// Errors: InvalidArgument for an unknown letter, an empty pattern, one over 1,000 bytes, or an unknown locale.
  static Result<TimeParser> compile(std::string_view format, const TimeParserOptions& options);

  /// Reads the whole of `text`, or gives nullopt: text that does not fit, a date that does not exist, a local time that
  /// the zone skips, an instant outside the years 1 to 9999. Letters follow Joda-Time: padded numbers may have fewer
  /// digits, names and literals any case, a weekday that does not fit moves the date within its ISO week. S... and
  /// ISO8601 keep up to nine decimals, UNIX cuts to milliseconds and ends at 2147483647.
  /// `now` serves the year guess and two-digit years; `zone`, when given, replaces the options' zone for this text.
  std::optional<Timestamp> parse(std::string_view text, Timestamp now, Scratch& scratch,
                                 const TimeZone* zone = nullptr) const;

  /// Numbers are read by UNIX and UNIX_MS alone; every other format gives nullopt.
  std::optional<Timestamp> parse(std::int64_t number) const;
  std::optional<Timestamp> parse(double number) const;

 private:
  friend class TimeParserBuilder;
  enum class Kind : std::uint8_t { Letters, Iso8601, Unix, UnixMs, Tai64n };
  enum class OpCode : std::uint8_t {
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
  struct Op {
    OpCode code{};
    TimeField field{};
    std::uint8_t max_digits = 0;
    bool is_signed = false;
    char end_lower = 0;  // number ops: a literal character that must follow, in both cases; 0 for none
    char end_upper = 0;
    std::int32_t min = 0;
    std::int32_t max = 0;
    std::uint16_t text_begin = 0;  // Literal: range of text_
    std::uint16_t text_end = 0;
  };

  TimeParser() = default;
  std::optional<Timestamp> parse_letters(std::string_view text, Timestamp now, Scratch& scratch, const TimeZone& zone) const;
  std::size_t find_seconds_op() const;
  std::optional<Timestamp> parse_iso8601_text(std::string_view text, Scratch& scratch, const TimeZone& zone) const;

  Kind kind_ = Kind::Letters;
  const TimeZone* zone_ = nullptr;
  std::shared_ptr<const TimeLocale> locale_;
  std::vector<Op> ops_;
  std::size_t seconds_op_ = 0;  // what is in front of it decides on the minute; 0: something behind does too
  std::uint64_t serial_ = 0;    // of this format, in the process
  std::string text_;            // literals, lower case
  DatePlan plan_;
};

}  // namespace logboom
