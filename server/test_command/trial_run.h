// TrialRun: one test's events through a pipeline, without any of its inputs and outputs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "server/test_command/case_file.h"
#include "server/test_command/coverage.h"

namespace logboom {

/// An event that came out of the filters of the pipeline or of a label.
struct TrialEvent {
  nlohmann::json event;              // with "@metadata" when it has any
  std::string label;                 // empty: the pipeline's own filters
  std::vector<std::string> outputs;  // ids, in the order of the configuration
};

struct TrialResult {
  std::vector<TrialEvent> events;  // of the pipeline first, then those of labels, in order
  std::size_t dropped = 0;
};

/// Compiles the file's pipeline and sends the test's events through. `coverage` may be nullptr. Errors: InvalidArgument,
/// NotFound - the configuration cannot be compiled, or the test's input cannot be read.
Result<TrialResult> run_trial(const CaseFile& file, const TestCase& test, Coverage* coverage);

}  // namespace logboom
