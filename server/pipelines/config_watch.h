// ConfigWatch: whether the files that pipelines are configured with have changed.
#pragma once

#include <string>
#include <vector>

#include "server/pipelines/process_settings.h"

namespace logboom {

/// Looks at the settings directory's files and at those of every path.config. One thread.
class ConfigWatch {
 public:
  /// Remembers how the files are now. Call before they are read, so that no change passes unseen.
  void remember(const ProcessSettings& process, const std::vector<PipelineEntry>& entries);
  /// True when they are otherwise than remembered; then that is remembered.
  bool has_changed();

 private:
  std::string state() const;
  std::string settings_directory_;
  std::vector<std::string> configs_;  // path.config of the pipelines
  std::string remembered_;
};

}  // namespace logboom
