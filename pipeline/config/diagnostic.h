// What is wrong with a configuration, said like a compiler: place, problem, the source line with a caret, remedy.
//   web.conf:14:5: error: filter "truncate" has no option "feilds"
//      14 |     feilds => ["message"]
//         |     ^~~~~~ did you mean "fields"? (options: fields, length_bytes)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/config/source_text.h"

namespace logboom {

enum class Severity { Error, Warning, Notice };

struct Diagnostic {
  Severity severity = Severity::Error;
  SourceSpan span;
  std::string message;
  std::string hint;  // printed under the caret; may be empty
};

/// Collects every problem of a configuration, so that all are shown at once. One thread.
class Diagnostics {
 public:
  void error(SourceSpan span, std::string message, std::string hint = {});
  void warning(SourceSpan span, std::string message, std::string hint = {});
  void notice(SourceSpan span, std::string message, std::string hint = {});

  bool has_errors() const { return error_count_ > 0; }
  std::size_t error_count() const { return error_count_; }
  const std::vector<Diagnostic>& items() const { return items_; }
  /// All diagnostics in order of source name and offset, one block each, ending in a line break.
  std::string render() const;

 private:
  void add(Severity severity, SourceSpan span, std::string message, std::string hint);
  std::vector<Diagnostic> items_;
  std::size_t error_count_ = 0;
};

/// One diagnostic as text (see the top of this file). Control characters of the source line are shown as '?'.
std::string render_diagnostic(const Diagnostic& diagnostic);

/// The candidate nearest to `word` (edit distance with transpositions), or "" when none is near enough to suggest.
std::string_view nearest_name(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace logboom
