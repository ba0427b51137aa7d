#include "server/api/openapi.h"

#include <fmt/format.h>

#include "pipeline/net/http_text.h"
#include "server/api/problem.h"
#include "server/version.h"

namespace logboom {
namespace {

OrderedJson parameters_of(std::string_view path) {
  OrderedJson parameters = OrderedJson::array();
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    const std::size_t close = path.find('}', open);
    parameters.push_back({{"name", path.substr(open + 1, close - open - 1)},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", "string"}}}});
  }
  return parameters;
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
  OrderedJson content = OrderedJson::object();
  content[is_text ? "text/plain" : "application/json"] = OrderedJson::object();
  OrderedJson responses = {{"200", {{"description", "Done."}, {"content", content}}}, {"default", {{"$ref", error}}}};
  if (route.role != Role::Anybody) responses["401"] = {{"$ref", error}};
  return responses;
}

OrderedJson operation_of(const Route& route) {
  OrderedJson operation = {{"operationId", operation_id(route)},
                           {"summary", std::string(route.summary)},
                           {"x-logboom-role", std::string(role_name(route.role))}};
  if (OrderedJson parameters = parameters_of(route.path); !parameters.empty())
    operation["parameters"] = std::move(parameters);
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
       {{"securitySchemes",
         {{"basic", {{"type", "http"}, {"scheme", "basic"}}}, {"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
        {"responses",
         {{"Problem", error_of("application/problem+json", "A problem document (RFC 9457).",
                               {{"type", text}, {"title", text}, {"status", number}, {"detail", text}, {"instance", text}})},
          {"LogstashError", error_of("application/json", "An error as Logstash words it.",
                                     {{"path", text}, {"status", number}, {"error", {{"type", "object"}}}})}}}}}};
  return document.dump(2) + "\n";
}

std::vector<Route> openapi_routes() { return {{"GET", "/v1/openapi.json", Role::Viewer, "This description.", get_openapi}}; }

}  // namespace logboom
