// Ids of pipelines and plugins as names of files.
#pragma once

#include <string>
#include <string_view>

namespace logboom {

/// What is no letter, digit, `-`, `_` or `.` becomes %XX, and so do "." and "..": never leads out of its directory, and
/// different ids have different names.
std::string file_name_of(std::string_view id);

}  // namespace logboom
