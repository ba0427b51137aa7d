// The reading and replacing of %{…} in grok expressions; PatternLibrary::expand() is the way in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/text/pattern_library.h"

namespace logboom {

/// One %{NAME:field:type=definition …}.
struct GrokReference {
  std::string_view name;
  std::string_view field;       // with its type ("bytes:int"), empty when not given
  std::string_view definition;  // empty when not given
  std::size_t length = 0;       // bytes from % to }
};

/// The reference that begins at `offset` of `text` (a '%'), or nothing when this is plain text ("%{}", "% {X}", no closing
/// }).
std::optional<GrokReference> read_grok_reference(std::string_view text, std::size_t offset);

/// Replaces every reference, and those in what replaced it. Errors as PatternLibrary::expand(), except those of the result.
Result<std::string> expand_grok_references(const PatternLibrary& library, std::string_view expression,
                                           const GrokOptions& options);

/// "WORD:[a][b]:int" as a capture of field [a][b] that becomes an integer; "foo" as one of field foo.
GrokCapture capture_of_group_name(std::string_view name);

}  // namespace logboom
