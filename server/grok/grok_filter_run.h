// The grok filter itself, for one line at a time: what it would make of an event.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/metrics.h"
#include "pipeline/base/result.h"

namespace logboom {

struct Plan;

struct GrokFilterSettings {
  std::vector<std::string> patterns;
  std::vector<std::pair<std::string, std::string>> definitions;
  std::vector<std::string> directories;
  std::string glob = "*";
  bool is_ecs = true;
  bool named_captures_only = true;
  bool keep_empty_captures = false;
};

/// One thread.
class GrokFilterRun {
 public:
  /// Errors: InvalidArgument with the configuration check's words.
  static Result<GrokFilterRun> make(const GrokFilterSettings& settings);
  ~GrokFilterRun();
  GrokFilterRun(GrokFilterRun&&) noexcept;

  /// The fields that the filter makes of `line` (valid UTF-8), as a JSON object; indented for people when `is_pretty`.
  std::string fields_of(std::string_view line, bool is_pretty);

 private:
  struct State;
  explicit GrokFilterRun(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace logboom
