// What `logboom dlq` and `logboom queue` have in common: where things are, and how the running server is asked.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "server/settings.h"

namespace CLI {
class App;
}

namespace logboom {

struct CommandConsole {
  std::ostream& out;
  std::ostream& err;
};

enum CommandStatus { kCommandDone = 0, kCommandRefused = 1, kCommandUsage = 2 };

/// The places that a command was given.
struct StorePlaces {
  std::string settings_directory;
  std::string data_directory;
  std::string root;  // path.queue or path.dead_letter_queue
  std::string pipeline_id;

  /// Declares --path.settings, --path.data, `root_name` and --pipeline.id.
  void declare(CLI::App& app, const std::string& root_name);
  /// What the command line says, as the server's would, LS_SETTINGS_DIR included. Errors as Settings::set().
  Result<Settings> command_line(const std::string& root_name) const;
  /// The settings as the server would have them. Errors as Settings::load_yaml().
  Result<Settings> settings(const std::string& root_name) const;
};

/// Names of the directories in `root`, sorted: each is a pipeline's.
std::vector<std::string> pipelines_in(const std::string& root);

/// Asks the server that runs on a data directory. Errors: NotFound - none does; what the server says is wrong.
Result<nlohmann::json> ask_server(const std::string& data_directory, const nlohmann::json& request);

/// Parses a command's words into `app`. nullopt: go on; else the status to end with: help was printed, or what is wrong.
std::optional<int> parse_command(CLI::App& app, const std::vector<std::string>& words, CommandConsole console);

/// "1.4 MiB".
std::string size_text(std::uint64_t bytes);

}  // namespace logboom
