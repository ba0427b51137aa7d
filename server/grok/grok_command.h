// `logboom grok`: patterns tried on lines from the command line.
// Tested by tests/server/grok/grok_command_test.cc; described in docs/grok-debugger.md.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace logboom {

/// Runs the subcommand with the words behind `grok`. Reads lines from `in` where the arguments name no file. Exit status: 0
/// every line matched, 1 one did not, 2 the arguments or a pattern are wrong. Lines are cut at a megabyte.
int run_grok_command(const std::vector<std::string>& arguments, std::istream& in, std::ostream& out, std::ostream& err,
                     bool is_terminal);

}  // namespace logboom
