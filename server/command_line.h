// The command line: Logstash's flags, read into settings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/settings.h"

namespace logboom {

struct CommandLine {
  Settings settings;
  bool explains_settings = false;   // --config.explain
  std::string reference_directory;  // --docs.write-reference
  /// When set, the process prints `text` (status 0: to standard output, else to standard error) and ends with it.
  std::optional<int> exit_status;
  std::string text;
  /// Without an exit status: remarks for standard error, one a line.
  std::string remarks;
};

/// Reads what stands behind the program's name. Wrong use gives status 2 and says what is wrong, with the nearest flag.
CommandLine read_command_line(const std::vector<std::string>& words);

}  // namespace logboom
