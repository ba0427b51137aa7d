// TimeLocale: the names of months, weekdays, half days and eras in one language, for reading dates.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace logboom {

/// Name tables of one locale. Immutable after load(), so any thread may read.
/// English is built in; other languages come from ICU once, at load(), and are matched as plain bytes afterwards.
class TimeLocale {
 public:
  /// A name found at the start of a text.
  struct Match {
    std::size_t length_bytes = 0;  // 0: none
    int value = 0;
  };

  /// Tables for a tag such as `de`, `fr-FR`, `fr_FR`, `pt_BR.UTF-8`; empty, `C` and `POSIX` are English.
  /// Errors: InvalidArgument for a language that ICU does not know.
  static Result<TimeLocale> load(std::string_view tag);

  /// The longest month name, full or short, that `text` starts with: 1 to 12. Names are read as written, in lower and
  /// upper case; English ones in any mixture. A short name's final point may be left out.
  Match month(std::string_view text) const;
  /// Weekday names likewise: 1 (Monday) to 7.
  Match weekday(std::string_view text) const;
  /// 0 for AM, 1 for PM; the English forms are read in every locale.
  Match half_day(std::string_view text) const;
  /// 0 for years before Christ, 1 for the common era; the English forms AD, CE, BC, BCE are read in every locale.
  Match era(std::string_view text) const;

 private:
  struct Name {
    std::string text;
    int value = 0;
  };
  using Names = std::vector<Name>;  // longest first

  static Match longest(const Names& names, std::string_view text);

  bool is_english_ = true;
  Names months_, weekdays_, half_days_, eras_;
};

}  // namespace logboom
