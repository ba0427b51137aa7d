// GrokWorkbench: grok patterns held against lines, with an account of what matched, what did not, and how it is done.
// Tested by tests/server/grok/workbench_test.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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
  std::string prefix;           // the longest run of pieces from the start that matches; patterns are opened on the way
  std::size_t begin = 0;        // of the text that it matches
  std::size_t end = 0;
  std::string failing;              // the piece behind it; literal characters are taken together
  std::string expression;           // what a failing %{NAME} stands for
  std::vector<std::string> within;  // the patterns that were opened to find it, from the outermost to the innermost
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

  /// Remembers what it compiled. nullptr for what is no pattern.
  std::shared_ptr<const Matcher> compile(const std::string& text);
  bool fits(Alternative& alternative, std::size_t count, std::string_view line);
  bool fits(const std::string& prefix, std::string_view line);
  /// Goes on inside the piece that fails, as far as it can be opened.
  void look_inside(std::string_view piece, std::string_view line, GrokDiagnosis& found, int depth);
  void note_failing(const std::vector<PatternPiece>& pieces, std::size_t at, GrokDiagnosis& found) const;
  void advise(const Pattern& pattern, std::string& out) const;

  PatternLibrary library_;
  GrokOptions options_;
  std::vector<std::unique_ptr<std::string>> texts_;  // what the pieces are views of
  std::vector<Pattern> patterns_;
  std::unordered_map<std::string, std::shared_ptr<const Matcher>> compiled_;
  MatchScratch scratch_;
};

}  // namespace logboom
