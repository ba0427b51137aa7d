#include "server/api/problem.h"

#include "pipeline/base/redaction.h"
#include "pipeline/net/http_text.h"

namespace logboom {
namespace {

std::string text_of(const OrderedJson& document, int indent) {
  return redacted(document.dump(indent, ' ', false, OrderedJson::error_handler_t::replace)) + "\n";
}

std::string_view title_of(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 507: return "Insufficient Storage";
    default: return "Internal Server Error";
  }
}

}  // namespace

HttpResponse json_answer(const ApiCall& call, const OrderedJson& document, int status) {
  HttpResponse response(status, text_of(document, call.flag("pretty") ? 2 : -1));
  response.headers.emplace_back("content-type", "application/json");
  return response;
}

HttpResponse error_answer(std::string_view path, int status, std::string_view message, const OrderedJson& more) {
  OrderedJson document;
  const bool is_logstash = style_of(path) == AnswerStyle::Logstash;
  if (is_logstash) {
    document = {{"path", path}, {"status", status}, {"error", {{"message", message}}}};
  } else {
    document = {
        {"type", "about:blank"}, {"title", title_of(status)}, {"status", status}, {"detail", message}, {"instance", path}};
  }
  for (const auto& [name, value] : more.items()) document[name] = value;
  HttpResponse response(status, text_of(document, -1));
  response.headers.emplace_back("content-type", is_logstash ? "application/json" : "application/problem+json");
  return response;
}

}  // namespace logboom
