#include "server/pipelines/process_settings.h"

#include <fmt/format.h>

#include <filesystem>

#include "server/keystore/keystore.h"
#include "server/pipelines/stored_pipelines.h"

namespace logboom {
namespace fs = std::filesystem;

Result<ProcessSettings> load_process_settings(const Settings& command_line) {
  ProcessSettings process;
  process.settings = command_line;
  const std::string directory = command_line.text("path.settings");
  if (directory.empty()) return process;
  auto variables = keystore_then_environment(directory);
  if (!variables) return variables.error();
  process.variables = std::move(*variables);
  for (const char* name : {"logboom.yml", "logstash.yml"}) {
    const std::string path = directory + "/" + name;
    std::error_code ignored;
    if (!fs::exists(path, ignored)) continue;
    if (auto loaded = process.settings.load_yaml(path, process.variables); !loaded) return loaded.error();
    break;
  }
  return process;
}

std::string ignored_files(const Settings& settings) {
  const std::string directory = settings.text("path.settings");
  std::string names;
  if (directory.empty()) return names;
  for (const char* name : {"jvm.options", "log4j2.properties", "startup.options"}) {
    std::error_code ignored;
    if (fs::exists(directory + "/" + name, ignored)) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

namespace {

bool has_list(const Settings& settings) {
  std::error_code ignored;
  return !settings.text("path.settings").empty() && fs::exists(settings.text("path.settings") + "/pipelines.yml", ignored);
}

}  // namespace

bool has_pipelines(const ProcessSettings& process) {
  return has_list(process.settings) || !StoredPipelines(process.settings).ids().empty();
}

Result<std::vector<PipelineEntry>> configured_pipelines(const ProcessSettings& process) {
  const Settings& settings = process.settings;
  const bool has_own = settings.has("config.string") || !settings.text("path.config").empty();
  if (has_own) return std::vector<PipelineEntry>{{Settings(), settings.text("pipeline.id")}};
  const std::string list = settings.text("path.settings") + "/pipelines.yml";
  const StoredPipelines stored(settings);
  const bool is_listed = has_list(settings);
  if (!is_listed && stored.ids().empty())
    return Error{ErrorCode::InvalidArgument,
                 "nothing to run: give a configuration with -f FILE or -e STRING, or --path.settings with a pipelines.yml"};
  auto entries = is_listed ? load_pipelines_yaml(list, process.variables)
                           : Result<std::vector<PipelineEntry>>(std::vector<PipelineEntry>());
  if (!entries) return entries;
  if (auto merged = stored.merge_into(*entries, process.variables); !merged) return merged.error();
  if (entries->empty()) return Error{ErrorCode::InvalidArgument, fmt::format("{} lists no pipeline", list)};
  return entries;
}

}  // namespace logboom
