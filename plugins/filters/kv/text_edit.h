// TextEdit: what kv does to keys and values: characters off the ends, characters out, another letter case.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "pipeline/event/arena.h"
#include "pipeline/event/letter_case.h"
#include "plugins/filters/kv/char_class.h"

namespace logboom {

/// Changes nothing until something is set. From then on immutable; any thread, each with a scratch of its own.
class TextEdit {
 public:
  /// Characters to take off both ends, of each line when the text has several. Errors: as CharClass::parse().
  Result<void> set_trimmed(std::string_view listed);
  /// Characters to take out everywhere. Errors: as CharClass::parse().
  Result<void> set_removed(std::string_view listed);
  void set_letter_case(LetterCase wanted) { letter_case_ = wanted; }

  /// The edited text: `text` itself, a part of it, or a copy in `arena`.
  std::string_view apply(std::string_view text, Arena& arena, MatchScratch& scratch) const;

 private:
  std::string_view trim(std::string_view text, Arena& arena, MatchScratch& scratch) const;
  std::string_view remove(std::string_view text, Arena& arena, MatchScratch& scratch) const;

  std::optional<CharClass> trimmed_;
  std::shared_ptr<const Matcher> ends_of_lines_;
  std::optional<CharClass> removed_;
  std::optional<LetterCase> letter_case_;
};

}  // namespace logboom
