// What can be read off an expression's tree without running it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/text/ascii_facts.h"
#include "pipeline/text/regex_tree.h"

namespace logboom {

struct RegexFacts {
  std::string prefix_literal;                  // every match begins with these bytes
  std::vector<std::string> required_literals;  // every match contains these bytes
  std::string required_literal;                // the longest of them
  bool is_anchored = false;                    // a match begins where the search does, or nowhere
  bool is_line_anchored = false;               // a match begins there or behind a newline
  bool has_search_start = false;               // \G: where the search began matters
  std::optional<SymbolSet> before_line_end;    // a match ends at the end of a line, behind one of these
};

RegexFacts facts_of(const RegexTree& tree);

}  // namespace logboom
