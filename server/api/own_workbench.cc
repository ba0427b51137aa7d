#include <fmt/format.h>

#include "pipeline/base/utf8.h"
#include "pipeline/net/http_text.h"
#include "server/api/api_context.h"
#include "server/api/own_routes.h"
#include "server/api/problem.h"
#include "server/grok/grok_filter_run.h"
#include "server/grok/suggestion.h"
#include "server/grok/workbench.h"

namespace logboom {
namespace {

constexpr std::size_t kMostLines = 1000;
constexpr std::size_t kLongestLine = 64 * 1024;
constexpr std::size_t kMostPatterns = 100;

std::string valid_utf8(const std::string& text) {
  std::string valid;
  append_utf8_escaped(text, valid);
  return valid;
}

std::vector<std::string> texts_in(const OrderedJson& request, const char* one, const char* many) {
  std::vector<std::string> texts;
  if (request.contains(one)) texts.push_back(request[one].get<std::string>());
  if (request.contains(many))
    for (const OrderedJson& item : request[many]) texts.push_back(item.get<std::string>());
  return texts;
}

OrderedJson debug_line(const std::string& line, GrokWorkbench& workbench, GrokFilterRun& filter) {
  OrderedJson one = {{"line", line}};
  if (const auto match = workbench.match(line)) {
    one["matched"] = true;
    one["pattern"] = match->pattern;
    one["fields"] = OrderedJson::parse(filter.fields_of(line, false));
    one["spans"] = OrderedJson::array();
    for (const FieldSpan& span : match->fields)
      one["spans"].push_back({{"field", span.field}, {"begin", span.begin}, {"end", span.end}});
    return one;
  }
  const GrokDiagnosis found = workbench.diagnose(line);
  one["matched"] = false;
  one["pattern"] = found.pattern;
  if (found.is_over_budget) {
    one["over_budget"] = true;
    return one;
  }
  one["longest_prefix"] = found.prefix;
  one["prefix_begin"] = found.begin;
  one["prefix_end"] = found.end;
  one["failing"] = found.failing;
  one["within"] = found.within;
  return one;
}

HttpResponse debug_grok(ApiContext&, const ApiCall& call) {
  const std::string_view path = path_of(call.request.target);
  const OrderedJson request = OrderedJson::parse(call.body());
  const auto patterns = texts_in(request, "pattern", "patterns");
  const auto lines = texts_in(request, "line", "lines");
  const bool is_ecs = request.value("ecs_compatibility", std::string("v8")) != "disabled";
  const bool suggests = request.value("suggest", false);
  if (lines.empty() || (patterns.empty() && !suggests))
    return error_answer(path, 400, R"(wants {"pattern":"%{IP:client} …","lines":["…"]}, or {"suggest":true,"lines":[…]})");
  if (lines.size() > kMostLines || patterns.size() > kMostPatterns)
    return error_answer(path, 413, fmt::format("at most {} lines and {} patterns", kMostLines, kMostPatterns));
  for (const std::string& line : lines)
    if (line.size() > kLongestLine) return error_answer(path, 413, fmt::format("a line may have {} bytes", kLongestLine));
  const PatternSet set = is_ecs ? PatternSet::EcsV1 : PatternSet::Legacy;
  PatternLibrary library = PatternLibrary::bundled(set);
  GrokFilterSettings settings;
  settings.patterns = patterns;
  settings.is_ecs = is_ecs;
  settings.named_captures_only = request.value("named_captures_only", true);
  settings.keep_empty_captures = request.value("keep_empty_captures", false);
  if (request.contains("pattern_definitions"))
    for (const auto& [name, expression] : request["pattern_definitions"].items()) {
      settings.definitions.emplace_back(name, expression.get<std::string>());
      library.add(name, expression.get<std::string>(), "pattern_definitions");
    }
  OrderedJson document;
  if (suggests) {
    std::vector<std::string> samples;
    for (const std::string& line : lines) samples.push_back(valid_utf8(line));
    document["suggestion"] = suggest_pattern(samples, library, set);
    settings.patterns = {document["suggestion"].get<std::string>()};
  }
  GrokWorkbench workbench(library, {.named_captures_only = settings.named_captures_only});
  for (const std::string& pattern : settings.patterns)
    if (const auto added = workbench.add(pattern); !added)
      return error_answer(path, 422, fmt::format("the pattern {}: {}", pattern, added.error().message));
  auto filter = GrokFilterRun::make(settings);
  if (!filter) return error_answer(path, 422, filter.error().message);
  document["results"] = OrderedJson::array();
  for (const std::string& line : lines) document["results"].push_back(debug_line(valid_utf8(line), workbench, *filter));
  if (call.flag("explain")) {
    document["explanations"] = OrderedJson::array();
    for (std::size_t i = 0; i < workbench.pattern_count(); ++i) document["explanations"].push_back(workbench.explain(i));
  }
  return json_answer(call, document);
}

/// The body is the configuration's text, or {"config":…,"settings":{…}}.
HttpResponse validate(ApiContext& context, const ApiCall& call) {
  ProposedPipeline proposed;
  proposed.id = call.query("pipeline").empty() ? "main" : call.query("pipeline");
  if (auto read = read_proposal(call, proposed); !read)
    return error_answer(path_of(call.request.target), 400, read.error().message);
  auto checked = context.pipelines.check(proposed);
  if (!checked) return error_answer(path_of(call.request.target), 422, checked.error().message);
  OrderedJson document = {{"valid", checked->is_accepted}, {"diagnostics", checked->diagnostics}, {"hash", checked->hash}};
  return json_answer(call, document);
}

}  // namespace

Result<void> read_proposal(const ApiCall& call, ProposedPipeline& out) {
  const ContentType type = parse_content_type(call.request.header("content-type"));
  if (type.media_type != "application/json") {
    out.text = std::string(call.body());
  } else {
    const OrderedJson body = OrderedJson::parse(call.body());
    if (!body.is_object() || !body.contains("config") || !body["config"].is_string())
      return Error{ErrorCode::InvalidArgument, R"(wants {"config":"input { … } …","settings":{…}}, or the text itself)"};
    out.text = body["config"].get<std::string>();
    if (body.contains("settings")) {
      if (!body["settings"].is_object()) return Error{ErrorCode::InvalidArgument, "settings wants an object"};
      for (const auto& [name, value] : body["settings"].items())
        out.settings.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  if (out.text.find_first_not_of(" \t\r\n") == std::string::npos)
    return Error{ErrorCode::InvalidArgument, "the configuration is empty"};
  return {};
}

std::vector<Route> workbench_routes() {
  return {
      {"POST", "/v1/grok/debug", Role::Viewer, "Tries grok patterns on lines, and says where they fail; ?explain=true.",
       debug_grok, false, false, "JSON object: pattern or patterns, line or lines, pattern_definitions, suggest"},
      {"POST", "/v1/config/validate", Role::Operator, "Checks a configuration: all diagnostics at once; starts nothing.",
       validate, false, false, "The configuration's text, or a JSON object: config, settings"},
  };
}

}  // namespace logboom
