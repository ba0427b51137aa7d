// gsub: one expression and its replacement.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pipeline/event/event.h"
#include "pipeline/event/field_template.h"
#include "pipeline/text/matcher.h"

namespace logboom {

/// One expression and its replacement, as Ruby's String#gsub: \1 to \9, \0, \&, \k<name>, \` and \' in the replacement.
/// Either may hold %{references}, which are filled in before that is read. One thread at a time.
class Substitution {
 public:
  /// Errors: the expression's, when it has no references.
  static Result<Substitution> make(const std::string& needle, const std::string& replacement);

  /// Fills in the references of this event; the texts that replace() works with from now on. False when that gives no
  /// valid expression.
  bool prepare(const Event& event);
  /// Puts `text` with all matches replaced into `result`: `text` itself when there was none, else a copy in `arena`.
  /// False when the replacement names a group that does not exist or the result would exceed 64 MiB.
  bool replace(std::string_view text, Arena& arena, std::string_view& result);

 private:
  static constexpr std::size_t kLargestResult = 64 * 1024 * 1024;
  static constexpr std::size_t kKeptExpressions = 128;

  Substitution() = default;
  bool replace_literal(std::string_view text);
  bool replace_matches(std::string_view text);
  bool append_replacement(std::string_view text, std::string_view match, const MatchScratch* scratch);
  std::optional<std::string_view> named_group(std::string_view name, const MatchScratch& scratch) const;

  FieldTemplate needle_;
  FieldTemplate replacement_;
  bool is_plain_text_ = false;  // the needle has no special characters: searched as bytes
  std::shared_ptr<const Matcher> matcher_;
  std::unordered_map<std::string, std::shared_ptr<const Matcher>> made_;  // expressions of earlier events
  std::string_view current_replacement_;
  MatchScratch scratch_;
  std::string out_;
  bool has_match_ = false;
};

}  // namespace logboom
