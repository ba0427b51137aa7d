#include "server/settings.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <charconv>
#include <set>

#include "pipeline/base/log.h"
#include "pipeline/config/diagnostic.h"
#include "pipeline/plugin/options.h"
#include "server/api_setting_declarations.h"
#include "server/queue_settings.h"

namespace logboom {
namespace {

using Kind = SettingKind;

bool is_true_or_false(std::string_view text) { return text == "true" || text == "false"; }

/// In settings, unlike in plugin options, "64mb" is binary, as in logstash.yml.
std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  ConfigValue value;
  value.text = text;
  std::string& written = value.text;
  const auto letter = [&](std::size_t from_end) {
    return written.size() >= from_end ? std::tolower(static_cast<unsigned char>(written[written.size() - from_end])) : 0;
  };
  if (letter(1) == 'b' && std::isalpha(letter(2)) && letter(2) != 'i') written.insert(written.size() - 1, "i");
  Diagnostics unused;
  ByteSize size;
  if (!OptionReader("", unused).read(value, size)) return std::nullopt;
  return size.bytes;
}

std::optional<double> parse_milliseconds(std::string_view text) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || number < 0) return std::nullopt;
  if (end == text.data() + text.size()) return number;
  ConfigValue value;
  value.text = text;
  Diagnostics unused;
  Duration duration;
  if (!OptionReader("", unused).read(value, duration)) return std::nullopt;
  return duration.seconds * 1000;
}

bool is_choice(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    if (bar == std::string_view::npos) return false;
    choices.remove_prefix(bar + 1);
  }
  return false;
}

std::string wanted(const SettingDeclaration& declaration, std::string_view value) {
  switch (declaration.kind) {
    case Kind::Number: {
      std::int64_t number = 0;
      const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
      return problem == std::errc() && end == value.data() + value.size() && number >= 0 ? "" : "a whole number";
    }
    case Kind::Boolean: return is_true_or_false(value) ? "" : "true or false";
    case Kind::Bytes: return parse_bytes(value) ? "" : "a size such as 64mb";
    case Kind::Milliseconds: return parse_milliseconds(value) ? "" : "a time such as 3s, or milliseconds";
    case Kind::Choice: return is_choice(declaration.choices, value) ? "" : fmt::format("one of {}", declaration.choices);
    case Kind::Text: return "";
  }
  return "";
}

/// Flattens nested maps into dotted names, in order.
void flatten(const YAML::Node& node, const std::string& prefix, std::vector<std::pair<std::string, YAML::Node>>& out) {
  for (const auto& entry : node) {
    const std::string name = prefix.empty() ? entry.first.Scalar() : prefix + "." + entry.first.Scalar();
    if (entry.second.IsMap()) {
      flatten(entry.second, name, out);
    } else {
      out.emplace_back(name, entry.second);
    }
  }
}

std::string place(const std::string& path, const YAML::Node& node) {
  return fmt::format("{}:{}:{}", path, node.Mark().line + 1, node.Mark().column + 1);
}

std::string resolved(const std::string& text, const VariableLookup& lookup, Diagnostics& problems) {
  return expand_variables(text, {}, lookup, problems);
}

/// In a file a name that nobody knows is warned about: it may be of a newer Logstash, or of a plugin's.
bool may_be_passed_over(std::string_view name, const Error& problem) {
  const bool is_unknown = find_setting(name) == nullptr && why_not_there(name).empty();
  return is_unknown || problem.code == ErrorCode::NotFound;
}

/// What YAML of Logstash's day takes for true and false beside these words.
std::string_view as_boolean(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> kOther[] = {
      {"True", "true"}, {"TRUE", "true"}, {"yes", "true"},    {"Yes", "true"},    {"YES", "true"}, {"on", "true"},
      {"On", "true"},   {"ON", "true"},   {"False", "false"}, {"FALSE", "false"}, {"no", "false"}, {"No", "false"},
      {"NO", "false"},  {"off", "false"}, {"Off", "false"},   {"OFF", "false"}};
  for (const auto& [other, word] : kOther)
    if (text == other) return word;
  return text;
}

/// The text that a file gives for a setting.
std::string scalar_text(std::string_view name, const YAML::Node& node, const VariableLookup& lookup, Diagnostics& problems) {
  const SettingDeclaration* declaration = find_setting(name);
  const bool is_boolean = declaration != nullptr && declaration->kind == Kind::Boolean;
  if (!node.IsSequence()) {
    std::string text = resolved(node.Scalar(), lookup, problems);
    return is_boolean ? std::string(as_boolean(text)) : text;
  }
  std::string joined;
  for (const auto& item : node) joined += (joined.empty() ? "" : ",") + resolved(item.Scalar(), lookup, problems);
  return joined;
}

}  // namespace

const std::vector<SettingDeclaration>& setting_declarations() {
  static const std::vector<SettingDeclaration> all = with_api_settings(with_queue_settings({
      {"node.name", Kind::Text, "", "Name of this process in logs and answers; the host name when not set.", "n"},
      {"path.data", Kind::Text, "data", "Directory for everything that must survive a restart."},
      {"path.logs", Kind::Text, "", "Directory for log files; without it logs go to standard error only.", "l"},
      {"path.settings", Kind::Text, "", "Directory of logboom.yml (or logstash.yml) and pipelines.yml."},
      {"path.config", Kind::Text, "", "Pipeline configuration: a file, a directory or a glob.", "f", {}, true},
      {"config.string", Kind::Text, "", "Pipeline configuration given in place.", "e", {}, true},
      {"config.test_and_exit", Kind::Boolean, "false", "Check the configuration and exit.", "t"},
      {"config.support_escapes", Kind::Boolean, "false", "Read \\n, \\t and the like inside quoted strings.", {}, {}, true},
      {"config.debug",
       Kind::Boolean,
       "false",
       "Accepted: -t and --config.explain show how a configuration is read.",
       {},
       {},
       true},
      {"config.field_reference.escape_style",
       Kind::Choice,
       "none",
       "How brackets in field names are escaped; only none is known.",
       {},
       "none"},
      {"config.reload.automatic", Kind::Boolean, "false", "Look for changes of the configuration, and reload.", "r"},
      {"config.reload.interval", Kind::Milliseconds, "3s", "How often changes are looked for."},
      {"pipeline.id", Kind::Text, "main", "Name of the pipeline.", {}, {}, true},
      {"pipeline.workers", Kind::Number, "0", "Threads that run filters and outputs; 0: one per core.", "w", {}, true},
      {"pipeline.batch.size",
       Kind::Number,
       "500",
       "Most events that a worker takes at once (Logstash: 125).",
       "b",
       {},
       true},
      {"pipeline.batch.delay",
       Kind::Milliseconds,
       "50",
       "How long a worker waits for more events before it starts, in ms.",
       "u",
       {},
       true},
      {"pipeline.ordered",
       Kind::Choice,
       "auto",
       "Keep the order of events: auto (when pipeline.workers is 1), true or false.",
       {},
       "auto|true|false",
       true},
      {"pipeline.ecs_compatibility", Kind::Choice, "v8", "Field names that plugins use.", {}, "disabled|v1|v8", true},
      {"pipeline.acknowledge",
       Kind::Choice,
       "delivered",
       "Tell senders \"received\" when events are delivered, or as soon as they are queued.",
       {},
       "delivered|queued",
       true},
      {"pipeline.batch.output_chunking.growth_threshold_factor",
       Kind::Number,
       "1000",
       "Accepted: batches are never larger than pipeline.batch.size.",
       {},
       {},
       true},
      {"pipeline.batch.metrics.sampling_mode", Kind::Choice, "minimal", "Accepted.", {}, "disabled|minimal|full", true},
      {"pipeline.buffer.type", Kind::Choice, "heap", "Accepted: there is no Java heap.", {}, "heap|direct"},
      {"pipeline.plugin_classloaders", Kind::Boolean, "false", "Accepted: there are no Java plugins.", {}, {}, true},
      {"pipeline.recoverable",
       Kind::Choice,
       "false",
       "Accepted: a pipeline goes on whatever its events are.",
       {},
       "false|auto|true",
       true},
      {"pipeline.reloadable", Kind::Boolean, "true", "Whether a reload may change the pipeline.", {}, {}, true},
      {"pipeline.separate_logs", Kind::Boolean, "false", "Accepted: every log line names its pipeline."},
      {"pipeline.system", Kind::Boolean, "false", "Accepted.", {}, {}, true},
      {"pipeline.unsafe_shutdown", Kind::Boolean, "false", "Accepted: a second signal always ends the process at once."},
      {"output.buffer.max_bytes",
       Kind::Bytes,
       "64mb",
       "Most memory that the undelivered events of one output may keep alive.",
       {},
       {},
       true},
      {"output.buffer.max_events", Kind::Number, "20000", "Most undelivered events of one output.", {}, {}, true},
      {"log.level", Kind::Choice, "info", "Least severe lines that are logged.", {}, "trace|debug|info|warn|error|fatal"},
      {"log.format", Kind::Choice, "plain", "Form of log lines.", {}, "plain|json"},
      {"log.format.json.fix_duplicate_message_fields", Kind::Boolean, "true", "Accepted: no log line has a field twice."},
      {"metric.collect", Kind::Boolean, "true", "Accepted: counting costs next to nothing and is always on.", {}, {}, true},
      {"allow_superuser", Kind::Boolean, "true", "Accepted: Logboom may run as root."},
  }));
  return all;
}

std::string_view why_not_there(std::string_view name) {
  struct Absent {
    std::string_view prefix;  // of the setting's name; without a dot at its end the whole name
    std::string_view reason;
  };
  constexpr std::string_view kRenamed = "it is called api.http.host, api.http.port and so on";
  constexpr std::string_view kNoRuby = "Logboom's plugins are built in; it loads no Ruby or Java";
  constexpr std::string_view kElastic = "it belongs to Elastic's commercial extensions";
  static constexpr Absent kAbsent[] = {
      {"path.plugins", kNoRuby},
      {"interactive", kNoRuby},
      {"http.", kRenamed},
      {"otel.", "metrics are not exported over OTLP in this version"},
      {"slowlog.", "there is no slow log in this version"},
      {"keystore.", "the keystore is a file of the settings directory: logboom keystore --help"},
      {"event_api.tags.illegal", "tags that are no list of texts are moved to _tags, as with rename"},
      {"enable-local-plugin-development", kNoRuby},
      {"version", "it belongs on the command line"},
      {"help", "it belongs on the command line"},
      {"pipeline.output.workers", "Logstash has given it up"},
      {"ssl.reload.automatic", "certificates are read again with every reload (SIGHUP)"},
      {"xpack.", kElastic},
      {"monitoring.", kElastic},
      {"cloud.", kElastic},
      {"modules", "Logstash has given modules up"},
      {"var.", "Logstash has given modules up"},
  };
  for (const Absent& absent : kAbsent)
    if (absent.prefix.back() == '.' ? name.substr(0, absent.prefix.size()) == absent.prefix : name == absent.prefix)
      return absent.reason;
  return {};
}

const SettingDeclaration* find_setting(std::string_view name) {
  for (const SettingDeclaration& declaration : setting_declarations())
    if (declaration.name == name) return &declaration;
  return nullptr;
}

Result<void> Settings::set(std::string_view name, std::string_view value, std::string_view origin) {
  const SettingDeclaration* declaration = find_setting(name);
  if (declaration == nullptr) {
    if (const std::string_view reason = why_not_there(name); !reason.empty()) {
      if (value.empty() || value == "false") return {};
      // Without it there would be no pipelines at all; everything else only adds to what is there.
      const bool is_relied_on = value == "true" && name == "xpack.management.enabled";
      if (is_relied_on) return Error{ErrorCode::InvalidArgument, fmt::format("{}: {}: {}", origin, name, reason)};
      return Error{ErrorCode::NotFound, fmt::format("{}: {} has no effect: {}", origin, name, reason)};
    }
    std::vector<std::string_view> names;
    for (const SettingDeclaration& known : setting_declarations()) names.push_back(known.name);
    const std::string_view near = nearest_name(name, names);
    return Error{ErrorCode::InvalidArgument, fmt::format("{}: there is no setting \"{}\"{}", origin, name,
                                                         near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near))};
  }
  if (const std::string form = wanted(*declaration, value); !form.empty())
    return Error{ErrorCode::InvalidArgument, fmt::format("{}: {} wants {}, not \"{}\"", origin, name, form, value)};
  values_[std::string(name)] = {std::string(value), std::string(origin)};
  return {};
}

Result<void> Settings::load_yaml(const std::string& path, const VariableLookup& lookup) {
  YAML::Node root;
  try {
    root = YAML::LoadFile(path);
    if (root.IsNull()) return {};
    if (!root.IsMap()) return Error{ErrorCode::InvalidArgument, fmt::format("{}: wants a map of settings", path)};
    std::vector<std::pair<std::string, YAML::Node>> entries;
    flatten(root, "", entries);
    for (const auto& [name, node] : entries) {
      if (node.IsNull()) continue;
      Diagnostics problems;
      const std::string value = scalar_text(name, node, lookup, problems);
      if (problems.has_errors())
        return Error{ErrorCode::InvalidArgument, fmt::format("{}: {}", place(path, node), problems.items()[0].message)};
      if (has(name)) continue;  // the command line has spoken
      auto result = set(name, value, place(path, node));
      if (result) continue;
      if (!may_be_passed_over(name, result.error())) return result.error();
      log_warn("settings", "{}", result.error().message);
    }
  } catch (const YAML::BadFile&) {
    return Error{ErrorCode::NotFound, fmt::format("{} cannot be read", path)};
  } catch (const YAML::Exception& problem) {
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("{}:{}:{}: {}", path, problem.mark.line + 1, problem.mark.column + 1, problem.msg)};
  }
  return {};
}

void Settings::unset(std::string_view name) {
  if (const auto found = values_.find(name); found != values_.end()) values_.erase(found);
}

std::string Settings::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second.value;
  const SettingDeclaration* declaration = find_setting(name);
  return declaration != nullptr ? std::string(declaration->default_text) : std::string();
}

std::int64_t Settings::number(std::string_view name) const {
  const SettingDeclaration* declaration = find_setting(name);
  if (declaration != nullptr && declaration->kind == Kind::Milliseconds)
    return static_cast<std::int64_t>(*parse_milliseconds(text(name)));
  const std::string value = text(name);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

bool Settings::boolean(std::string_view name) const { return text(name) == "true"; }
std::uint64_t Settings::bytes(std::string_view name) const { return parse_bytes(text(name)).value_or(0); }

std::string Settings::origin(std::string_view name) const {
  const auto found = values_.find(name);
  return found != values_.end() ? found->second.origin : "default";
}

Settings Settings::with(const Settings& own) const {
  Settings both = *this;
  for (const auto& [name, entry] : own.values_) both.values_[name] = entry;
  return both;
}

Settings Settings::with_pipelines_defaults_of(const Settings& newer) const {
  Settings both = *this;
  for (const SettingDeclaration& declaration : setting_declarations()) {
    if (!declaration.is_per_pipeline) continue;
    both.values_.erase(std::string(declaration.name));
    if (const auto found = newer.values_.find(declaration.name); found != newer.values_.end()) both.values_.insert(*found);
  }
  return both;
}

std::vector<std::string> Settings::process_differences(const Settings& other) const {
  std::vector<std::string> names;
  for (const SettingDeclaration& declaration : setting_declarations())
    if (!declaration.is_per_pipeline && text(declaration.name) != other.text(declaration.name))
      names.emplace_back(declaration.name);
  return names;
}

std::string Settings::explained(const SettingDeclaration& declaration) const {
  std::string value = declaration.is_secret && has(declaration.name) ? "*****" : text(declaration.name);
  for (std::size_t at = 0; (at = value.find('\n', at)) != std::string::npos; at += 2) value.replace(at, 1, "\\n");
  return fmt::format("{}: {}  ({})\n", declaration.name, value, origin(declaration.name));
}

std::string Settings::explain() const {
  std::string out;
  for (const SettingDeclaration& declaration : setting_declarations()) out += explained(declaration);
  return out;
}

std::string Settings::explain_pipeline() const {
  std::string out;
  for (const SettingDeclaration& declaration : setting_declarations())
    if (declaration.is_per_pipeline) out += "  " + explained(declaration);
  return out;
}

Result<std::vector<PipelineEntry>> load_pipelines_yaml(const std::string& path, const VariableLookup& lookup) {
  std::vector<PipelineEntry> pipelines;
  std::set<std::string> ids;
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return pipelines;
    if (!root.IsSequence()) return Error{ErrorCode::InvalidArgument, fmt::format("{}: wants a list of pipelines", path)};
    for (const auto& item : root) {
      if (!item.IsMap())
        return Error{ErrorCode::InvalidArgument, fmt::format("{}: a pipeline wants a map of settings", place(path, item))};
      PipelineEntry pipeline;
      std::vector<std::pair<std::string, YAML::Node>> entries;
      flatten(item, "", entries);
      for (const auto& [name, node] : entries) {
        if (node.IsNull()) continue;
        Diagnostics problems;
        const std::string value = scalar_text(name, node, lookup, problems);
        if (problems.has_errors())
          return Error{ErrorCode::InvalidArgument, fmt::format("{}: {}", place(path, node), problems.items()[0].message)};
        const SettingDeclaration* declaration = find_setting(name);
        if (declaration != nullptr && !declaration->is_per_pipeline)
          return Error{
              ErrorCode::InvalidArgument,
              fmt::format("{}: {} is a setting of the whole process; it belongs in logboom.yml", place(path, node), name)};
        if (auto result = pipeline.own.set(name, value, place(path, node)); !result) {
          if (!may_be_passed_over(name, result.error())) return result.error();
          log_warn("settings", "{}", result.error().message);
        }
      }
      pipeline.id = pipeline.own.text("pipeline.id");
      if (!ids.insert(pipeline.id).second)
        return Error{ErrorCode::AlreadyExists,
                     fmt::format("{}: the pipeline id \"{}\" is used twice", place(path, item), pipeline.id)};
      pipelines.push_back(std::move(pipeline));
    }
  } catch (const YAML::BadFile&) {
    return Error{ErrorCode::NotFound, fmt::format("{} cannot be read", path)};
  } catch (const YAML::Exception& problem) {
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("{}:{}:{}: {}", path, problem.mark.line + 1, problem.mark.column + 1, problem.msg)};
  }
  return pipelines;
}

}  // namespace logboom
