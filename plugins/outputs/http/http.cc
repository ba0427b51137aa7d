// http: events as requests to a web service, one each or a batch at a time.
// Tested by tests/plugins/outputs/http_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "pipeline/net/gzip.h"
#include "pipeline/net/http_client.h"
#include "pipeline/net/tls.h"
#include "pipeline/plugin/registry.h"
#include "pipeline/plugin/tls_options.h"
#include "plugins/outputs/http/request_body.h"

namespace logboom {
namespace {

constexpr std::size_t kMaxReasonBytes = 300;

struct HttpOutputOptions {
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
  std::uint64_t pool_max = 50;
  std::uint64_t pool_max_per_route = 25;
  Duration request_timeout{60};
  Duration socket_timeout{10};
  Duration connect_timeout{10};
  bool follow_redirects = true;
  bool keepalive = true;
  bool cookies = true;
  std::uint64_t automatic_retries = 1;
  bool retry_non_idempotent = false;
  std::uint64_t validate_after_inactivity = 200;
  std::optional<std::string> user;
  std::optional<Secret> password;
  std::optional<std::string> proxy;
  bool ssl_enabled = true;
  std::string ssl_verification_mode = "full";
  std::vector<std::string> ssl_certificate_authorities;
  std::optional<std::string> ssl_certificate;
  std::optional<std::string> ssl_key;
  std::vector<std::string> ssl_supported_protocols;
  std::vector<std::string> ssl_cipher_suites;
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
  table.optional("pool_max", &O::pool_max, "Requests at the same time.").at_least(1).at_most(10000);
  table.optional("pool_max_per_route", &O::pool_max_per_route, "Connections to one host at the same time.")
      .at_least(1)
      .at_most(10000);
  table.optional("request_timeout", &O::request_timeout, "Seconds for a whole request.").at_least(0.001);
  table.optional("socket_timeout", &O::socket_timeout, "Seconds without a byte after which a request has failed.");
  table.optional("connect_timeout", &O::connect_timeout, "Seconds to connect.").at_least(0.001);
  table.optional("follow_redirects", &O::follow_redirects, "Follows up to ten redirects.");
  table.optional("keepalive", &O::keepalive, "Uses connections again.");
  table.optional("cookies", &O::cookies, "Keeps the cookies that the service sets.");
  table.optional("automatic_retries", &O::automatic_retries, "Accepted for compatibility: the pipeline repeats requests.");
  table.optional("retry_non_idempotent", &O::retry_non_idempotent,
                 "Accepted for compatibility: the pipeline repeats requests.");
  table.optional("validate_after_inactivity", &O::validate_after_inactivity,
                 "Accepted for compatibility: connections are always checked.");
  table.optional("user", &O::user, "User for basic authentication.");
  table.optional("password", &O::password, "Password for the user.");
  table.optional("proxy", &O::proxy, "Proxy, for example http://proxy:3128.");
  table.optional("ssl_enabled", &O::ssl_enabled, "Accepted for compatibility: the URL says whether TLS is used.");
  table.optional("ssl_verification_mode", &O::ssl_verification_mode, "Whether the service's certificate is checked.")
      .one_of({"full", "none"});
  table
      .optional("ssl_certificate_authorities", &O::ssl_certificate_authorities,
                "PEM files to trust instead of the system's.")
      .must_exist();
  table.optional("ssl_certificate", &O::ssl_certificate, "PEM certificate of this client.").must_exist();
  table.optional("ssl_key", &O::ssl_key, "PEM key of this client.").must_exist();
  table
      .optional("ssl_supported_protocols", &O::ssl_supported_protocols, "TLS versions that are spoken; both when not given.")
      .one_of({"TLSv1.2", "TLSv1.3"});
  table.optional("ssl_cipher_suites", &O::ssl_cipher_suites,
                 "Cipher suites, by IANA or OpenSSL name; OpenSSL's own choice when not given.");
  table.obsolete("ssl_keystore_path", "give PEM files with ssl_certificate and ssl_key");
  table.obsolete("ssl_truststore_path", "give PEM files with ssl_certificate_authorities");
  table.obsolete("ssl_keystore_password", "give PEM files with ssl_certificate and ssl_key");
  table.obsolete("ssl_keystore_type", "give PEM files with ssl_certificate and ssl_key");
  table.obsolete("ssl_truststore_password", "give PEM files with ssl_certificate_authorities");
  table.obsolete("ssl_truststore_type", "give PEM files with ssl_certificate_authorities");
  table.obsolete("cacert", "it is called ssl_certificate_authorities");
  table.obsolete("client_cert", "it is called ssl_certificate");
  table.obsolete("client_key", "it is called ssl_key");
  table.obsolete("keystore", "give PEM files with ssl_certificate and ssl_key");
  table.obsolete("truststore", "give PEM files with ssl_certificate_authorities");
  table.obsolete("verify_ssl", "it is called ssl_verification_mode");
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

/// Statuses and what they mean for events.
class Verdicts {
 public:
  explicit Verdicts(const HttpOutputOptions& options)
      : retries_(options.retry_failed), retryable_(options.retryable_codes), ignorable_(options.ignorable_codes) {}

  Outcome of(const Result<HttpAnswer>& answer) const {
    if (!answer) {
      const bool is_hopeless = answer.error().code == ErrorCode::InvalidArgument;
      const bool retries = answer.error().code == ErrorCode::Cancelled || (retries_ && !is_hopeless);
      return retries ? Outcome::retry(answer.error().message) : Outcome::permanent(answer.error().message);
    }
    const int status = answer->status;
    if ((status >= 200 && status < 300) || is_in(ignorable_, status)) return Outcome::delivered();
    std::string reason = fmt::format("HTTP {}", status);
    if (!answer->body.empty()) reason += ": " + answer->body.substr(0, kMaxReasonBytes);
    const bool retries = retries_ && is_in(retryable_, status);
    return retries ? Outcome::retry(std::move(reason), status) : Outcome::permanent(std::move(reason), status);
  }

 private:
  static bool is_in(const std::vector<std::uint64_t>& codes, int status) {
    return std::find(codes.begin(), codes.end(), static_cast<std::uint64_t>(status)) != codes.end();
  }
  bool retries_;
  std::vector<std::uint64_t> retryable_;
  std::vector<std::uint64_t> ignorable_;
};

class HttpOutput final : public Output {
 public:
  HttpOutput(HttpOutputOptions options, const PluginContext& context)
      : options_(std::move(options)),
        body_(body_format(options_.format), options_.mapping, options_.message),
        verdicts_(std::make_shared<const Verdicts>(options_)),
        requests_(context.metrics().counter("requests")),
        failed_requests_(context.metrics().counter("failed_requests")) {
    method_ = options_.http_method;
    std::transform(method_.begin(), method_.end(), method_.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (options_.format == "message" && !options_.message)
      context.error("message", "message: format => message needs it", "give a text such as \"%{message}\"");
    if (options_.url.is_literal() && options_.url.text().rfind("http://", 0) != 0 &&
        options_.url.text().rfind("https://", 0) != 0)
      context.error("url", "url: is no http:// or https:// address");
    if (options_.user.has_value() != options_.password.has_value())
      context.error(options_.user ? "user" : "password", "user and password belong together", "give both, or neither");
    read_headers(context);
    read_client_options(context);
  }

  Result<void> start() override {
    client_ = std::make_unique<HttpClient>(client_options_);
    return {};
  }

  void deliver(DeliveryPtr delivery) override {
    for (RequestedEvents& request : requests_for(*delivery)) {
      if (options_.http_compression) {
        request.call.body = gzip_compress(request.call.body);
        request.call.headers.emplace_back("Content-Encoding", "gzip");
      }
      requests_.add();
      client_->send(std::move(request.call), [delivery, indexes = std::move(request.indexes), verdicts = verdicts_,
                                              &failed = failed_requests_](const Result<HttpAnswer>& answer) {
        const Outcome outcome = verdicts->of(answer);
        if (outcome.kind != OutcomeKind::Delivered) failed.add();
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

  void read_client_options(const PluginContext& context) {
    HttpClientOptions& to = client_options_;
    to.max_transfers = options_.pool_max;
    to.max_transfers_per_host = options_.pool_max_per_route;
    to.request_seconds = options_.request_timeout.seconds;
    to.connect_seconds = options_.connect_timeout.seconds;
    to.silence_seconds = options_.socket_timeout.seconds;
    to.follows_redirects = options_.follow_redirects;
    to.keeps_connections = options_.keepalive;
    to.keeps_cookies = options_.cookies;
    to.verifies_peer = options_.ssl_verification_mode == "full";
    to.certificate_file = options_.ssl_certificate.value_or("");
    to.key_file = options_.ssl_key.value_or("");
    to.proxy = options_.proxy.value_or("");
    to.user = options_.user.value_or("");
    if (options_.password) to.password = options_.password->value;
    to.tls_protocols = options_.ssl_supported_protocols;
    to.cipher_suites = options_.ssl_cipher_suites;
    check_tls(context);
    to.authorities_pem = read_certificate_authorities(options_.ssl_certificate_authorities, context);
  }

  /// Says before any request what would fail in every one.
  void check_tls(const PluginContext& context) const {
    TlsClientSettings settings;
    settings.certificate = options_.ssl_certificate.value_or("");
    settings.key = options_.ssl_key.value_or("");
    settings.supported_protocols = options_.ssl_supported_protocols;
    settings.cipher_suites = options_.ssl_cipher_suites;
    if (settings.certificate.empty() != settings.key.empty()) {
      context.error(settings.key.empty() ? "ssl_certificate" : "ssl_key", "ssl_certificate and ssl_key belong together",
                    "give both, or neither");
    } else if (auto made = TlsContext::for_client(settings); !made) {
      context.error(settings.certificate.empty() ? "ssl_cipher_suites" : "ssl_certificate", made.error().message);
    }
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
  Counter& requests_;
  Counter& failed_requests_;
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
service cannot be reached or is too slow, the event is tried again, with growing pauses; with `retry_failed => false` it is
not. Any other status is final: the event goes to the dead-letter queue with status and answer, or is counted as rejected.

`json` sends one event a request, `json_batch` the events of a batch as one array, `form` the fields as a form, `message` the
text of `message`. `mapping` chooses what `json`, `json_batch` and `form` send. Texts may hold `%{field}`; what a field brings
to a header cannot begin another one. Requests are sent side by side, `pool_max` at most, in no order.

The proxy is only what `proxy` says; the environment is not looked at.)"});

}  // namespace
}  // namespace logboom
