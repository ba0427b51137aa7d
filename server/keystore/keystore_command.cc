#include "server/keystore/keystore_command.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <utility>

#include "server/keystore/keystore.h"

namespace logboom {
namespace {

constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;

struct Arguments {
  std::string settings_directory;
  std::vector<std::string> names;
  bool reads_stdin = false;
  bool is_forced = false;
};

/// The terminal without echo, until it goes.
class SilentTerminal {
 public:
  SilentTerminal() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    is_changed_ = true;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    if (is_changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  bool is_changed_ = false;
};

class KeystoreCommand {
 public:
  KeystoreCommand(const Arguments& arguments, KeystoreConsole console) : arguments_(arguments), console_(console) {}

  int create() {
    if (!prepare()) return kRefused;
    if (access(path_.c_str(), F_OK) == 0 && !may_replace(fmt::format("{} exists already", path_))) return kRefused;
    if (!password_)
      fmt::print(console_.err,
                 "logboom: warning: no password is set (LOGBOOM_KEYSTORE_PASS); only the file's permissions protect the "
                 "keystore\n");
    return save({}, fmt::format("Created {}\n", path_));
  }

  int add() {
    if (!open()) return kRefused;
    for (const std::string& name : arguments_.names) {
      if (!is_secret_name(name))
        return refuse(fmt::format("\"{}\" cannot be a name: letters, digits, '_' and '.', not a digit first", name));
    }
    for (const std::string& name : arguments_.names) {
      if (secrets_.count(name) > 0 && !may_replace(fmt::format("{} is there already", name))) return kRefused;
      std::string value;
      if (!read_value(name, value)) return kRefused;
      secrets_.erase(name);  // the new spelling counts
      secrets_[name] = std::move(value);
    }
    return save(secrets_, fmt::format("Added {} to {}\n", fmt::join(arguments_.names, ", "), path_));
  }

  int list() {
    if (!open()) return kRefused;
    for (const auto& entry : secrets_) fmt::print(console_.out, "{}\n", entry.first);
    return kDone;
  }

  int remove() {
    if (!open()) return kRefused;
    for (const std::string& name : arguments_.names)
      if (secrets_.erase(name) == 0) return refuse(fmt::format("{} has no {}; nothing was removed", path_, name));
    return save(secrets_, fmt::format("Removed {} from {}\n", fmt::join(arguments_.names, ", "), path_));
  }

 private:
  bool prepare() {
    std::string directory = arguments_.settings_directory;
    if (const char* given = std::getenv("LS_SETTINGS_DIR"); directory.empty() && given != nullptr) directory = given;
    if (directory.empty()) {
      refuse("say where the settings are: logboom keystore --path.settings DIR … (or LS_SETTINGS_DIR)");
      return false;
    }
    path_ = keystore_path(directory);
    auto password = keystore_password();
    if (!password) {
      refuse(password.error().message);
      return false;
    }
    password_ = *password;
    return true;
  }

  bool open() {
    if (!prepare()) return false;
    auto secrets = load_keystore(path_, password_);
    if (!secrets) {
      const bool is_missing = secrets.error().code == ErrorCode::NotFound;
      refuse(secrets.error().message + (is_missing ? "; make one: logboom keystore create" : ""));
      return false;
    }
    secrets_ = std::move(*secrets);
    return true;
  }

  bool may_replace(const std::string& what) {
    if (arguments_.is_forced) return true;
    if (!console_.is_terminal || arguments_.reads_stdin) {
      refuse(fmt::format("{}; --force replaces it", what));
      return false;
    }
    fmt::print(console_.out, "{}. Replace it? [y/N] ", what);
    console_.out.flush();
    std::string answer;
    std::getline(console_.in, answer);
    if (answer == "y" || answer == "Y") return true;
    refuse("nothing was changed");
    return false;
  }

  bool read_value(const std::string& name, std::string& value) {
    const bool asks = console_.is_terminal && !arguments_.reads_stdin;
    if (asks) {
      const SilentTerminal silent;
      fmt::print(console_.out, "Value of {}: ", name);
      console_.out.flush();
      std::getline(console_.in, value);
    } else if (arguments_.names.size() == 1) {  // all of it: a private key has lines
      value.assign(std::istreambuf_iterator<char>(console_.in), {});
      if (!value.empty() && value.back() == '\n') value.pop_back();
    } else {
      std::getline(console_.in, value);
    }
    if (asks) console_.out << '\n';
    if (!value.empty() && value.back() == '\r') value.pop_back();
    if (!value.empty()) return true;
    refuse(fmt::format("no value for {}: values are read from standard input, one a line, in the order of the names", name));
    return false;
  }

  int save(const Secrets& secrets, const std::string& told) {
    if (auto saved = save_keystore(path_, secrets, password_); !saved) return refuse(saved.error().message);
    console_.out << told;
    return kDone;
  }

  int refuse(const std::string& problem) {
    fmt::print(console_.err, "logboom: {}\n", problem);
    return kRefused;
  }

  const Arguments& arguments_;
  KeystoreConsole console_;
  std::string path_;
  std::optional<std::string> password_;
  Secrets secrets_;
};

}  // namespace

int run_keystore_command(const std::vector<std::string>& words, KeystoreConsole console) {
  Arguments arguments;
  CLI::App app{
      "Secrets that configurations name as ${NAME}, kept in logboom.keystore beside the settings. A password is taken "
      "from LOGBOOM_KEYSTORE_PASS or LOGSTASH_KEYSTORE_PASS.",
      "logboom keystore"};
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--path.settings", arguments.settings_directory, "Directory of the settings")->type_name("DIR");
  CLI::App* create = app.add_subcommand("create", "Make an empty keystore");
  CLI::App* add = app.add_subcommand("add", "Add names; their values are asked for, or read from standard input");
  CLI::App* list = app.add_subcommand("list", "Print the names");
  CLI::App* remove = app.add_subcommand("remove", "Remove names");
  for (CLI::App* changing : {create, add}) changing->add_flag("-f,--force", arguments.is_forced, "Replace what is there");
  add->add_flag("-x,--stdin", arguments.reads_stdin, "Read the values from standard input, one a line");
  for (CLI::App* naming : {add, remove})
    naming->add_option("names", arguments.names, "Names")->required()->type_name("NAME");
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    console.out << app.help();
    return kDone;
  } catch (const CLI::ParseError& problem) {
    fmt::print(console.err, "logboom keystore: {}\nlogboom keystore --help says how\n", problem.what());
    return kUsage;
  }
  KeystoreCommand command(arguments, console);
  if (create->parsed()) return command.create();
  if (add->parsed()) return command.add();
  if (list->parsed()) return command.list();
  return command.remove();
}

}  // namespace logboom
