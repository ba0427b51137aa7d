// PatternLibrary: named grok patterns, and the expansion of %{NAME:field:type} into one Ruby expression.
// Tested by tests/pipeline/text/pattern_library_test.cc.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace logboom {

enum class CaptureType { None, Int, Float };

/// One group of an expanded expression that becomes a field.
struct GrokCapture {
  std::string name;   // the group's full name: "WORD:[user][name]:int", or "foo" of (?<foo>…)
  std::string field;  // field reference text: "[user][name]"
  // What the text is converted to. Of several groups with the same full name only the first converts, as in Logstash.
  CaptureType type = CaptureType::None;
  std::size_t group = 0;  // index for MatchScratch::group() of a Matcher compiled from GrokExpression::regex
};

struct GrokExpression {
  std::string regex;                  // Ruby dialect; compile with dot_matches_newline, captures_unnamed = false
  std::vector<GrokCapture> captures;  // by full name in order of first appearance, the groups of one name together
};

struct GrokOptions {
  bool named_captures_only = true;  // false: %{WORD} without a field is captured under "WORD"
};

/// Which bundled patterns: those with plain names, or those with the Elastic Common Schema's.
enum class PatternSet { Legacy, EcsV1 };

/// Named patterns. Copying is cheap enough for a start-up; reading from several threads is safe while nobody adds.
class PatternLibrary {
 public:
  static constexpr std::size_t kMaxReplacements = 10000;
  static constexpr std::size_t kMaxExpandedBytes = 1024 * 1024;

  struct Pattern {
    std::string expression;
    std::string origin;  // "file:line" or what the caller named
  };

  /// The set embedded in the binary (grok-patterns/<set>/ of the source tree). Built once, shared; any thread.
  static const PatternLibrary& bundled(PatternSet set);

  /// Defines a pattern; a later definition of the same name wins.
  void add(std::string_view name, std::string_view expression, std::string_view origin);

  /// Adds every line `NAME<white space>expression`; `#` lines, blank lines and lines without an expression are skipped.
  /// Returns the number added. The origin of each is "<origin>:<line number>".
  std::size_t load_text(std::string_view text, std::string_view origin);

  /// load_text() for each regular file in `directory` that fits `glob` (*, ?, [a-z], {a,b}), in order of path. When
  /// `directory` is no directory it is taken as a file or a glob of files itself, as in Logstash. Blocks on file reads.
  /// Errors: NotFound - no such directory; Io - a file cannot be read (those before it are added).
  Result<std::size_t> load_directory(const std::filesystem::path& directory, std::string_view glob = "*");

  /// The pattern of that name or null. Valid until it is redefined.
  const Pattern* find(std::string_view name) const;
  std::size_t size() const { return patterns_.size(); }
  const std::map<std::string, Pattern, std::less<>>& patterns() const { return patterns_; }

  /// Expands %{NAME}, %{NAME:field}, %{NAME:field:int}, %{NAME:field:float}, %{NAME:field=regex} and %{NAME=regex} until
  /// none is left. Definitions inside the expression hold from their place on, in that expression alone. Errors: NotFound -
  /// unknown name; the message gives the offset, what referred to it and near names. InvalidArgument - a cycle (named), or
  /// the result is no valid expression. TooLarge - over kMaxReplacements replacements or kMaxExpandedBytes.
  Result<GrokExpression> expand(std::string_view grok_expression, const GrokOptions& options = {}) const;

 private:
  std::map<std::string, Pattern, std::less<>> patterns_;
};

}  // namespace logboom
