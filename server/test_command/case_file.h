// A file of pipeline tests (docs/testing-pipelines.md), read and checked.
#pragma once

#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/timestamp.h"
#include "server/settings.h"

namespace logboom {

/// What one event that comes out must be. YAML nodes are null where the test says nothing.
struct WantedEvent {
  int line = 0;
  YAML::Node fields;
  YAML::Node contains;
  YAML::Node metadata;
  std::vector<std::string> absent;
  std::vector<std::string> tags;
  std::vector<std::string> missing_tags;
  std::optional<std::vector<std::string>> outputs;
  std::optional<std::string> label;
};

struct TestCase {
  std::string name;
  int line = 0;
  std::vector<std::string> events;  // as JSON
  std::vector<std::string> lines;
  bool has_lines = false;
  std::string codec;  // of the lines, in the pipeline language; empty: that of the input
  std::string from;   // id or name of the input; empty: the first one
  std::optional<Timestamp> clock;
  std::optional<std::vector<WantedEvent>> expected;
  std::optional<std::size_t> dropped;
};

struct CaseFile {
  std::string path;
  std::string pipeline;  // path.config, from the file's directory on; or
  std::string config;    // a configuration text
  Settings settings;
  std::map<std::string, std::string> environment;
  std::optional<Timestamp> clock;
  std::vector<TestCase> cases;
};

/// Errors: NotFound; InvalidArgument with file, line and what is wrong.
Result<CaseFile> read_case_file(const std::string& path);

}  // namespace logboom
