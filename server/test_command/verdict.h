// What became of one test: the events that came out held against those that it expects.
#pragma once

#include <string>
#include <vector>

#include "server/test_command/case_file.h"
#include "server/test_command/trial_run.h"

namespace logboom {

/// Sentences and differences, a line each, indented by nothing; empty when everything is as expected.
std::vector<std::string> judge(const TestCase& test, const TrialResult& result);

}  // namespace logboom
