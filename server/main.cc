#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "pipeline/base/allocator.h"
#include "pipeline/config/diagnostic.h"
#include "server/application.h"
#include "server/grok/grok_command.h"
#include "server/reference_pages.h"
#include "server/settings.h"
#include "server/version.h"

namespace logboom {
namespace {

std::string flags_of(const SettingDeclaration& declaration) {
  std::string flags;
  if (!declaration.short_flag.empty()) flags = "-" + std::string(declaration.short_flag) + ",";
  return flags + "--" + std::string(declaration.name);
}

/// The flag that CLI11 did not know, or "".
std::string unknown_flag(int argc, char** argv, const CLI::App& app) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.size() < 2 || word[0] != '-') continue;
    const std::string name = word.substr(0, word.find('='));
    if (app.get_option_no_throw(name) == nullptr) return name;
  }
  return "";
}

/// As many open files as the process may have: shells and systemd start it with 1024, which is that many connections.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "grok") {
    std::ios::sync_with_stdio(false);
    return run_grok_command({argv + 2, argv + argc}, std::cin, std::cout, std::cerr, isatty(STDOUT_FILENO) == 1);
  }
  raise_descriptor_limit();
  CLI::App app("Logboom: receives, processes and forwards logs. Runs Logstash pipeline configurations.", "logboom");
  app.footer("logboom grok PATTERN [FILE...] tries a grok pattern on lines; logboom grok --help says more.");
  app.set_version_flag("-V,--version", std::string("logboom ") + std::string(kVersion));
  app.set_help_flag("-h,--help", "Print this help and exit");
  std::map<std::string, std::string> values;
  std::map<std::string, bool> switches;
  for (const SettingDeclaration& declaration : setting_declarations()) {
    const std::string name(declaration.name);
    if (declaration.kind == SettingKind::Boolean) {
      // A switch alone means true; "--name=false" is a value.
      app.add_option(flags_of(declaration), values[name], std::string(declaration.doc))
          ->expected(0, 1)
          ->default_str("true")
          ->type_name("BOOLEAN");
    } else {
      auto* option = app.add_option(flags_of(declaration), values[name], std::string(declaration.doc))->type_name("VALUE");
      option->take_last();
    }
  }
  bool explains = false;
  app.add_flag("--config.explain", explains, "Print every setting with its value and where that came from, and exit");
  std::string pages_directory;
  app.add_option("--docs.write-reference", pages_directory,
                 "Write the reference pages of all plugins to a directory, and exit")
      ->type_name("DIR");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    if (problem.get_exit_code() == 0) return app.exit(problem);
    std::fprintf(stderr, "logboom: %s\n", problem.what());
    const std::string flag = unknown_flag(argc, argv, app);
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    const std::vector<std::string_view> views(known.begin(), known.end());
    if (const auto near = nearest_name(flag, views); !flag.empty() && !near.empty())
      std::fprintf(stderr, "did you mean %.*s?\n", static_cast<int>(near.size()), near.data());
    std::fprintf(stderr, "logboom --help lists all flags\n");
    return kExitUsage;
  }
  if (!pages_directory.empty()) return write_reference_pages(pages_directory) ? kExitOk : kExitRefused;

  Settings settings;
  for (const SettingDeclaration& declaration : setting_declarations()) {
    const std::string name(declaration.name);
    CLI::Option* option = app.get_option("--" + name);
    if (option->count() == 0) continue;
    std::string value = values[name];
    if (declaration.kind == SettingKind::Boolean && value.empty()) value = "true";
    if (auto result = settings.set(name, value, "command line"); !result) {
      std::fprintf(stderr, "logboom: %s\n", result.error().message.c_str());
      return kExitUsage;
    }
  }
  if (settings.has("config.string") && settings.has("path.config")) {
    std::fprintf(stderr, "logboom: give either -e or -f, not both\n");
    return kExitUsage;
  }
  if (explains) {
    const std::string directory = settings.text("path.settings");
    for (const char* name : {"/logboom.yml", "/logstash.yml"}) {
      if (directory.empty()) break;
      auto loaded = settings.load_yaml(directory + name, environment_variables());
      if (loaded) break;
      if (loaded.error().code == ErrorCode::NotFound) continue;
      std::fprintf(stderr, "logboom: %s\n", loaded.error().message.c_str());
      return kExitRefused;
    }
    std::fputs(settings.explain().c_str(), stdout);
    return kExitOk;
  }
  return Application(std::move(settings)).run();
}

}  // namespace
}  // namespace logboom

int main(int argc, char** argv) {
  logboom::keep_freed_memory();
  return logboom::run(argc, argv);
}
