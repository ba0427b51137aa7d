// The pattern files of grok-patterns/ as they were when this binary was built.
#pragma once

#include <span>
#include <string_view>

#include "pipeline/text/pattern_library.h"

namespace logboom {

struct BundledPatternFile {
  std::string_view name;  // "legacy/httpd"
  std::string_view text;
};

using BundledPatternFiles = std::span<const BundledPatternFile>;

/// Lives as long as the process.
BundledPatternFiles bundled_pattern_files(PatternSet set);

}  // namespace logboom
