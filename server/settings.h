// Settings: what logboom.yml (or logstash.yml), pipelines.yml and the command line say, with where each value came from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/config/variables.h"

namespace logboom {

enum class SettingKind { Text, Number, Boolean, Bytes, Milliseconds, Choice };

/// One setting: the single declaration behind the command line, the YAML files, validation and docs/configuration.md.
struct SettingDeclaration {
  std::string_view name;
  SettingKind kind = SettingKind::Text;
  std::string_view default_text;
  std::string_view doc;
  std::string_view short_flag = {};  // "f" for -f
  std::string_view choices = {};     // "a|b|c"
  bool is_per_pipeline = false;      // may stand in pipelines.yml
  bool is_secret = false;            // its value is shown to nobody
};
const std::vector<SettingDeclaration>& setting_declarations();
const SettingDeclaration* find_setting(std::string_view name);
/// Why a setting that Logstash has is not there, or "".
std::string_view why_not_there(std::string_view name);

/// Values by name; what was not set has its default.
class Settings {
 public:
  /// Sets a value after checking it. `origin` is what --config.explain and messages print ("command line").
  /// Errors: NotFound (Logstash has it, Logboom does not: go on without), InvalidArgument (with what is wanted, or the
  /// nearest name).
  Result<void> set(std::string_view name, std::string_view value, std::string_view origin);
  /// Reads a YAML file, keys flat ("pipeline.workers") or nested, ${VAR} resolved. Settings that
  /// have no counterpart, and names that nobody knows, are warned about, with the nearest name.
  /// Errors: NotFound, InvalidArgument with file and line.
  Result<void> load_yaml(const std::string& path, const VariableLookup& lookup);

  /// Takes a value back: the default holds again.
  void unset(std::string_view name);

  bool has(std::string_view name) const { return values_.count(name) > 0; }
  std::string text(std::string_view name) const;
  std::int64_t number(std::string_view name) const;
  bool boolean(std::string_view name) const;
  std::uint64_t bytes(std::string_view name) const;
  std::string origin(std::string_view name) const;

  /// These settings with a pipeline's own on top.
  Settings with(const Settings& own) const;
  /// These settings, but of those that may differ between pipelines what `newer` says: a reload's.
  Settings with_pipelines_defaults_of(const Settings& newer) const;
  /// Names of the process's own settings that have other values in `other`.
  std::vector<std::string> process_differences(const Settings& other) const;
  /// "name: value  (origin)" for every setting, one a line; secrets masked.
  std::string explain() const;
  /// The same for the settings that may differ between pipelines.
  std::string explain_pipeline() const;

 private:
  struct Entry {
    std::string value;
    std::string origin;
  };
  std::string explained(const SettingDeclaration& declaration) const;
  std::map<std::string, Entry, std::less<>> values_;
};

/// One entry of pipelines.yml.
struct PipelineEntry {
  Settings own;
  std::string id;
};

/// Reads pipelines.yml. Errors name file, line and what is wrong (an id twice, a setting that is not per pipeline).
Result<std::vector<PipelineEntry>> load_pipelines_yaml(const std::string& path, const VariableLookup& lookup);

}  // namespace logboom
