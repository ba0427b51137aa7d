#include "server/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "pipeline/config/diagnostic.h"
#include "server/application.h"
#include "server/version.h"

namespace logboom {
namespace {

struct OtherName {
  std::string_view setting;
  std::string_view flag;
};
constexpr OtherName kOtherNames[] = {{"config.field_reference.escape_style", "--field-reference-escape-style"},
                                     {"pipeline.plugin_classloaders", "--plugin-classloaders"}};

/// Flags that Logstash has for what Logboom has not.
struct RefusedFlag {
  std::string_view flags;
  std::string_view setting;
};
constexpr RefusedFlag kRefusedFlags[] = {{"-p,--path.plugins", "path.plugins"}, {"-i,--interactive", "interactive"}};

/// Logstash's old names for log levels.
struct OldLevel {
  std::string_view flag;
  std::string_view level;
};
constexpr OldLevel kOldLevels[] = {{"--verbose", "info"}, {"--debug", "debug"}, {"--quiet", "error"}};

std::string flags_of(const SettingDeclaration& declaration) {
  std::string flags;
  if (!declaration.short_flag.empty()) flags = fmt::format("-{},", declaration.short_flag);
  flags += fmt::format("--{}", declaration.name);
  for (const OtherName& other : kOtherNames)
    if (other.setting == declaration.name) flags += fmt::format(",{}", other.flag);
  return flags;
}

std::string name_of(const std::string& word) { return word.substr(0, word.find('=')); }

class CommandLineReader {
 public:
  explicit CommandLineReader(const std::vector<std::string>& words) : words_(words) {
    app_.footer(
        "logboom grok PATTERN [FILE...] tries a grok pattern on lines; logboom keystore keeps secrets; logboom queue and "
        "logboom dlq look into queues and dead letters; each has --help of "
        "its own.");
    app_.set_version_flag("-V,--version", fmt::format("logboom {}", kVersion), "Print the version and exit");
    app_.set_help_flag("-h,--help", "Print this help and exit");
    for (const SettingDeclaration& declaration : setting_declarations()) declare(declaration);
    app_.add_option("-S,--setting", given_settings_, "Any setting as NAME=VALUE; may be repeated")->type_name("NAME=VALUE");
    app_.add_flag("--config.explain", result_.explains_settings,
                  "Print every setting with its value and where that came from, and exit");
    app_.add_option("--docs.write-reference", result_.reference_directory,
                    "Write the reference pages of all plugins to a directory, and exit")
        ->type_name("DIR");
    for (const OldLevel& old : kOldLevels) app_.add_flag(std::string(old.flag))->group("");
    for (const RefusedFlag& refused : kRefusedFlags)
      app_.add_option(std::string(refused.flags), refused_value_)->expected(0, -1)->group("");
  }

  CommandLine read() {
    try {
      app_.parse(std::vector<std::string>(words_.rbegin(), words_.rend()));
    } catch (const CLI::CallForHelp&) {
      return end(kExitOk, app_.help());
    } catch (const CLI::CallForVersion&) {
      return end(kExitOk, fmt::format("logboom {}\n", kVersion));
    } catch (const CLI::ExtrasError&) {
      return refuse(unknown_word());
    } catch (const CLI::ArgumentMismatch& problem) {
      return refuse(missing_value().value_or(problem.what()));
    } catch (const CLI::ParseError& problem) {
      return refuse(problem.what());
    }
    take_values();
    if (!result_.exit_status && result_.settings.has("config.string") && result_.settings.has("path.config"))
      refuse("give either -e or -f, not both");
    return std::move(result_);
  }

 private:
  void declare(const SettingDeclaration& declaration) {
    const std::string name(declaration.name);
    std::string doc(declaration.doc);
    if (!declaration.choices.empty()) doc += fmt::format(" One of {}.", declaration.choices);
    auto* option = app_.add_option(flags_of(declaration), values_[name], doc)->take_last();
    if (declaration.kind == SettingKind::Boolean) {
      option->expected(0, 1)->default_str("true")->type_name("BOOLEAN");  // alone it means true; "--name=false" is a value
    } else {
      option->type_name("VALUE");
    }
    options_[name] = option;
  }

  void take_values() {
    for (const OldLevel& old : kOldLevels) {
      if (app_.get_option(std::string(old.flag))->count() == 0) continue;
      result_.remarks += fmt::format("logboom: {} is deprecated; write --log.level {}\n", old.flag, old.level);
      set("log.level", std::string(old.level));
    }
    for (const RefusedFlag& refused : kRefusedFlags) {
      const std::string flag(refused.flags.substr(refused.flags.find(',') + 1));
      if (app_.get_option(flag)->count() > 0) refuse(fmt::format("{}: {}", flag, why_not_there(refused.setting)));
    }
    for (const std::string& given : given_settings_) {
      const std::size_t sign = given.find('=');
      if (sign == std::string::npos) {
        refuse(fmt::format("--setting wants NAME=VALUE, not \"{}\"", given));
      } else {
        set(given.substr(0, sign), given.substr(sign + 1));
      }
    }
    for (const auto& [name, option] : options_) {
      if (option->count() == 0) continue;
      const bool is_bare = values_[name].empty() && find_setting(name)->kind == SettingKind::Boolean;
      set(name, is_bare ? "true" : values_[name]);
    }
  }

  void set(const std::string& name, const std::string& value) {
    if (auto stored = result_.settings.set(name, value, "command line"); !stored) refuse(stored.error().message);
  }

  /// What stands there that nobody expects, and what may be meant.
  std::string unknown_word() const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const std::string name = name_of(words_[i]);
      if (name.size() < 2 || name[0] != '-') continue;
      if (name.size() > 2 && name[1] != '-' && app_.get_option_no_throw(name.substr(0, 2)) != nullptr) continue;  // -fFILE
      if (app_.get_option_no_throw(name) != nullptr) continue;
      const std::string setting = name.substr(name.find_first_not_of('-'));
      if (const std::string_view reason = why_not_there(setting); !reason.empty())
        return fmt::format("{}: {}", name, reason);
      std::vector<std::string> known;
      for (const CLI::Option* option : app_.get_options())
        for (const std::string& flag : option->get_lnames()) known.push_back("--" + flag);
      const auto near = nearest_name(name, std::vector<std::string_view>(known.begin(), known.end()));
      return fmt::format("there is no flag {}{}", name, near.empty() ? "" : fmt::format("; did you mean {}?", near));
    }
    for (const std::string& word : app_.remaining())
      return fmt::format("\"{}\" belongs to no flag; a configuration file is given with -f, text with -e", word);
    return "the command line cannot be read";
  }

  /// The flag that stands at the end, or before another flag, without the value that it wants.
  std::optional<std::string> missing_value() const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const CLI::Option* option = app_.get_option_no_throw(words_[i]);
      if (option == nullptr || option->get_expected_min() == 0) continue;
      const bool is_last = i + 1 == words_.size();
      if (is_last || app_.get_option_no_throw(name_of(words_[i + 1])) != nullptr)
        return fmt::format("{} wants a value", words_[i]);
    }
    return std::nullopt;
  }

  CommandLine& end(int status, std::string text) {
    if (!result_.exit_status) {  // the first problem counts
      result_.exit_status = status;
      result_.text = std::move(text);
    }
    return result_;
  }
  CommandLine& refuse(const std::string& problem) {
    return end(kExitUsage, fmt::format("logboom: {}\nlogboom --help lists all flags\n", problem));
  }

  const std::vector<std::string>& words_;
  CLI::App app_{"Logboom: receives, processes and forwards logs. Runs Logstash pipeline configurations.", "logboom"};
  std::map<std::string, std::string> values_;
  std::map<std::string, CLI::Option*> options_;
  std::vector<std::string> given_settings_;
  std::vector<std::string> refused_value_;
  CommandLine result_;
};

}  // namespace

CommandLine read_command_line(const std::vector<std::string>& words) { return CommandLineReader(words).read(); }

}  // namespace logboom
