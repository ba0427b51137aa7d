// `logboom queue`: ls, show, verify, export. Tested by tests/server/cli/queue_command_test.cc.
#pragma once

#include <string>
#include <vector>

#include "server/cli/store_command.h"

namespace logboom {

/// Runs the subcommand with the words behind `queue`. Looks at the files of persisted queues, without a lock and without
/// changing anything; `ls` asks the running server for its pipelines besides. Exit status: CommandStatus; verify refuses
/// when something is damaged or missing.
int run_queue_command(const std::vector<std::string>& words, CommandConsole console);

}  // namespace logboom
