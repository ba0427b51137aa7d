// GrokWorkbench: grok patterns held against lines, with an account of what matched, what did not, and how it is done.
// Tested by tests/server/grok/workbench_test.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_library.h"
#include "server/grok/pattern_pieces.h"

namespace logboom {

/// Where in a line a field's text stands.
struct FieldSpan {
  std::string field;  // a field reference
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct GrokMatch {
  std::size_t pattern = 0;  // the first one that matched
  std::size_t begin = 0;    // of the whole match
  std::size_t end = 0;
  std::vector<FieldSpan> fields;  // in order of their places
};

/// How far a pattern came.
struct GrokDiagnosis {
  std::size_t pattern = 0;
  bool is_over_budget = false;  // no more is known then
  std::string prefix;           // the longest run of pieces from the start that matches
  std::size_t begin = 0;        // of the text that it matches
  std::size_t end = 0;
  std::string failing;     // the piece behind it; literal characters are taken together
  std::string expression;  // what a failing %{NAME} stands for
};

/// One thread.
class GrokWorkbench {
 public:
  GrokWorkbench(PatternLibrary library, GrokOptions options) : library_(std::move(library)), options_(options) {}

  /// Adds a pattern to try, after those added before. Errors: as PatternLibrary::expand() and Matcher::compile().
  Result<void> add(std::string_view pattern);

  /// The match of the first pattern that matches `line` (valid UTF-8).
  std::optional<GrokMatch> match(std::string_view line);
  /// For a line that nothing matches: of all patterns and their alternatives, the one that came furthest. Compiles prefixes
  /// on first use; some milliseconds.
  GrokDiagnosis diagnose(std::string_view line);
  /// For people: which engines work for the pattern and why, what every line must hold, its fields, and advice.
  std::string explain(std::size_t pattern) const;

  const PatternLibrary& library() const { return library_; }
  std::size_t pattern_count() const { return patterns_.size(); }
  const std::string& pattern_text(std::size_t pattern) const { return patterns_[pattern].text; }

 private:
  struct Alternative {
    std::vector<PatternPiece> pieces;
    std::vector<std::shared_ptr<const Matcher>> prefixes;  // by number of pieces; compiled when first needed
  };
  struct Pattern {
    std::string text;
    GrokExpression expression;
    std::shared_ptr<const Matcher> matcher;
    std::vector<Alternative> alternatives;
  };

  std::shared_ptr<const Matcher> compile(std::string_view text) const;
  bool fits(Alternative& alternative, std::size_t count, std::string_view line);
  void advise(const Pattern& pattern, std::string& out) const;

  PatternLibrary library_;
  GrokOptions options_;
  std::vector<std::unique_ptr<std::string>> texts_;  // what the pieces are views of
  std::vector<Pattern> patterns_;
  MatchScratch scratch_;
};

}  // namespace logboom
