// The pieces of a grok pattern as people read it: references, groups, characters, each with its quantifier.
// Tested by tests/server/grok/workbench_test.cc.
#pragma once

#include <string_view>
#include <vector>

namespace logboom {

struct PatternPiece {
  std::string_view text;
  bool is_literal = false;     // one character that stands for itself
  std::string_view reference;  // the name in %{NAME…}, else empty
};

/// Cuts at top level, once per alternative of a|b. Every run of pieces from the first one on is a valid pattern where the
/// whole is. The views are into `pattern`.
std::vector<std::vector<PatternPiece>> cut_pattern(std::string_view pattern);

}  // namespace logboom
