// PipelineDirectory: the pipelines of the process as the admin API sees them. Whoever runs pipelines implements it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/metrics.h"
#include "pipeline/dead_letter/dead_letter_queue.h"
#include "pipeline/run/pipeline.h"
#include "server/settings.h"

namespace logboom {

enum class ServedState { Starting, Running, Paused, Stopping, Finished, Failed };
/// "running" and so on.
constexpr std::string_view served_state_name(ServedState state) {
  switch (state) {
    case ServedState::Starting: return "starting";
    case ServedState::Running: return "running";
    case ServedState::Paused: return "paused";
    case ServedState::Stopping: return "stopping";
    case ServedState::Finished: return "finished";
    case ServedState::Failed: return "failed";
  }
  return "unknown";
}

struct PipelineReloads {
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::string last_error;                 // empty: none
  std::int64_t last_success_seconds = 0;  // since 1970; 0: never
  std::int64_t last_failure_seconds = 0;
};

/// One pipeline at one moment. What it points at stays valid as long as the view.
struct PipelineView {
  std::string id;
  ServedState state = ServedState::Running;
  std::string failure;  // why it does not run
  std::string hash;     // of its configuration
  std::string ephemeral_id;
  Settings settings;
  PipelineReloads reloads;
  std::shared_ptr<const Plan> plan;    // nullptr: it did not compile
  std::shared_ptr<Pipeline> pipeline;  // nullptr: it does not run
  std::shared_ptr<DeadLetterQueue> dead_letters;
  MetricScope* metrics = nullptr;         // never nullptr
  std::int64_t stalled_milliseconds = 0;  // workers have stood still for so long: RunningPipeline::stalled_for()
};

/// What one reload did to one pipeline.
struct ReloadOutcome {
  std::string pipeline;
  std::string outcome;      // unchanged, reloaded, added, removed, restarted, refused
  std::string diagnostics;  // as the configuration check prints them
};

/// A configuration that is not running: a text, and settings such as "pipeline.workers".
struct ProposedPipeline {
  std::string id;
  std::string text;
  std::vector<std::pair<std::string, std::string>> settings;
};

/// What the configuration check says about one.
struct CheckedPipeline {
  bool is_accepted = false;
  std::string diagnostics;  // as the configuration check prints them: errors, warnings, notices
  std::string hash;
};

/// Any thread.
class PipelineDirectory {
 public:
  virtual ~PipelineDirectory() = default;
  /// Sorted by id.
  virtual std::vector<PipelineView> pipelines() const = 0;
  virtual bool is_stopping() const = 0;
  /// Reloads these pipelines (empty: all) and waits for the end of it. Errors: NotFound - no such pipeline;
  /// Cancelled - the process stops; InvalidArgument - settings that cannot be read.
  virtual Result<std::vector<ReloadOutcome>> reload(const std::vector<std::string>& ids) = 0;
  /// Reads and compiles; starts nothing. Errors: InvalidArgument - a setting that is none, or of the whole process.
  virtual Result<CheckedPipeline> check(const ProposedPipeline& proposed) = 0;
};

}  // namespace logboom
