#include "server/pipelines/config_watch.h"

#include "pipeline/base/file_stamp.h"
#include "server/config_source.h"
#include "server/keystore/keystore.h"

namespace logboom {
namespace {

void append_state(const std::string& path, std::string& out) {
  if (const std::string stamp = file_stamp(path); !stamp.empty()) out += path + ' ' + stamp + '\n';
}

}  // namespace

void ConfigWatch::remember(const ProcessSettings& process, const std::vector<PipelineEntry>& entries) {
  settings_directory_ = process.settings.text("path.settings");
  configs_.clear();
  for (const PipelineEntry& entry : entries) {
    std::string path = process.settings.with(entry.own).text("path.config");
    if (!path.empty()) configs_.push_back(std::move(path));
  }
  remembered_ = state();
}

bool ConfigWatch::has_changed() {
  std::string now = state();
  if (now == remembered_) return false;
  remembered_ = std::move(now);
  return true;
}

std::string ConfigWatch::state() const {
  std::string out;
  if (!settings_directory_.empty()) {
    for (const char* name : {"logboom.yml", "logstash.yml", "pipelines.yml"})
      append_state(settings_directory_ + "/" + name, out);
    append_state(keystore_path(settings_directory_), out);
  }
  for (const std::string& config : configs_) {
    const auto files = config_files(config);
    if (!files) continue;
    for (const std::string& file : *files) append_state(file, out);
  }
  return out;
}

}  // namespace logboom
