// otlp: log records of OpenTelemetry, OTLP over HTTP.
// Tested by tests/plugins/inputs/otlp_test.cc. Reference page: generated from the declarations below.
#include "pipeline/net/http_text.h"
#include "pipeline/plugin/http_gate.h"
#include "pipeline/plugin/registry.h"
#include "plugins/inputs/otlp/log_request.h"

namespace logboom {
namespace {

constexpr std::string_view kPath = "/v1/logs";

struct OtlpOptions : HttpServerOptions {
  OtlpOptions() {
    port = 4318;
    max_content_length = 20 * 1024 * 1024;
  }
};

OptionTable<OtlpOptions> otlp_options() {
  OptionTable<OtlpOptions> table;
  declare_http_server_options(table);
  return table;
}

std::optional<OtlpEncoding> encoding_of(const HttpRequest& request) {
  const std::string type = parse_content_type(request.header("content-type")).media_type;
  if (type == "application/x-protobuf" || type == "application/protobuf") return OtlpEncoding::Protobuf;
  if (type == "application/json") return OtlpEncoding::Json;
  return std::nullopt;
}

std::string_view media_type(OtlpEncoding encoding) {
  return encoding == OtlpEncoding::Protobuf ? "application/x-protobuf" : "application/json";
}

/// Any thread.
class OtlpService final : public HttpService {
 public:
  OtlpService(const OtlpOptions& options, const PluginContext& context)
      : gate_(options, context, "POST"),
        decorations_(context),
        maker_(context.is_ecs()),
        undecodable_(context.metrics().counter("undecodable")),
        rejected_(context.metrics().counter("rejected_records")) {}

  std::optional<HttpResponse> refuse_early(const HttpRequest& head) override {
    std::optional<HttpResponse> refusal = gate_.refuse_early(head);
    if (!refusal) {
      refusal = refuse_request(head);
      if (refusal) gate_.add_cors_headers(head, *refusal);
    }
    if (refusal) refusal = with_status_body(head, *std::move(refusal));
    return refusal;
  }

  Awaitable<HttpResponse> answer(HttpRequest request, EventSink& sink) override {
    HttpResponse response = co_await take(request, sink);
    response = with_status_body(request, std::move(response));
    gate_.add_cors_headers(request, response);
    co_return response;
  }

 private:
  static std::optional<HttpResponse> refuse_request(const HttpRequest& head) {
    if (path_of(head.target) != kPath)
      return HttpResponse(404, "log records are taken at /v1/logs; metrics and traces are not taken");
    if (head.method != "POST") {
      HttpResponse response(405, "log records are sent with POST");
      response.headers.emplace_back("Allow", "POST");
      return response;
    }
    if (!encoding_of(head)) return HttpResponse(415, "Content-Type must be application/x-protobuf or application/json");
    return std::nullopt;
  }

  /// Refusals carry a google.rpc.Status in the encoding of their request.
  static HttpResponse with_status_body(const HttpRequest& request, HttpResponse response) {
    const std::optional<OtlpEncoding> encoding = encoding_of(request);
    if (response.status < 400 || !encoding) return response;
    while (!response.body.empty() && response.body.back() == '\n') response.body.pop_back();
    response.body = render_status(*encoding, response.status, response.body);
    response.headers.emplace_back("Content-Type", media_type(*encoding));
    return response;
  }

  Awaitable<HttpResponse> take(const HttpRequest& request, EventSink& sink) {
    const OtlpEncoding encoding = encoding_of(request).value_or(OtlpEncoding::Json);
    Rejections rejections;
    ChunkPtr chunk = sink.new_chunk(request.body);
    const Result<void> read = decode(encoding, request, *chunk, rejections);
    if (!read) {
      undecodable_.add();
      co_return HttpResponse(read.error().code == ErrorCode::TooLarge ? 413 : 400, read.error().message);
    }
    rejected_.add(static_cast<std::uint64_t>(rejections.records));
    decorations_.apply(*chunk);
    if (!chunk->events().empty()) {
      const HttpGate::Delivery outcome = co_await gate_.deliver(sink, std::move(chunk));
      if (outcome != HttpGate::Delivery::Delivered) co_return HttpGate::refusal_for(outcome);
    }
    HttpResponse response(200, render_response(encoding, rejections));
    response.headers.emplace_back("Content-Type", media_type(encoding));
    co_return response;
  }

  Result<void> decode(OtlpEncoding encoding, const HttpRequest& request, Chunk& chunk, Rejections& rejections) const {
    const std::string_view body = chunk.received().view();
    const std::string_view peer_ip = chunk.arena().copy(request.peer.ip);
    if (encoding == OtlpEncoding::Json) return read_json_logs(body, peer_ip, maker_, chunk, rejections);
    return read_protobuf_logs(body, peer_ip, maker_, chunk);
  }

  HttpGate gate_;
  InputDecorations decorations_;
  LogEventMaker maker_;
  Counter& undecodable_;
  Counter& rejected_;
};

class OtlpInput final : public Input {
 public:
  OtlpInput(const OtlpOptions& options, const PluginContext& context) : endpoint_(HttpGate::endpoint_for(options, context)) {
    endpoint_.http = std::make_shared<OtlpService>(options, context);
  }
  std::vector<Endpoint> endpoints() override { return {endpoint_}; }

 private:
  Endpoint endpoint_;
};

const RegisterInput registered(
    {.name = "otlp",
     .summary = "Log records of OpenTelemetry SDKs and collectors, OTLP over HTTP.",
     .make = make_input<OtlpInput, otlp_options>,
     .details =
         R"(Takes `POST /v1/logs` as `application/x-protobuf` or `application/json`, plain or compressed with gzip, deflate or zstd, as the
OpenTelemetry SDKs (`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`) and the collector's `otlphttp` exporter send it. OTLP over gRPC
(port 4317), metrics and traces are not taken.

| of the log record | with ECS | without |
| --- | --- | --- |
| time, else observed time, else now | `@timestamp` | `@timestamp` |
| body: text, number, boolean, bytes (base64) | `message` | `message` |
| body: list or map | `body` | `body` |
| severity text, else the number's name | `[log][level]` | `severity_text` |
| severity number | `[event][severity]` | `severity_number` |
| observed time | `[event][created]` | `observed_timestamp` |
| event name | `[event][action]` | `event_name` |
| trace id, span id (hexadecimal) | `[trace][id]`, `[span][id]` | `trace_id`, `span_id` |
| flags, unless 0 | `[trace][flags]` | `flags` |
| attributes | `[attributes][NAME]` | the same |
| number of dropped attributes, unless 0 | `dropped_attributes_count` | the same |
| attributes of the resource, its schema | `[resource][attributes][NAME]`, `[resource][schema_url]` | the same |
| scope | `[scope][name]`, `[scope][version]`, `[scope][attributes][NAME]` | the same |

Names of attributes stay as they are, dots included: `[resource][attributes][service.name]`. With ECS these are copied besides:
`service.name`, `service.version`, `service.instance.id` and `deployment.environment` (or `.name`) to `[service][name]`,
`[service][version]`, `[service][node][name]` and `[service][environment]`; `host.name` and `host.id` to `[host]`; `container.id`
and `container.name` to `[container]`; `process.pid` to `[process][pid]`; the scope's name to `[log][logger]`; and of the record
`exception.type`, `exception.message` and `exception.stacktrace` to `[error][type]`, `[error][message]` and `[error][stack_trace]`.
Texts that are not UTF-8 get U+FFFD for what is wrong. The sender's address is in `[@metadata][ip_address]`.

The answer is sent when all events are safe, as the http input does it: 200 with an ExportLogsServiceResponse, whose partial
success counts JSON log records that could not be read (protobuf has no such thing: it can be read or not). Others, with a
google.rpc.Status in the encoding of the request: 400 the body cannot be read (do not send it again), 401 wrong `user` and
`password`, 404 another path, 405 not POST, 413 over `max_content_length` or more than 100,000 log records, 415 another
Content-Type or compression; and 429 and 503 with Retry-After, after which exporters send again: the queue is full and
`max_pending_requests` wait already; not stored, or not within `response_timeout`. Exporters give up on a request after their own
time-out (10 s by default) and send it again, so a `response_timeout` below that saves doubled events.

Counters: those of the http input, and `rejected_records`.)"});

}  // namespace
}  // namespace logboom
