// What a plugin was made of, as a text that can be compared: its options and the state of the files that they name.
#pragma once

#include <string>

#include "pipeline/config/graph.h"

namespace logboom {

/// Kind, name and options of a plugin, codecs included; places in the configuration's text do not count. For every text
/// among the options that names a regular file (a certificate, a dictionary, a database) also that file's inode, size and
/// time of change, for a folder (patterns_dir) those of the files in it. Not for what an input reads or an output writes.
/// Holds secrets as they are: never show it.
std::string plugin_content(const PluginNode& node);

/// All plugins and conditions of a pipeline, in order.
std::string graph_content(const Graph& graph);

}  // namespace logboom
