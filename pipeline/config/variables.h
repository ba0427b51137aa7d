// ${NAME} and ${NAME:default}: the one place where they are resolved.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"

namespace logboom {

/// Looks a name up (keystore first, then environment); nothing when it is not set. An empty value is a value.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;

/// Looks only in the process environment.
VariableLookup environment_variables();

/// Replaces every ${NAME} and ${NAME:default} in `text`. NAME is [A-Za-z_.][A-Za-z0-9_.]*; anything else after "${" stays
/// as it is. A name without value and default is an error at `span` and stays in the text.
std::string expand_variables(std::string_view text, SourceSpan span, const VariableLookup& lookup, Diagnostics& diagnostics);

/// Resolves a graph in place: inside any text of plugin option values (items of arrays and values of hashes too, hash keys
/// not); in conditions only where the whole string is one variable; never in regex literals or field references.
/// As Logstash, after a substitution in an option value one layer of enclosing quotes is stripped and "[a, b]" becomes a
/// list.
void resolve_variables(Graph& graph, const VariableLookup& lookup, Diagnostics& diagnostics);

}  // namespace logboom
