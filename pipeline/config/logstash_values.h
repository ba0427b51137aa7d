// Option values of the Logstash language: strings, numbers, barewords, lists, hashes and plugins (codecs).
#pragma once

#include "pipeline/config/graph.h"
#include "pipeline/config/logstash_cursor.h"

namespace logboom {

/// Reads the value that is next. False after an error that leaves the place unclear: the caller looks for the next option.
/// An error that leaves the place clear (text without quotes) is reported and still gives true, with some value.
bool read_value(LogstashCursor& cursor, ConfigValue& value);

}  // namespace logboom
