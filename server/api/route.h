// Route: one endpoint of the admin API, who may use it, and the function that answers.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/net/http_exchange.h"
#include "server/api/access.h"

namespace logboom {

struct ApiContext;
class HttpStream;

/// One request on its way to a handler.
struct ApiCall {
  const HttpRequest& request;
  std::map<std::string, std::string, std::less<>> parameters;  // {id} of the route's path, decoded
  Principal who;
  nlohmann::ordered_json* record = nullptr;  // for the audit log: what was before, what is after; nullptr: nobody reads it
  std::shared_ptr<HttpStream>* rest = nullptr;  // where an answer that goes on leaves what follows its head

  std::string query(std::string_view name) const;
  /// True for ?name, ?name=true, and anything but "false" and "0".
  bool flag(std::string_view name) const;
  const std::string& parameter(std::string_view name) const { return parameters.find(name)->second; }
  std::string_view body() const { return request.body.view(); }
};

/// Runs on a thread of the API's own and may block; calls overlap. May throw nlohmann's exceptions: 400.
using ApiHandler = HttpResponse (*)(ApiContext& context, const ApiCall& call);

enum class AnswerStyle {
  Logstash,  // errors as Logstash words them: {"path":…,"status":404,"error":{"message":…}}
  Problem,   // errors as RFC 9457 problem documents
};

struct Route {
  std::string_view method;
  std::string_view path;  // "/v1/pipelines/{id}"
  Role role = Role::Admin;
  std::string_view summary;
  ApiHandler handler = nullptr;
  bool is_probe = false;         // also served on probes.host, to anybody
  bool is_audited = false;       // changes something: the audit log has a line before and one after
  std::string_view body = {};    // what the request's body is, for the description; empty: it has none
  std::string_view query = {};   // names of what may stand behind ?, separated by blanks, for the description
  std::string_view schema = {};  // of the answer, a name of the description's components; empty: any object
};

/// Every endpoint, in the order of the documentation.
const std::vector<Route>& api_routes();

struct RouteMatch {
  const Route* route = nullptr;  // nullptr: not found, or another method
  std::map<std::string, std::string, std::less<>> parameters;
  std::string allowed;  // methods of the path, for Allow: "GET, HEAD"; empty: there is no such path
};
/// HEAD finds the route of GET. Fixed words win over parameters.
RouteMatch find_route(const std::vector<Route>& routes, std::string_view method, std::string_view path);

/// How errors of this path are worded.
AnswerStyle style_of(std::string_view path);

}  // namespace logboom
