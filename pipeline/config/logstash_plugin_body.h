// The braces of a plugin in the Logstash language: its options, and getting on after a wrong one.
#pragma once

#include <string_view>

#include "pipeline/config/graph.h"
#include "pipeline/config/logstash_cursor.h"

namespace logboom {

/// Reads `{ option => value … }`, the brace being next, into `plugin`, whose name is already set, and sets its span.
/// After errors inside it goes on behind the plugin. False when the plugin does not end, which has been reported, or
/// when a section begins inside it: the blocks around it are then given up without further errors.
bool read_plugin_body(LogstashCursor& cursor, PluginNode& plugin);

/// Reports an `input {`, `filter {`, `output {` or `label …{` that is next inside of a block, and that `block`, which begins
/// at `opened`, therefore lacks its brace. False when something else is next.
bool refuse_section_inside(LogstashCursor& cursor, std::string_view block, SourceSpan opened);

/// True when a section of a file begins here: a section word and its brace (for a label its name and brace).
bool looks_at_section(LogstashCursor& cursor);

}  // namespace logboom
