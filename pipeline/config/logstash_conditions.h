// Conditions of the Logstash language: what stands between `if` and its brace.
#pragma once

#include "pipeline/config/graph.h"
#include "pipeline/config/logstash_cursor.h"

namespace logboom {

/// Reads the condition that is next, up to (not including) the '{' behind it. False after an error; the place is then
/// somewhere inside the condition. Grouping follows Logstash; where that is unusual a notice says how it is read.
bool read_condition(LogstashCursor& cursor, ConditionNode& condition);

}  // namespace logboom
