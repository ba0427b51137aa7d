#include "server/api/route.h"

#include <algorithm>
#include <optional>

#include "pipeline/net/http_text.h"

namespace logboom {
namespace {

/// Takes the next segment off a path that begins with '/'.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_parameter(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

/// Fills `parameters`; nullopt when the path does not fit, else how many of its words are fixed.
std::optional<int> fits(std::string_view pattern, std::string_view path,
                        std::map<std::string, std::string, std::less<>>& parameters) {
  int fixed = 0;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (is_parameter(wanted)) {
      if (given.empty()) return std::nullopt;
      parameters[std::string(wanted.substr(1, wanted.size() - 2))] = percent_decoded(given);
    } else if (wanted == given) {
      ++fixed;
    } else {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return fixed;
}

/// Adds a method to "GET, HEAD" unless it is there: several routes may fit one path.
void allow(std::string_view method, std::string& allowed) {
  if ((", " + allowed + ",").find(", " + std::string(method) + ",") != std::string::npos) return;
  allowed += (allowed.empty() ? "" : ", ") + std::string(method);
}

}  // namespace

std::string ApiCall::query(std::string_view name) const { return query_parameter(query_of(request.target), name); }

bool ApiCall::flag(std::string_view name) const {
  std::string_view rest = query_of(request.target);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair == name) return true;
    if (pair.substr(0, pair.find('=')) == name) {
      const std::string value = percent_decoded(pair.substr(pair.find('=') + 1));
      return value != "false" && value != "0";
    }
  }
  return false;
}

RouteMatch find_route(const std::vector<Route>& routes, std::string_view method, std::string_view path) {
  if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  RouteMatch best;
  int best_fixed = -1;
  if (path.empty() || path.front() != '/') return best;
  for (const Route& route : routes) {
    std::map<std::string, std::string, std::less<>> parameters;
    const auto fixed = fits(route.path, path, parameters);
    if (!fixed) continue;
    allow(route.method, best.allowed);
    if (route.method == "GET") allow("HEAD", best.allowed);
    if (route.method != wanted || *fixed <= best_fixed) continue;
    best_fixed = *fixed;
    best.route = &route;
    best.parameters = std::move(parameters);
  }
  return best;
}

AnswerStyle style_of(std::string_view path) {
  const bool is_own = path.substr(0, 3) == "/v1" || path == "/ready" || path == "/live" || path == "/metrics" ||
                      path.substr(0, 8) == "/_reload";
  return is_own ? AnswerStyle::Problem : AnswerStyle::Logstash;
}

}  // namespace logboom
