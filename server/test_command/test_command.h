// `logboom test`: runs tests of pipelines. Tested by tests/server/test_command/; described in docs/testing-pipelines.md.
#pragma once

#include <string>
#include <vector>

#include "server/cli/store_command.h"

namespace logboom {

/// Runs it with the words behind `test`. Exit status: 0 - all tests passed; 1 - some failed, or coverage is below what was
/// asked for; 2 - the words or a file of tests cannot be read, or a pipeline cannot be compiled.
int run_test_command(const std::vector<std::string>& words, CommandConsole console);

}  // namespace logboom
