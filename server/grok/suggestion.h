// A grok pattern proposed for sample lines.
// Tested by tests/server/grok/suggestion_test.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/text/pattern_library.h"

namespace logboom {

/// A pattern that matches every one of `lines` (not empty; valid UTF-8) from start to end: a pattern of the library for
/// whole lines where one fits, else what the lines have in common with names for what differs, and the rest as GREEDYDATA.
/// The same lines always give the same pattern. Takes up to some seconds: all patterns of the library are tried.
std::string suggest_pattern(const std::vector<std::string>& lines, const PatternLibrary& library, PatternSet names);

}  // namespace logboom
