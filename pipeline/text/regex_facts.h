// What can be read off an expression's tree without running it.
#pragma once

#include <string>

#include "pipeline/text/regex_tree.h"

namespace logboom {

struct RegexFacts {
  std::string prefix_literal;     // every match begins with these bytes
  std::string required_literal;   // every match contains these bytes; the longest such run
  bool has_search_start = false;  // \G: where the search began matters
};

RegexFacts facts_of(const RegexTree& tree);

}  // namespace logboom
