// What the settings directory says: the settings of the process, its secrets, and the pipelines that it is to run.
#pragma once

#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/config/variables.h"
#include "server/settings.h"

namespace logboom {

struct ProcessSettings {
  Settings settings;                                   // the command line's, then those of logboom.yml (or logstash.yml)
  VariableLookup variables = environment_variables();  // keystore, then environment
};

/// Reads logboom.yml, or logstash.yml when there is no such file, and the keystore of path.settings. What the command line
/// says stands. Errors name the file and what is wrong.
Result<ProcessSettings> load_process_settings(const Settings& command_line);

/// Names of files in path.settings that are for Logstash's Java, and read by nobody here; "" when there is none.
std::string ignored_files(const Settings& settings);

/// True when pipelines.yml is there, or texts are stored.
bool has_pipelines(const ProcessSettings& process);

/// The pipeline of -f or -e, or those of pipelines.yml. Errors: InvalidArgument - there is nothing to run; what
/// load_pipelines_yaml() says.
Result<std::vector<PipelineEntry>> configured_pipelines(const ProcessSettings& process);

}  // namespace logboom
