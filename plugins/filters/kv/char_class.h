// CharClass: the characters that an option of kv lists, written as between [ and ] of a regular expression.
#pragma once

#include <bitset>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/text/byte_class.h"
#include "pipeline/text/matcher.h"

namespace logboom {

/// Immutable; any thread, each with a scratch of its own. Texts are valid UTF-8.
class CharClass {
 public:
  /// Errors: InvalidArgument - not what may stand between brackets; the message says what and where.
  static Result<CharClass> parse(std::string_view listed);

  bool contains(char ascii) const { return members_.contains(ascii); }
  /// True when the character that begins at `at` is listed; `length` is then its size in bytes.
  bool contains_at(const char* at, const char* end, MatchScratch& scratch, std::size_t& length) const;
  /// The first listed character in [at, end) that is not the blank of a "\ ", or end: unquoted text goes so far.
  /// `escape` becomes the place of the last "\ " that was passed.
  const char* skip_unquoted(const char* at, const char* end, MatchScratch& scratch, const char*& escape) const;
  /// The first listed character in [at, end), or end.
  const char* find(const char* at, const char* end, MatchScratch& scratch) const;

 private:
  CharClass(const std::bitset<128>& members, const std::bitset<128>& others);
  bool contains_wide(const char* at, const char* end, MatchScratch& scratch, std::size_t& length) const;

  ByteClass members_;
  ByteClass others_;                     // ASCII that is not listed
  ByteClass ordinary_;                   // the same without the backslash
  std::shared_ptr<const Matcher> wide_;  // set when characters beyond ASCII may be listed
};

}  // namespace logboom
