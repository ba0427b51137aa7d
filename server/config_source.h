// Where a pipeline's configuration text comes from: a file, a directory, a glob, or the command line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"
#include "pipeline/config/variables.h"
#include "server/settings.h"

namespace logboom {

/// Files that path.config names, in order: the file itself, a directory's visible files, or a glob's matches; names that end
/// in '~' are left out. NotFound when there is none, InvalidArgument for an address in the network.
Result<std::vector<std::string>> config_files(const std::string& path);

/// Reads and parses a pipeline's configuration, each file on its own, and resolves its variables. Problems of the text go to
/// `diagnostics`; files that cannot be read are an Error. Texts without an input or output section that come from
/// config.string get Logstash's defaults (stdin, stdout).
Result<Graph> load_graph(const Settings& settings, const VariableLookup& lookup, Diagnostics& diagnostics);

}  // namespace logboom
