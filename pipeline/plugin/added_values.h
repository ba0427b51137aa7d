// What add_field adds to one field.
#pragma once

#include <vector>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"
#include "pipeline/event/field_template.h"

namespace logboom {

/// The templates of one add_field entry: a string, a number, or a list of these. Anything else is reported at its place.
std::vector<FieldTemplate> read_added_values(const ConfigValue& value, Diagnostics& diagnostics);

}  // namespace logboom
