// A file that is there as a whole or not at all: written beside the old one, synced, and put in its place.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace logboom {

/// Replaces `path` by a file of these bytes and this mode (of which the umask takes nothing). On return the bytes and the
/// name are on disk; after a crash at any moment either the old file is there or the new one. Blocks for two syncs.
/// Errors: Io, with the step that failed and the system's reason; the old file is then untouched.
Result<void> replace_file(const std::string& path, std::string_view bytes, unsigned mode);

/// The bytes of a file. Errors: NotFound, TooLarge past `most_bytes`, Io.
Result<std::string> read_whole_file(const std::string& path, std::size_t most_bytes);

}  // namespace logboom
