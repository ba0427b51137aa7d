// Compressed bodies: gzip (RFC 1952) out; gzip, zlib (RFC 1950) and raw deflate (RFC 1951) in, never past a limit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"

namespace logboom {

/// The text as one gzip member, at the fastest level. Any thread.
std::string gzip_compress(std::string_view text);
/// The same at a level from 1 (fastest) to 9.
std::string gzip_compress_at_level(std::string_view text, int level);

/// Inflates one whole body; which of the three formats it is in is read from its first bytes, several gzip members are
/// joined. Memory grows with what really comes out, at most to twice `limit_bytes`. Any thread.
/// Errors: TooLarge - more than `limit_bytes` would come out, refuse it. Corrupt - damaged, cut short, or followed by
/// something else.
Result<Buffer> inflate_body(std::string_view bytes, std::size_t limit_bytes);

}  // namespace logboom
