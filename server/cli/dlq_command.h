// `logboom dlq`: ls, groups, show, replay, purge. Tested by tests/server/cli/dlq_command_test.cc and
// tests/end_to_end/dead_letter_test.py; described in docs/dead-letter-queue.md.
#pragma once

#include <string>
#include <vector>

#include "server/cli/store_command.h"

namespace logboom {

/// Runs the subcommand with the words behind `dlq`. Reading looks at the files, beside a server that writes them; replay and
/// purge go through the running server. When there is none, purge works on the files, and replay runs the pipeline's filters
/// and outputs itself. Exit status: CommandStatus.
int run_dlq_command(const std::vector<std::string>& words, CommandConsole console);

}  // namespace logboom
