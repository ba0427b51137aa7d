#include "plugins/inputs/http/elasticsearch_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "pipeline/event/json.h"
#include "pipeline/net/http_text.h"
#include "plugins/inputs/http/bulk_request.h"

namespace logboom {

/// What a request asks for.
struct ElasticsearchService::Route {
  enum class Kind { Bulk, Document, Greeting, License, Features, Nodes, Health, Setup, Unknown };
  Kind kind = Kind::Unknown;
  std::string index;
  std::string id;
  std::string_view op = "index";
};

namespace {

using SteadyClock = std::chrono::steady_clock;

/// Things that senders look for before they begin, and make when they are not there: templates, policies, pipelines.
constexpr std::array<std::string_view, 14> kSetup = {
    "_template", "_index_template", "_component_template", "_ilm", "_ingest",   "_data_stream", "_alias", "_aliases",
    "_cat",      "_mapping",        "_settings",           "_slm", "_security", "_resolve"};

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) segments.push_back(percent_decoded(path.substr(0, end)));
    path.remove_prefix(std::min(path.size(), end + 1));
  }
  return segments;
}

std::string error_body(int status, std::string_view type, std::string_view reason) {
  std::string quoted;
  write_json_string(reason, quoted);
  return fmt::format(
      R"({{"error":{{"root_cause":[{{"type":"{0}","reason":{1}}}],"type":"{0}","reason":{1}}},"status":{2}}})", type, quoted,
      status);
}

std::string_view error_type(int status) {
  switch (status) {
    case 400: return "illegal_argument_exception";
    case 401:
    case 403: return "security_exception";
    case 429: return "es_rejected_execution_exception";
    default: return "unavailable_shards_exception";
  }
}

/// The gate's answers are texts for people; these senders read JSON.
HttpResponse with_json_body(HttpResponse response) {
  if (response.status < 400) return response;
  while (!response.body.empty() && response.body.back() == '\n') response.body.pop_back();
  response.body = error_body(response.status, error_type(response.status), response.body);
  return response;
}

}  // namespace

ElasticsearchService::ElasticsearchService(const HttpInputOptions& options, const PluginContext& context)
    : gate_(options, context, "POST, PUT, GET, HEAD", HttpGate::Style::BasicOrApiKey),
      decorations_(context),
      version_(options.elasticsearch_version),
      undecodable_(context.metrics().counter("undecodable")) {}

std::optional<HttpResponse> ElasticsearchService::refuse_early(const HttpRequest& head) {
  std::optional<HttpResponse> refusal = gate_.refuse_early(head);
  if (!refusal) return std::nullopt;
  return dressed(head, with_json_body(*std::move(refusal)));
}

ElasticsearchService::Route ElasticsearchService::route_of(const HttpRequest& request) const {
  using Kind = Route::Kind;
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  const bool is_write = request.method == "POST" || request.method == "PUT";
  const std::vector<std::string> parts = segments_of(path_of(request.target));
  Route route;
  if (parts.empty()) {
    route.kind = is_read ? Kind::Greeting : Kind::Unknown;
    return route;
  }
  if (parts.back() == "_bulk" && parts.size() <= 3) {
    if (is_write) route.kind = Kind::Bulk;
    if (parts.size() > 1) route.index = parts[0];
    return route;
  }
  const std::string& first = parts[0];
  if (first == "_license" || (first == "_xpack" && parts.size() > 1 && parts[1] == "license")) {
    route.kind = Kind::License;
  } else if (first == "_xpack") {
    route.kind = Kind::Features;
  } else if (first == "_nodes") {
    route.kind = Kind::Nodes;
  } else if (first == "_cluster") {
    route.kind = Kind::Health;
  } else if (std::find(kSetup.begin(), kSetup.end(), first) != kSetup.end()) {
    route.kind = Kind::Setup;
  } else if (first[0] == '_') {
    route.kind = Kind::Unknown;
  } else if (parts.size() == 1 || (parts.size() > 1 && std::find(kSetup.begin(), kSetup.end(), parts[1]) != kSetup.end())) {
    route.kind = Kind::Setup;  // an index: it is there, and making it succeeds
  } else if (is_write && parts.size() <= 3 && (parts[1][0] != '_' || parts[1] == "_doc" || parts[1] == "_create")) {
    route.kind = Kind::Document;
    route.index = first;
    if (parts[1] == "_create") route.op = "create";
    if (parts.size() == 3) route.id = parts[2];
  }
  return route;
}

Awaitable<HttpResponse> ElasticsearchService::answer(HttpRequest request, EventSink& sink) {
  const Route route = route_of(request);
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  HttpResponse response;
  switch (route.kind) {
    case Route::Kind::Bulk: response = co_await take_bulk(request, route, sink); break;
    case Route::Kind::Document: response = co_await take_document(request, route, sink); break;
    case Route::Kind::Greeting: response.body = greeting(); break;
    case Route::Kind::License:
      response.body =
          R"({"license":{"status":"active","uid":"logboom","type":"basic","mode":"basic","issue_date":"2024-01-01T00:00:00.000Z",)"
          R"("issue_date_in_millis":1704067200000,"max_nodes":1000,"issued_to":"logboom","issuer":"logboom","start_date_in_millis":-1}})";
      break;
    case Route::Kind::Features:
      response.body =
          R"({"build":{},"license":{"uid":"logboom","type":"basic","mode":"basic","status":"active"},)"
          R"("features":{"ilm":{"available":true,"enabled":true},"security":{"available":true,"enabled":false}},)"
          R"("tagline":"You know, for X"})";
      break;
    case Route::Kind::Nodes:
      response.body =
          R"({"_nodes":{"total":1,"successful":1,"failed":0},"cluster_name":"logboom","nodes":{"logboom":{"name":"logboom",)"
          R"("version":")" +
          version_ + R"(","roles":["data","ingest"],"ingest":{"processors":[]}}}})";
      break;
    case Route::Kind::Health:
      response.body =
          R"({"cluster_name":"logboom","status":"green","timed_out":false,"number_of_nodes":1,"number_of_data_nodes":1})";
      break;
    case Route::Kind::Setup: response.body = is_read ? "{}" : R"({"acknowledged":true})"; break;
    case Route::Kind::Unknown: {
      const bool is_known_path = path_of(request.target).ends_with("_bulk") || path_of(request.target) == "/";
      response.status = is_known_path ? 405 : 400;
      if (is_known_path) response.headers.emplace_back("Allow", path_of(request.target) == "/" ? "GET, HEAD" : "POST, PUT");
      response.body = error_body(
          response.status, "illegal_argument_exception",
          fmt::format("no handler found for uri [{}] and method [{}]: this is Logboom, which takes documents and keeps none",
                      request.target, request.method));
      break;
    }
  }
  response = dressed(request, std::move(response));
  gate_.add_cors_headers(request, response);
  co_return response;
}

Awaitable<HttpResponse> ElasticsearchService::take_bulk(const HttpRequest& request, const Route& route, EventSink& sink) {
  const auto begun = SteadyClock::now();
  const bool is_terse = !query_parameter(query_of(request.target), "filter_path").empty();
  ChunkPtr chunk = sink.new_chunk(request.body);
  BulkRequest bulk(*chunk, route.index, request.peer.ip, is_terse ? BulkRequest::Answer::Terse : BulkRequest::Answer::Full);
  if (const auto readable = bulk.read(chunk->received().view()); !readable) {
    undecodable_.add();
    co_return HttpResponse(400, error_body(400, "illegal_argument_exception", readable.error().message));
  }
  undecodable_.add(bulk.failures());
  decorations_.apply(*chunk);
  if (!chunk->events().empty()) {
    const HttpGate::Delivery outcome = co_await gate_.deliver(sink, std::move(chunk));
    if (outcome != HttpGate::Delivery::Delivered) co_return with_json_body(HttpGate::refusal_for(outcome));
  }
  co_return HttpResponse(200, bulk.bulk_answer(std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begun)));
}

Awaitable<HttpResponse> ElasticsearchService::take_document(const HttpRequest& request, const Route& route,
                                                            EventSink& sink) {
  ChunkPtr chunk = sink.new_chunk(request.body);
  BulkRequest document(*chunk, route.index, request.peer.ip, BulkRequest::Answer::Full);
  document.read_document(route.op, route.id, chunk->received().view());
  undecodable_.add(document.failures());
  decorations_.apply(*chunk);
  if (!chunk->events().empty()) {
    const HttpGate::Delivery outcome = co_await gate_.deliver(sink, std::move(chunk));
    if (outcome != HttpGate::Delivery::Delivered) co_return with_json_body(HttpGate::refusal_for(outcome));
  }
  co_return HttpResponse(document.first_status(), document.first_item());
}

/// The headers without which Elastic's clients refuse to talk.
HttpResponse ElasticsearchService::dressed(const HttpRequest& request, HttpResponse response) const {
  response.headers.emplace_back("X-Elastic-Product", "Elasticsearch");
  const std::string_view accepted = request.header("accept");
  const std::size_t compatible = accepted.find("application/vnd.elasticsearch+json");
  const std::string_view wanted = compatible == std::string_view::npos
                                      ? std::string_view()
                                      : accepted.substr(compatible, accepted.find(',', compatible) - compatible);
  if (!response.body.empty())
    response.headers.emplace_back("Content-Type", wanted.empty() ? std::string_view("application/json") : wanted);
  return response;
}

std::string ElasticsearchService::greeting() const {
  return fmt::format(
      R"({{"name":"logboom","cluster_name":"logboom","cluster_uuid":"bG9nYm9vbS1sb2dib29tLQ","version":{{"number":"{}",)"
      R"("build_flavor":"default","build_type":"docker","build_hash":"0000000000000000000000000000000000000000",)"
      R"("build_date":"2025-01-01T00:00:00.000000000Z","build_snapshot":false,"lucene_version":"9.12.0",)"
      R"("minimum_wire_compatibility_version":"7.17.0","minimum_index_compatibility_version":"7.0.0"}},)"
      R"("tagline":"You Know, for Search"}})",
      version_);
}

}  // namespace logboom
