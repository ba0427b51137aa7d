// The sides of comparisons in the Logstash language: fields, strings, numbers, lists, regular expressions.
#pragma once

#include <string_view>

#include "pipeline/config/graph.h"
#include "pipeline/config/logstash_cursor.h"

namespace logboom {

/// Reads the operand that is next. False after an error.
bool read_operand(LogstashCursor& cursor, Operand& operand);

/// "string", "number", "field", "list", "regular expression".
std::string_view operand_kind_name(Operand::Kind kind);

/// True for a string operand that is nothing but one ${NAME} or ${NAME:default}.
bool is_whole_variable(const Operand& operand);

/// Says of a field on the right of `in` when it looks like a list of one item, which Logstash reads as a field.
void notice_single_item(LogstashCursor& cursor, const Operand& operand);

}  // namespace logboom
