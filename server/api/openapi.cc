#include "server/api/openapi.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/net/http_text.h"
#include "server/api/problem.h"
#include "server/pipelines/reload_report.h"
#include "server/version.h"

namespace logboom {
namespace {

OrderedJson parameters_of(const Route& route) {
  const std::string_view path = route.path;
  OrderedJson parameters = OrderedJson::array();
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    const std::size_t close = path.find('}', open);
    parameters.push_back({{"name", path.substr(open + 1, close - open - 1)},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", "string"}}}});
  }
  for (std::string_view names = route.query; !names.empty();) {
    const std::size_t end = std::min(names.find(' '), names.size());
    parameters.push_back(
        {{"name", names.substr(0, end)}, {"in", "query"}, {"required", false}, {"schema", {{"type", "string"}}}});
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return parameters;
}

/// What answers look like that clients decide by. The enumerations are those of reload_change_name().
OrderedJson schemas() {
  const OrderedJson text = {{"type", "string"}};
  OrderedJson outcomes = OrderedJson::array();
  for (const ReloadChange change : {ReloadChange::Unchanged, ReloadChange::Reloaded, ReloadChange::Restarted,
                                    ReloadChange::Added, ReloadChange::Removed, ReloadChange::Refused})
    outcomes.push_back(std::string(reload_change_name(change)));
  OrderedJson changes = outcomes;
  changes.push_back("valid");
  const OrderedJson line = {{"type", "object"},
                            {"required", OrderedJson::array({"outcome"})},
                            {"properties", {{"outcome", {{"type", "string"}, {"enum", outcomes}}}, {"diagnostics", text}}}};
  return {{"Reload",
           {{"type", "object"},
            {"description", "What a reload did, by pipeline; remarks name settings that take a restart of the process."},
            {"required", OrderedJson::array({"pipelines"})},
            {"properties",
             {{"pipelines", {{"type", "object"}, {"additionalProperties", line}}},
              {"remarks", {{"type", "array"}, {"items", text}}}}}}},
          {"PipelineChange",
           {{"type", "object"},
            {"required", {"pipeline", "outcome", "diagnostics", "source", "after_restart"}},
            {"properties",
             {{"pipeline", text},
              {"outcome", {{"type", "string"}, {"enum", changes}}},
              {"diagnostics", text},
              {"source", {{"type", "string"}, {"enum", OrderedJson::array({"stored", "files"})}}},
              {"after_restart", text}}}}}};
}

/// "GET /v1/pipelines/{id}" as "get_v1_pipelines_id".
std::string operation_id(const Route& route) {
  std::string id = lower_case(route.method);
  for (const char c : route.path) {
    if (c == '/') id += id.back() == '_' ? "" : "_";
    if (c != '/' && c != '{' && c != '}') id += c;
  }
  while (id.back() == '_') id.pop_back();
  return id;
}

OrderedJson responses_of(const Route& route) {
  const bool is_problem = style_of(route.path) == AnswerStyle::Problem;
  const char* error = is_problem ? "#/components/responses/Problem" : "#/components/responses/LogstashError";
  const bool is_text = route.path == "/metrics";
  const bool goes_on = route.path.ends_with("/tap");
  OrderedJson content = OrderedJson::object();
  OrderedJson& form = content[is_text ? "text/plain" : (goes_on ? "text/event-stream" : "application/json")];
  form = OrderedJson::object();
  if (!route.schema.empty()) form["schema"] = {{"$ref", "#/components/schemas/" + std::string(route.schema)}};
  OrderedJson responses = {{"200", {{"description", "Done."}, {"content", content}}}, {"default", {{"$ref", error}}}};
  if (route.method == "PUT" && !route.schema.empty())
    responses["201"] = {{"description", "Done; it was not there before."}, {"content", content}};
  if (route.role != Role::Anybody) responses["401"] = {{"$ref", error}};
  return responses;
}

OrderedJson operation_of(const Route& route) {
  OrderedJson operation = {{"operationId", operation_id(route)},
                           {"summary", std::string(route.summary)},
                           {"x-logboom-role", std::string(role_name(route.role))}};
  if (OrderedJson parameters = parameters_of(route); !parameters.empty()) operation["parameters"] = std::move(parameters);
  if (!route.body.empty())
    operation["requestBody"] = {
        {"description", std::string(route.body)},
        {"required", true},
        {"content",
         {{"application/json", {{"schema", {{"type", "object"}}}}}, {"text/plain", {{"schema", {{"type", "string"}}}}}}}};
  if (route.role == Role::Anybody) operation["security"] = OrderedJson::array();
  operation["responses"] = responses_of(route);
  return operation;
}

HttpResponse get_openapi(ApiContext&, const ApiCall&) {
  HttpResponse response(200, openapi_description());
  response.headers.emplace_back("content-type", "application/json");
  return response;
}

}  // namespace

std::string openapi_description() {
  OrderedJson paths = OrderedJson::object();
  for (const Route& route : api_routes()) paths[std::string(route.path)][lower_case(route.method)] = operation_of(route);
  const auto error_of = [](const char* type, const char* description, OrderedJson properties) {
    OrderedJson content = OrderedJson::object();
    content[type] = {{"schema", {{"type", "object"}, {"properties", std::move(properties)}}}};
    return OrderedJson{{"description", description}, {"content", std::move(content)}};
  };
  const OrderedJson text = {{"type", "string"}};
  const OrderedJson number = {{"type", "integer"}};
  const OrderedJson document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Logboom admin API"},
        {"version", std::string(kVersion)},
        {"description", "See docs/api.md. Logstash's paths answer in Logstash's shape; ?pretty indents every answer."}}},
      {"servers", {{{"url", "http://127.0.0.1:9600"}}}},
      {"security", {{{"basic", OrderedJson::array()}}, {{"token", OrderedJson::array()}}}},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", schemas()},
        {"securitySchemes",
         {{"basic", {{"type", "http"}, {"scheme", "basic"}}}, {"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
        {"responses",
         {{"Problem", error_of("application/problem+json", "A problem document (RFC 9457).",
                               {{"type", text},
                                {"title", text},
                                {"status", number},
                                {"detail", text},
                                {"instance", text},
                                {"diagnostics", text},
                                {"pipelines", {{"type", "object"}}}})},
          {"LogstashError", error_of("application/json", "An error as Logstash words it.",
                                     {{"path", text}, {"status", number}, {"error", {{"type", "object"}}}})}}}}}};
  return document.dump(2) + "\n";
}

std::vector<Route> openapi_routes() { return {{"GET", "/v1/openapi.json", Role::Viewer, "This description.", get_openapi}}; }

}  // namespace logboom
