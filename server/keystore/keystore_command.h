// `logboom keystore`: create, add, list, remove. Tested by tests/server/keystore/keystore_command_test.cc.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace logboom {

/// Where the command reads and writes. `is_terminal`: `in` is the terminal, so values are asked for without echo.
struct KeystoreConsole {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool is_terminal = false;
};

/// Runs the subcommand with the words behind `keystore`. Exit status: 0 done, 1 refused, 2 wrong use.
int run_keystore_command(const std::vector<std::string>& arguments, KeystoreConsole console);

}  // namespace logboom
