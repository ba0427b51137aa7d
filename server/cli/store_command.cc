#include "server/cli/store_command.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "server/control/local_socket.h"
#include "server/json_line.h"
#include "server/keystore/keystore.h"

namespace logboom {
namespace {

constexpr auto kPatience = std::chrono::hours(2);

}  // namespace

void StorePlaces::declare(CLI::App& app, const std::string& root_name) {
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.add_option("--path.settings", settings_directory, "Directory of logboom.yml, which says where the rest is")
      ->type_name("DIR");
  app.add_option("--path.data", data_directory, "The server's path.data")->type_name("DIR");
  app.add_option("--" + root_name, root, "The server's " + root_name)->type_name("DIR");
  app.add_option("-p,--pipeline.id", pipeline_id, "The pipeline; not needed when there is only one")->type_name("ID");
}

Result<Settings> StorePlaces::command_line(const std::string& root_name) const {
  Settings settings;
  std::string directory = settings_directory;
  if (const char* given = std::getenv("LS_SETTINGS_DIR"); directory.empty() && given != nullptr) directory = given;
  for (const auto& [name, value] : {std::pair{std::string("path.settings"), directory},
                                    std::pair{std::string("path.data"), data_directory}, std::pair{root_name, root}})
    if (!value.empty())
      if (auto set = settings.set(name, value, "command line"); !set) return set.error();
  return settings;
}

Result<Settings> StorePlaces::settings(const std::string& root_name) const {
  auto given = command_line(root_name);
  if (!given) return given;
  Settings settings = std::move(*given);
  const std::string directory = settings.text("path.settings");
  if (directory.empty()) return settings;
  auto variables = keystore_then_environment(directory);
  if (!variables) return variables.error();
  for (const char* name : {"/logboom.yml", "/logstash.yml"}) {
    if (access((directory + name).c_str(), F_OK) != 0) continue;
    if (auto loaded = settings.load_yaml(directory + name, *variables); !loaded) return loaded.error();
    break;
  }
  return settings;
}

std::vector<std::string> pipelines_in(const std::string& root) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root, ignored))
    if (entry.is_directory(ignored)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

Result<nlohmann::json> ask_server(const std::string& data_directory, const nlohmann::json& request) {
  auto socket = LocalSocket::connect(data_directory);
  if (!socket) return socket.error();
  if (auto sent = socket->send_line(json_line(request)); !sent) return sent.error();
  auto line = socket->receive_line(kPatience);
  if (!line) return Error{ErrorCode::Unavailable, fmt::format("the server gave no answer: {}", line.error().message)};
  auto answer = nlohmann::json::parse(*line, nullptr, false);
  if (!answer.is_object()) return Error{ErrorCode::Corrupt, "the server's answer cannot be read"};
  if (!answer.value("ok", false)) return Error{ErrorCode::InvalidArgument, answer.value("error", std::string("refused"))};
  return answer;
}

std::optional<int> parse_command(CLI::App& app, const std::vector<std::string>& words, CommandConsole console) {
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    console.out << (chosen.empty() ? app.help() : chosen[0]->help());
    return kCommandDone;
  } catch (const CLI::ParseError& problem) {
    fmt::print(console.err, "{0}: {1}\n{0} --help says how\n", app.get_name(), problem.what());
    return kCommandUsage;
  }
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (size < 1024) break;
    size /= 1024;
    unit = next;
  }
  return fmt::format("{:.1f} {}", size, unit);
}

}  // namespace logboom
