// Zstandard (RFC 8878) bodies, never past a limit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"

namespace logboom {

/// The text as one frame, at level 1. Any thread.
std::string zstd_compress(std::string_view text);

/// Decompresses one whole body; several frames are joined. Memory grows with what really comes out, at most to twice
/// `limit_bytes`, and a frame may ask for a window of 8 MiB at most (RFC 9659). Any thread.
/// Errors: TooLarge - more than `limit_bytes` would come out, refuse it. Corrupt - damaged, cut short, or a larger window.
Result<Buffer> zstd_decompress_body(std::string_view bytes, std::size_t limit_bytes);

}  // namespace logboom
