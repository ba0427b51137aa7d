#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pipeline/base/log.h"
#include "pipeline/net/http_text.h"
#include "server/api/hot_threads.h"
#include "server/api/node_documents.h"

namespace logboom {
namespace {

constexpr std::pair<LogLevel, std::string_view> kLevels[] = {{LogLevel::Trace, "TRACE"}, {LogLevel::Debug, "DEBUG"},
                                                             {LogLevel::Info, "INFO"},   {LogLevel::Warn, "WARN"},
                                                             {LogLevel::Error, "ERROR"}, {LogLevel::Fatal, "FATAL"}};
constexpr std::string_view kPrefix = "logger.";
constexpr std::size_t kLongestName = 200;

std::string_view name_of(LogLevel level) {
  for (const auto& [known, name] : kLevels)
    if (known == level) return name;
  return "OFF";
}

std::optional<LogLevel> level_named(std::string_view text) {
  for (const auto& [level, name] : kLevels)
    if (equals_ignoring_case(name, text)) return level;
  return std::nullopt;
}

/// Logstash's own loggers stand for the whole process.
bool is_root(std::string_view name) { return name.empty() || name == "root" || name == "logstash" || name == "logboom"; }

OrderedJson loggers() {
  OrderedJson all = OrderedJson::object();
  all["root"] = std::string(name_of(log_level()));
  for (const ComponentLevel& known : component_log_levels()) all[known.component] = std::string(name_of(known.level));
  return all;
}

HttpResponse get_logging(ApiContext& context, const ApiCall& call) {
  OrderedJson document = node_head(context);
  document["loggers"] = loggers();
  return json_answer(call, document);
}

HttpResponse refusal(const ApiCall& call, const std::string& text) { return json_answer(call, {{"error", text}}, 400); }

HttpResponse put_logging(ApiContext&, const ApiCall& call) {
  const OrderedJson wanted = OrderedJson::parse(call.body());
  if (!wanted.is_object()) return refusal(call, "wants an object such as {\"logger.listen\":\"DEBUG\"}");
  // All is looked at before anything is changed.
  std::vector<std::pair<std::string, LogLevel>> changes;
  for (const auto& [key, value] : wanted.items()) {
    if (key.substr(0, kPrefix.size()) != kPrefix || key.size() > kLongestName)
      return refusal(call, fmt::format("unrecognized option [{}]; keys begin with logger.", key));
    const auto level = value.is_string() ? level_named(value.get<std::string>()) : std::nullopt;
    if (!level) return refusal(call, fmt::format("invalid level[{}] for logger[{}]", value.dump(), key));
    changes.emplace_back(key.substr(kPrefix.size()), *level);
  }
  *call.record = {{"before", loggers()}};
  for (const auto& [name, level] : changes) {
    if (is_root(name)) {
      set_log_level(level);
    } else {
      set_log_level(name, level);
    }
  }
  (*call.record)["after"] = loggers();
  return json_answer(call, {{"acknowledged", true}});
}

HttpResponse reset_logging(ApiContext&, const ApiCall& call) {
  *call.record = {{"before", loggers()}};
  reset_log_levels();
  (*call.record)["after"] = loggers();
  return json_answer(call, {{"acknowledged", true}});
}

}  // namespace

std::vector<Route> logging_routes() {
  return {
      {"GET", "/_node/logging", Role::Viewer, "Log levels of the process and its parts.", get_logging},
      {"PUT", "/_node/logging", Role::Operator, "Changes log levels until the process ends: {\"logger.listen\":\"DEBUG\"}.",
       put_logging, false, true, "JSON object of levels by logger.NAME"},
      {"PUT", "/_node/logging/reset", Role::Operator, "Takes changed log levels back.", reset_logging, false, true},
  };
}

}  // namespace logboom
