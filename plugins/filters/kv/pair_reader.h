// Key and value pairs found in a text, one after the other. Two readers give what Logstash's scan expression gives:
// CharacterPairs where the separators are lists of characters, in one pass; PatternPairs where they are patterns.
// Tested by tests/plugins/filters/kv_test.cc, against each other and on random texts.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "plugins/filters/kv/char_class.h"

namespace logboom {

/// Views into the text that was read. An empty value is one that was empty or missing.
struct Pair {
  std::string_view key;
  std::string_view value;
};

enum class PairOutcome { Found, End, OverBudget };

struct PairSeparators {
  std::string field_split = " ";
  std::string value_split = "=";
  std::string field_split_pattern;  // each takes the place of the list of characters above
  std::string value_split_pattern;
  bool is_lenient = true;  // blanks around the value splitter belong to it
  bool include_brackets = true;
};

/// Pairs between single characters. Each byte is looked at a bounded number of times. Immutable; any thread.
class CharacterPairs {
 public:
  /// Where a text was left. A new one for each text; holds the thread's scratch.
  class Cursor {
   public:
    Cursor(std::string_view text, MatchScratch& scratch)
        : scratch_(scratch), at_(text.data()), end_(text.data() + text.size()) {}

   private:
    friend class CharacterPairs;
    MatchScratch& scratch_;
    const char* at_;
    const char* end_;
    std::array<const char*, 5> closers_{};  // the next closing quote or bracket of each kind, once looked for
  };

  /// Errors: InvalidArgument - a list that no class can be made of; the message names the option.
  static Result<CharacterPairs> make(const PairSeparators& separators);

  PairOutcome next(Cursor& cursor, Pair& pair) const;

 private:
  CharacterPairs(CharClass field_split, CharClass value_split, CharClass either, const PairSeparators& separators);
  const char* behind_value_split(const char* at, Cursor& cursor) const;
  bool read_enclosed(Cursor& cursor, Pair& pair) const;
  void read_value(Cursor& cursor, Pair& pair) const;

  CharClass field_split_;
  CharClass value_split_;
  CharClass either_;
  bool is_lenient_;
  bool include_brackets_;
};

/// Pairs between patterns: one expression, found again and again. Immutable; any thread.
class PatternPairs {
 public:
  class Cursor {
   public:
    Cursor(std::string_view text, MatchScratch& scratch);

   private:
    friend class PatternPairs;
    MatchScratch& scratch_;
    std::string_view text_;
    MatchCursor place_;
    double deadline_;  // processor seconds of this thread: 0.1 and one microsecond per byte from the beginning
    std::uint32_t pairs_ = 0;
  };

  /// `budget`: of Matcher, for each pair. Errors: InvalidArgument - the message names the option.
  static Result<PatternPairs> make(const PairSeparators& separators, std::uint64_t budget);

  PairOutcome next(Cursor& cursor, Pair& pair) const;

 private:
  PatternPairs() = default;

  std::shared_ptr<const Matcher> matcher_;
  std::size_t key_group_ = 0;
  std::vector<std::size_t> value_groups_;
  std::uint64_t budget_ = 0;
};

}  // namespace logboom
