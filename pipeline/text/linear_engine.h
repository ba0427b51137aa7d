// LinearEngine: the relaxation of an expression on RE2. Its work grows with the subject's length alone.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/text/regex_dialect.h"

namespace re2 {
class RE2;
}

namespace logboom {

/// Immutable; any thread.
class LinearEngine {
 public:
  /// Compiles the relaxation; when RE2 refuses it, with smaller counted repetitions, and in the end not at all.
  LinearEngine(const RegexTree& tree, SubjectAlphabet alphabet);
  ~LinearEngine();

  bool is_available() const { return re_ != nullptr; }
  /// Why it decides little or nothing, in words for an operator; empty when it helps.
  const std::string& note() const { return note_; }

  /// Nothing: the expression matches nowhere at or after `start`. Else a place at or before which no match begins earlier.
  /// Only when is_available().
  std::optional<std::size_t> earliest_start(std::string_view subject, std::size_t start) const;

 private:
  std::unique_ptr<re2::RE2> re_;
  std::string note_;
};

}  // namespace logboom
