// Bodies in other charsets than UTF-8.
#pragma once

#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"

namespace logboom {

/// The body in UTF-8. Bodies in UTF-8, US-ASCII or without a charset are returned as they are. Errors: InvalidArgument -
/// unknown charset; Corrupt - bytes that are not text in it.
Result<Buffer> body_to_utf8(const Buffer& body, std::string_view charset);

}  // namespace logboom
