// TimePrinter: prints a timestamp by a pattern of letters, compiled once; Joda-Time letters and java.time letters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/timestamp.h"

namespace logboom {

/// A compiled print pattern. Prints in UTC with English names; weeks are ISO 8601 weeks (Monday first) in both
/// dialects. Immutable: any thread.
class TimePrinter {
 public:
  /// A Joda-Time pattern, as in `%{+YYYY.MM.dd}`: letters G C Y y x M w d D E e a h H k K m s S z Z, text in single
  /// quotes ('' is a quote), any other character as it is. As in Logstash the clock is a millisecond clock: SSSSSS
  /// prints three zeros behind it. Errors: InvalidArgument for an empty pattern, a letter that Joda does not have, or a
  /// pattern over 1,000 bytes.
  static Result<TimePrinter> joda(std::string_view pattern);

  /// A java.time pattern, as in `%{{yyyy-MM-dd}}`: Y is the week-based year, S prints nanoseconds, [ ] are read and
  /// dropped, `p` pads. Errors: InvalidArgument as there, also for the reserved { } #, an open quote, and counts that
  /// java.time refuses.
  static Result<TimePrinter> java(std::string_view pattern);

  /// Appends the text of `time` (clamped to the years 1 to 9999).
  void append(Timestamp time, std::string& out) const;

 private:
  friend class TimePrinterBuilder;
  enum class Field : std::uint8_t;
  struct Op {
    Field field{};
    std::uint8_t width = 0;        // digits for numbers, letters for the rest
    std::uint8_t pad = 0;          // java `p`: blanks to the left up to this width
    std::uint16_t text_begin = 0;  // Literal: range of text_
    std::uint16_t text_end = 0;
  };

  std::vector<Op> ops_;
  std::string text_;
};

}  // namespace logboom
