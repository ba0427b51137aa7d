// http: events as requests to a web service, one each or a batch at a time.
// Tested by tests/plugins/outputs/http_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "pipeline/net/gzip.h"
#include "pipeline/net/http_client.h"
#include "pipeline/net/http_remedies.h"
#include "pipeline/plugin/http_client_options.h"
#include "pipeline/plugin/registry.h"
#include "plugins/outputs/http/request_body.h"

namespace logboom {
namespace {

struct HttpOutputOptions : HttpPluginOptions {
  FieldTemplate url;
  std::string http_method;
  std::string format = "json";
  ConfigHash headers;
  std::optional<std::string> content_type;
  ConfigHash mapping;
  std::optional<FieldTemplate> message;
  bool http_compression = false;
  bool retry_failed = true;
  std::vector<std::uint64_t> retryable_codes = {429, 500, 502, 503, 504};
  std::vector<std::uint64_t> ignorable_codes;
};

OptionTable<HttpOutputOptions> http_output_options() {
  using O = HttpOutputOptions;
  OptionTable<O> table;
  table.required("url", &O::url,
                 "Where to; may hold %{field} (json_batch: the same for events that give the same address).");
  table.required("http_method", &O::http_method, "Method of the requests.")
      .one_of({"put", "post", "patch", "delete", "get", "head"});
  table.optional("format", &O::format, "json one event a request, json_batch an array of many, form, or message.")
      .one_of({"json", "json_batch", "form", "message"});
  table.optional("headers", &O::headers, "Headers of the requests; values may hold %{field}.");
  table.optional("content_type", &O::content_type, "Content-Type, when the format's own will not do.");
  table.optional("mapping", &O::mapping, "What to send instead of the whole event; texts may hold %{field}.");
  table.optional("message", &O::message, "Body for format => message.");
  table.optional("http_compression", &O::http_compression, "Sends bodies in gzip.");
  table.optional("retry_failed", &O::retry_failed,
                 "Tries again after retryable_codes and when the service cannot be reached.");
  table.optional("retryable_codes", &O::retryable_codes, "Statuses after which the same request may succeed later.");
  table.optional("ignorable_codes", &O::ignorable_codes, "Statuses that count as success.");
  declare_http_client_options(table);
  return table;
}

BodyFormat body_format(std::string_view name) {
  if (name == "json_batch") return BodyFormat::JsonBatch;
  if (name == "form") return BodyFormat::Form;
  return name == "message" ? BodyFormat::Message : BodyFormat::Json;
}

/// Events that travel in one request, by their place in the delivery.
struct RequestedEvents {
  HttpCall call;
  std::vector<std::size_t> indexes;
};

/// What to do about a status, for a person; empty when there is nothing to say.
std::string_view remedy_of_status(int status) {
  switch (status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308: return "it has moved: give url the new address";
    case 401: return "it refuses the credentials: check user and password, or the Authorization header";
    case 403: return "it does not allow this: check what the user may do";
    case 404: return "it knows no such address: check url";
    case 405: return "it does not take this method there: check http_method and url";
    case 407: return "the proxy wants credentials: give user and password in proxy";
    case 413: return "the request is too large for it: raise its limit, or send fewer or smaller events at a time";
    case 415: return "it does not take this content type: check format and content_type";
    default: return {};
  }
}

/// Statuses and what they mean for events.
class Verdicts {
 public:
  Verdicts(const HttpOutputOptions& options, std::string place)
      : place_(std::move(place)),
        retries_(options.retry_failed),
        retryable_(options.retryable_codes),
        ignorable_(options.ignorable_codes) {}

  Outcome of(const std::string& url, const Result<HttpAnswer>& answer) const {
    if (!answer) {
      const bool is_hopeless = answer.error().code == ErrorCode::InvalidArgument;
      const bool retries = answer.error().code == ErrorCode::Cancelled || (retries_ && !is_hopeless);
      std::string reason = fmt::format("{}: {}", place_, explain_connection(without_query(url), answer.error().message));
      return retries ? Outcome::retry(std::move(reason)) : Outcome::permanent(std::move(reason));
    }
    const int status = answer->status;
    if ((status >= 200 && status < 300) || is_in(ignorable_, status)) return Outcome::delivered();
    std::string reason = fmt::format("{}: {}: HTTP {}", place_, without_query(url), status);
    if (const std::string_view remedy = remedy_of_status(status); !remedy.empty()) reason += fmt::format("; {}", remedy);
    if (is_html(answer->content_type, answer->body))
      reason += "; an HTML page: a proxy or another service may be at this address";
    if (!answer->body.empty()) reason += fmt::format(" ({})", shown_body(answer->body));
    const bool retries = retries_ && is_in(retryable_, status);
    return retries ? Outcome::retry(std::move(reason), status) : Outcome::permanent(std::move(reason), status);
  }

 private:
  /// What stands behind the question mark may be a key.
  static std::string without_query(const std::string& url) { return url.substr(0, url.find('?')); }
  static bool is_in(const std::vector<std::uint64_t>& codes, int status) {
    return std::find(codes.begin(), codes.end(), static_cast<std::uint64_t>(status)) != codes.end();
  }
  std::string place_;
  bool retries_;
  std::vector<std::uint64_t> retryable_;
  std::vector<std::uint64_t> ignorable_;
};

struct RequestCounters {
  explicit RequestCounters(MetricScope& metrics)
      : requests(metrics.counter("requests")),
        failed_requests(metrics.counter("failed_requests")),
        bytes(metrics.counter("bytes_sent")),
        latency(metrics.histogram("request_latency")) {}
  Counter& requests;
  Counter& failed_requests;
  Counter& bytes;  // of bodies
  Histogram& latency;
};

class HttpOutput final : public Output {
 public:
  HttpOutput(HttpOutputOptions options, const PluginContext& context)
      : options_(std::move(options)),
        body_(body_format(options_.format), options_.mapping, options_.message),
        verdicts_(std::make_shared<const Verdicts>(
            options_, fmt::format("pipeline {}, output {}", context.pipeline_id(), context.id()))),
        counters_(context.metrics()),
        client_options_(http_client_options(options_, context)) {
    method_ = options_.http_method;
    std::transform(method_.begin(), method_.end(), method_.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (options_.format == "message" && !options_.message)
      context.error("message", "message: format => message needs it", "give a text such as \"%{message}\"");
    if (options_.url.is_literal() && options_.url.text().rfind("http://", 0) != 0 &&
        options_.url.text().rfind("https://", 0) != 0)
      context.error("url", "url: is no http:// or https:// address");
    read_headers(context);
  }

  Result<void> start() override {
    client_ = std::make_unique<HttpClient>(client_options_);
    return {};
  }

  void deliver(DeliveryPtr delivery) override {
    for (RequestedEvents& request : requests_for(*delivery)) {
      HttpCall& call = request.call;
      if (options_.http_compression) {
        call.body = gzip_compress(call.body);
        call.headers.emplace_back("Content-Encoding", "gzip");
      }
      call.retries = options_.automatic_retries;
      counters_.requests.add();
      counters_.bytes.add(call.body.size());
      std::string url = call.url;
      client_->send(std::move(call),
                    [delivery, indexes = std::move(request.indexes), url = std::move(url), verdicts = verdicts_,
                     &counters = counters_, begun = std::chrono::steady_clock::now()](const Result<HttpAnswer>& answer) {
                      counters.latency.observe(std::chrono::steady_clock::now() - begun);
                      const Outcome outcome = verdicts->of(url, answer);
                      if (outcome.kind != OutcomeKind::Delivered) counters.failed_requests.add();
                      if (indexes.size() == delivery->events().size()) return delivery->report_all(outcome);
                      for (const std::size_t index : indexes) delivery->report(index, outcome);
                    });
    }
  }

  void stop() override {
    if (client_) client_->close(std::chrono::seconds(1));
  }

 private:
  void read_headers(const PluginContext& context) {
    bool has_type = false;
    for (const auto& [name, value] : options_.headers) {
      std::string lower = name.text;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      if (lower == "content-type") has_type = true;
      if (name.text.empty() || name.text.find_first_of(": \t\r\n") != std::string::npos)
        context.error(name.span, fmt::format("headers: \"{}\" is no header name", name.text));
      headers_.emplace_back(name.text, FieldTemplate::parse(value.text));
    }
    if (!has_type)
      headers_.emplace_back("Content-Type",
                            FieldTemplate::parse(options_.content_type.value_or(std::string(body_.content_type()))));
  }

  /// Address and headers of an event's request.
  HttpCall call_for(const Event& event) const {
    HttpCall call;
    call.method = method_;
    options_.url.append_to(event, call.url);
    for (const auto& [name, value] : headers_) {
      std::string text;
      value.append_to(event, text);
      call.headers.emplace_back(name, std::move(text));
    }
    return call;
  }

  std::vector<RequestedEvents> requests_for(const Delivery& delivery) const {
    std::vector<RequestedEvents> made;
    std::map<std::pair<std::string, HttpHeaders>, std::size_t> batches;  // json_batch: place in `made`
    for (std::size_t i = 0; i < delivery.events().size(); ++i) {
      const Event& event = *delivery.events()[i];
      HttpCall call = call_for(event);
      if (body_.format() == BodyFormat::JsonBatch) {
        const auto [place, is_new] = batches.try_emplace({call.url, call.headers}, made.size());
        if (is_new) made.push_back({std::move(call), {}});
        RequestedEvents& batch = made[place->second];
        batch.call.body += batch.indexes.empty() ? '[' : ',';
        body_.append(event, batch.call.body);
        batch.indexes.push_back(i);
      } else {
        body_.append(event, call.body);
        made.push_back({std::move(call), {i}});
      }
    }
    if (body_.format() == BodyFormat::JsonBatch)
      for (RequestedEvents& batch : made) batch.call.body += ']';
    return made;
  }

  HttpOutputOptions options_;
  RequestBody body_;
  std::shared_ptr<const Verdicts> verdicts_;
  RequestCounters counters_;
  std::string method_;
  std::vector<std::pair<std::string, FieldTemplate>> headers_;
  HttpClientOptions client_options_;
  std::unique_ptr<HttpClient> client_;
};

const RegisterOutput registered(
    {.name = "http",
     .summary = "Events as requests to a web service.",
     .make = make_output<HttpOutput, http_output_options>,
     .details =
         R"(**Delivered** means the service answered 2xx (or one of `ignorable_codes`). After one of `retryable_codes`, and when the
service cannot be reached or is too slow, the event is tried again: `automatic_retries` times at once where there was no answer,
then with growing pauses (`retry`); with `retry_failed => false` not after that. Any other status is final: the event goes to the dead-letter queue with status and answer, or is counted as rejected.

`json` sends one event a request, `json_batch` the events of a batch as one array, `form` the fields as a form, `message` the
text of `message`. `mapping` chooses what `json`, `json_batch` and `form` send. Texts may hold `%{field}`; what a field brings
to a header cannot begin another one. Requests are sent side by side, `pool_max` at most, in no order.

The proxy is only what `proxy` says; the environment is not looked at.)"});

}  // namespace
}  // namespace logboom
