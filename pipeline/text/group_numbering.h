// Decides which groups of a parsed expression record, and gives them and what refers to them their final numbers.
#pragma once

#include "pipeline/text/regex_parser.h"
#include "pipeline/text/regex_tree.h"

namespace logboom {

/// Ruby: where a group has a name, groups without one do not record. Beyond that the options leave out groups nobody needs.
/// Resolves names in back-references, calls and conditions. Throws RegexSyntaxError for a reference that leads nowhere.
void number_groups(RegexTree& tree, const RegexParseOptions& options);

}  // namespace logboom
