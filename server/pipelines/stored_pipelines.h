// StoredPipelines: pipelines whose text came through the admin API, kept below path.data. They come before what the files of
// the same id say, after a restart too.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"
#include "server/settings.h"

namespace logboom {

/// PATH.DATA/pipelines/ID.conf holds the text, ID.yml the settings when there are any. Each is replaced as a whole. Callers
/// that change things do it one after the other.
class StoredPipelines {
 public:
  explicit StoredPipelines(const Settings& settings) : directory_(settings.text("path.data") + "/pipelines") {}

  /// An id that can be a file's name: letters, digits, `-`, `_` and `.`, not beginning with a dot, at most 100.
  static bool is_possible_id(std::string_view id);
  std::vector<std::string> ids() const;
  bool has(const std::string& id) const;

  struct Text {
    std::string text;
    std::string settings;  // YAML; empty: none
  };
  /// Errors: NotFound, Io.
  Result<Text> read(const std::string& id) const;
  /// Errors: Io, Full - nothing was changed.
  Result<void> write(const std::string& id, const Text& text) const;
  /// Errors: NotFound, Io.
  Result<void> remove(const std::string& id) const;

  /// The stored pipelines over those of the files: `entries` gets their text and settings, and the ones that it does not
  /// have. Errors: settings that cannot be read.
  Result<void> merge_into(std::vector<PipelineEntry>& entries, const VariableLookup& variables) const;

  std::string text_path(const std::string& id) const { return directory_ + "/" + id + ".conf"; }

 private:
  std::string settings_path(const std::string& id) const { return directory_ + "/" + id + ".yml"; }
  std::string directory_;
};

}  // namespace logboom
