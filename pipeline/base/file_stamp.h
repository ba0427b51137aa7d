// What tells that a file is another one than before, or has been written.
#pragma once

#include <string>

struct stat;

namespace logboom {

/// Device, inode, size and time of the last change; of the same file, unchanged, always the same text.
std::string file_stamp(const struct stat& status);
/// The same of what is at a path, links followed; "" when nothing is there that can be looked at.
std::string file_stamp(const std::string& path);

}  // namespace logboom
