// http: requests whose bodies a codec cuts into events; answered when the events are safe.
// Tested by tests/plugins/inputs/http_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "pipeline/base/utf8.h"
#include "pipeline/plugin/async_push.h"
#include "pipeline/plugin/registry.h"
#include "plugins/inputs/http/decoder_pool.h"
#include "plugins/inputs/http/request_fields.h"
#include "plugins/inputs/http/request_text.h"

namespace logboom {
namespace {

constexpr double kIdleSeconds = 60;  // a kept connection without a request

struct HttpInputOptions {
  std::string host = "0.0.0.0";
  std::uint64_t port = 8080;
  CodecChoice codec{"plain", nullptr, {}};
  std::optional<std::string> user;
  std::optional<Secret> password;
  std::uint64_t threads = 0;
  std::uint64_t max_pending_requests = 200;
  std::uint64_t max_content_length = 100 * 1024 * 1024;
  std::uint64_t response_code = 200;
  TextHash response_headers = {{"Content-Type", "text/plain"}};
  TextHash additional_codecs = {{"application/json", "json"}};
  std::optional<FieldRef> remote_host_target_field;
  std::optional<FieldRef> request_headers_target_field;
  bool ssl_enabled = false;
  std::string ssl_client_authentication = "none";
  std::optional<std::string> ssl_certificate;
  std::optional<std::string> ssl_key;
  std::optional<Secret> ssl_key_passphrase;
  std::vector<std::string> ssl_certificate_authorities;
  std::vector<std::string> ssl_supported_protocols;
  std::vector<std::string> ssl_cipher_suites;
  std::uint64_t ssl_handshake_timeout = 10000;
};

OptionTable<HttpInputOptions> http_input_options() {
  using O = HttpInputOptions;
  OptionTable<O> table;
  table.optional("host", &O::host, "Address to listen on.");
  table.optional("port", &O::port, "Port to listen on.").at_most(65535);
  table.optional("codec", &O::codec, "For media types that additional_codecs does not name.");
  table.optional("user", &O::user, "User that requests must name (basic authentication).");
  table.optional("password", &O::password, "Password for the user.");
  table.optional("threads", &O::threads, "Accepted for compatibility: the server's I/O threads serve all inputs.");
  table.optional("max_pending_requests", &O::max_pending_requests, "Requests that may wait for their answer; more get 429.")
      .at_least(1);
  table
      .optional("max_content_length", &O::max_content_length,
                "Largest body in bytes, as sent and as inflated; more gets 413.")
      .at_least(1);
  table.optional("response_code", &O::response_code, "Status when all is well.").one_of({"200", "201", "202", "204"});
  table.optional("response_headers", &O::response_headers, "Headers of every answer to an accepted request.");
  table.optional("additional_codecs", &O::additional_codecs, "Codec by media type.");
  table.optional("remote_host_target_field", &O::remote_host_target_field,
                 "Field for the peer's address: host, with ECS [host][ip].");
  table.optional("request_headers_target_field", &O::request_headers_target_field,
                 "Field for the request's headers: headers, with ECS [@metadata][input][http][request][headers].");
  table.optional("ssl_enabled", &O::ssl_enabled, "TLS; not available in this version.");
  table.optional("ssl_client_authentication", &O::ssl_client_authentication, "Whether clients need a certificate.")
      .one_of({"none", "optional", "required"});
  table.optional("ssl_certificate", &O::ssl_certificate, "Certificate file.");
  table.optional("ssl_key", &O::ssl_key, "Key file.");
  table.optional("ssl_key_passphrase", &O::ssl_key_passphrase, "Passphrase of the key.");
  table.optional("ssl_certificate_authorities", &O::ssl_certificate_authorities, "Certificates that are trusted.");
  table.optional("ssl_supported_protocols", &O::ssl_supported_protocols, "TLS versions.");
  table.optional("ssl_cipher_suites", &O::ssl_cipher_suites, "Cipher suites.");
  table.optional("ssl_handshake_timeout", &O::ssl_handshake_timeout, "Milliseconds for a handshake.");
  table.obsolete("ssl", "it is called ssl_enabled");
  table.obsolete("cipher_suites", "it is called ssl_cipher_suites");
  table.obsolete("tls_min_version", "use ssl_supported_protocols");
  table.obsolete("tls_max_version", "use ssl_supported_protocols");
  table.obsolete("verify_mode", "it is called ssl_client_authentication");
  table.obsolete("ssl_verify_mode", "it is called ssl_client_authentication");
  table.obsolete("keystore", "it is called ssl_keystore_path; give PEM files with ssl_certificate and ssl_key");
  table.obsolete("keystore_password", "it is called ssl_keystore_password; give PEM files with ssl_certificate and ssl_key");
  return table;
}

/// Counts a request while it is open.
class OpenRequest {
 public:
  explicit OpenRequest(std::atomic<std::uint64_t>& open) : open_(open), number_(open.fetch_add(1) + 1) {}
  ~OpenRequest() { open_.fetch_sub(1); }
  OpenRequest(const OpenRequest&) = delete;
  OpenRequest& operator=(const OpenRequest&) = delete;
  std::uint64_t number() const { return number_; }

 private:
  std::atomic<std::uint64_t>& open_;
  std::uint64_t number_;
};

/// Any thread: what changes is the pools and the count of open requests.
class HttpIntake final : public HttpService {
 public:
  HttpIntake(const HttpInputOptions& options, const PluginContext& context)
      : options_(options),
        decorations_(context),
        fields_(options.remote_host_target_field, options.request_headers_target_field, context.is_ecs()),
        unauthorized_(context.metrics().counter("unauthorized")),
        too_many_(context.metrics().counter("refused_pending")),
        undecodable_(context.metrics().counter("undecodable")),
        not_delivered_(context.metrics().counter("not_delivered")),
        default_codec_(pool_for(options.codec, "codec", context)) {
    for (const auto& [media_type, codec] : options.additional_codecs) {
      std::string key = parse_content_type(media_type).media_type;
      codecs_[std::move(key)] = pool_for(CodecChoice{codec, nullptr, {}}, "additional_codecs", context);
    }
  }

  Awaitable<HttpResponse> answer(HttpRequest request, EventSink& sink) override {
    const OpenRequest open(open_requests_);
    if (options_.user && !is_authorized(request.header("authorization"), *options_.user, options_.password->value))
      co_return refuse_unauthorized(request);
    if (open.number() > options_.max_pending_requests) {
      too_many_.add();
      co_return HttpResponse(429, "too many requests wait for their answer\n");
    }
    const ContentType type = parse_content_type(request.header("content-type"));
    const Result<Buffer> body = body_to_utf8(request.body, type.charset);
    if (!body) {
      undecodable_.add();
      co_return HttpResponse(400, body.error().message + "\n");
    }
    ChunkPtr chunk = decode(*body, request, type, sink);
    if (!chunk->events().empty()) {
      const AckResult result = co_await push_and_await_ack(sink, std::move(chunk));
      if (result == AckResult::NotDelivered) {
        not_delivered_.add();
        co_return HttpResponse(503, "the events could not be stored, send them again\n");
      }
    }
    HttpResponse response(static_cast<int>(options_.response_code), options_.response_code == 204 ? "" : "ok");
    response.headers = options_.response_headers;
    co_return response;
  }

 private:
  static std::unique_ptr<DecoderPool> pool_for(const CodecChoice& choice, std::string_view option,
                                               const PluginContext& context) {
    CodecPtr codec = context.make_codec(choice);
    if (codec != nullptr && codec->make_decoder() == nullptr)
      context.error(option, fmt::format("{}: {} cannot read", option, choice.name),
                    "choose plain, line, json or json_lines");
    return std::make_unique<DecoderPool>(std::move(codec), choice.name);
  }

  HttpResponse refuse_unauthorized(const HttpRequest& request) {
    unauthorized_.add();
    HttpResponse response(401, "");
    if (request.header("authorization").empty())
      response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"Logstash HTTP Input\"");
    return response;
  }

  ChunkPtr decode(const Buffer& body, const HttpRequest& request, const ContentType& type, EventSink& sink) {
    ChunkPtr chunk = sink.new_chunk(body);
    const auto found = codecs_.find(type.media_type);
    DecoderPool& pool = found != codecs_.end() ? *found->second : *default_codec_;
    pool.decode(chunk->received().view(), *chunk);
    if (chunk->events().empty()) return chunk;
    fields_.apply(request, *chunk);
    decorations_.apply(*chunk);
    return chunk;
  }

  const HttpInputOptions options_;
  InputDecorations decorations_;
  RequestFields fields_;
  Counter& unauthorized_;
  Counter& too_many_;
  Counter& undecodable_;
  Counter& not_delivered_;
  std::unique_ptr<DecoderPool> default_codec_;
  std::map<std::string, std::unique_ptr<DecoderPool>> codecs_;
  std::atomic<std::uint64_t> open_requests_{0};
};

bool is_header_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

class HttpInput final : public Input {
 public:
  HttpInput(HttpInputOptions options, const PluginContext& context) : options_(std::move(options)) {
    if (options_.user.has_value() != options_.password.has_value())
      context.error(options_.user ? "user" : "password", "user and password belong together", "give both, or neither");
    if (options_.ssl_enabled)
      context.error("ssl_enabled", "ssl_enabled: TLS is not available in this version",
                    "end TLS in a proxy before this port");
    if (!options_.ssl_enabled && (options_.ssl_certificate || options_.ssl_key))
      context.warning("ssl_enabled", "the ssl_ options do nothing without ssl_enabled");
    for (const auto& [name, value] : options_.response_headers) {
      const bool is_name = !name.empty() && is_header_text(name) && name.find_first_of(" :") == std::string::npos;
      if (!is_name || !is_header_text(value))
        context.error("response_headers", fmt::format("response_headers: \"{}\" cannot be a header", name),
                      "leave out control characters");
    }
    service_ = std::make_shared<HttpIntake>(options_, context);
  }

  std::vector<Endpoint> endpoints() override {
    Endpoint endpoint;
    endpoint.host = options_.host;
    endpoint.port = static_cast<std::uint16_t>(options_.port);
    endpoint.idle_seconds = kIdleSeconds;
    endpoint.max_request_bytes = options_.max_content_length;
    endpoint.http = service_;
    return {endpoint};
  }

 private:
  HttpInputOptions options_;
  std::shared_ptr<HttpIntake> service_;
};

const RegisterInput registered(
    {.name = "http",
     .summary = "HTTP requests; each body is cut into events by a codec.",
     .make = make_input<HttpInput, http_input_options>,
     .details =
         R"(Any method and path. The codec is that of the request's media type in `additional_codecs`, else `codec`; bodies in another
charset than UTF-8 are converted. gzip and deflate bodies are inflated.

The answer (`response_code`, body `ok`) is sent when all events of the request are safe: with a memory queue when every output
has them (or `pipeline.acknowledge: queued` says otherwise), with a persisted queue when they are on disk. Other answers:
400 the request, its compression or its charset is broken; 401 `user` and `password` did not match; 408 not complete within 60
seconds; 413 over `max_content_length`; 415 unknown compression; 429 more than `max_pending_requests` wait for their answer; 503
not stored, send again. Events of a request that was not answered may be there all the same.

Without ECS events get `host` and `headers` (names in lower case with `_` for `-`, and `http_accept`, `http_host`,
`http_user_agent`, `http_version`, `request_method`, `request_path`). With ECS `[host][ip]`,
`[@metadata][input][http][request][headers]`, and what the event does not bring of `[http][version]`, `[http][method]`,
`[url][path]`, `[url][domain]`, `[url][port]`, `[user_agent][original]`, `[http][request][body][bytes]` and
`[http][request][mime_type]`. The Authorization header never enters an event.)"});

}  // namespace
}  // namespace logboom
