// http: requests whose bodies a codec cuts into events; answered when the events are safe.
// Tested by tests/plugins/inputs/http_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/plugin/registry.h"
#include "plugins/inputs/http/elasticsearch_service.h"
#include "plugins/inputs/http/intake.h"

namespace logboom {
namespace {

OptionTable<HttpInputOptions> http_input_options() {
  using O = HttpInputOptions;
  OptionTable<O> table;
  declare_http_server_options(table);
  table.optional("codec", &O::codec, "For media types that additional_codecs does not name.");
  table.optional("additional_codecs", &O::additional_codecs, "Codec by media type.");
  table.optional("threads", &O::threads, "Accepted for compatibility: the server's I/O threads serve all inputs.");
  table.optional("response_code", &O::response_code, "Status when all is well.").one_of({"200", "201", "202", "204"});
  table.optional("response_headers", &O::response_headers, "Headers of every answer to an accepted request.");
  table.optional("remote_host_target_field", &O::remote_host_target_field,
                 "Field for the peer's address: host, with ECS [host][ip].");
  table.optional("request_headers_target_field", &O::request_headers_target_field,
                 "Field for the request's headers: headers, with ECS [@metadata][input][http][request][headers].");
  table.optional("elasticsearch_api", &O::elasticsearch_api,
                 "Speaks as Elasticsearch, for senders that know nothing else; see below.");
  table.optional("elasticsearch_version", &O::elasticsearch_version, "Version that such senders are told.");
  table.alias("ssl", "ssl_enabled", "it is called ssl_enabled");
  table.alias("cipher_suites", "ssl_cipher_suites", "it is called ssl_cipher_suites");
  table.optional("ssl_verify_mode", &O::ssl_verify_mode, "Whether clients need a certificate.")
      .one_of({"none", "peer", "force_peer"})
      .deprecated("it is called ssl_client_authentication: none, optional, required");
  table.alias("verify_mode", "ssl_verify_mode", "it is called ssl_client_authentication: none, optional, required");
  table.optional("tls_min_version", &O::tls_min_version, "Oldest version of TLS: 1.1, 1.2 or 1.3.")
      .deprecated("list the versions in ssl_supported_protocols");
  table.optional("tls_max_version", &O::tls_max_version, "Newest version of TLS: 1.1, 1.2 or 1.3.")
      .deprecated("list the versions in ssl_supported_protocols");
  for (const char* name :
       {"keystore", "keystore_password", "ssl_keystore_path", "ssl_keystore_password", "ssl_keystore_type"})
    table.obsolete(
        name,
        "key stores are not read: write certificate and key to PEM files (openssl pkcs12 -in FILE -nodes) and give "
        "them with ssl_certificate and ssl_key");
  for (const char* name : {"ssl_truststore_path", "ssl_truststore_password", "ssl_truststore_type"})
    table.obsolete(
        name,
        "trust stores are not read: write their certificates to a PEM file (keytool -exportcert -rfc) and give it "
        "with ssl_certificate_authorities");
  return table;
}

bool is_header_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void check_response_headers(const TextHash& headers, const PluginContext& context) {
  for (const auto& [name, value] : headers) {
    const bool is_name = !name.empty() && is_header_text(name) && name.find_first_of(" :") == std::string::npos;
    if (!is_name || !is_header_text(value))
      context.error("response_headers", fmt::format("response_headers: \"{}\" cannot be a header", name),
                    "leave out control characters");
  }
}

/// Puts the older spellings into the options that take their place, unless those are given too.
void apply_older_spellings(HttpInputOptions& options, const PluginContext& context) {
  if (options.ssl_verify_mode && context.written("ssl_client_authentication") == nullptr) {
    const std::string& mode = *options.ssl_verify_mode;
    options.ssl_client_authentication = mode == "force_peer" ? "required" : mode == "peer" ? "optional" : "none";
  }
  const bool has_bounds = options.tls_min_version || options.tls_max_version;
  if (!has_bounds || context.written("ssl_supported_protocols") != nullptr) return;
  options.ssl_supported_protocols.clear();
  constexpr std::pair<double, const char*> kVersions[] = {{1.1, "TLSv1.1"}, {1.2, "TLSv1.2"}, {1.3, "TLSv1.3"}};
  for (const auto& [number, name] : kVersions)
    if (number >= options.tls_min_version.value_or(1.2) - 0.01 && number <= options.tls_max_version.value_or(1.3) + 0.01)
      options.ssl_supported_protocols.emplace_back(name);
  if (options.ssl_supported_protocols.empty())
    context.error(options.tls_max_version ? "tls_max_version" : "tls_min_version",
                  "no version of TLS lies between tls_min_version and tls_max_version",
                  "list the versions in ssl_supported_protocols");
}

class HttpInput final : public Input {
 public:
  HttpInput(HttpInputOptions options, const PluginContext& context) {
    apply_older_spellings(options, context);
    check_response_headers(options.response_headers, context);
    endpoint_ = HttpGate::endpoint_for(options, context);
    if (options.elasticsearch_api) {
      endpoint_.http = std::make_shared<ElasticsearchService>(options, context);
    } else {
      endpoint_.http = std::make_shared<HttpIntake>(options, context);
    }
  }

  std::vector<Endpoint> endpoints() override { return {endpoint_}; }

 private:
  Endpoint endpoint_;
};

const RegisterInput registered(
    {.name = "http",
     .summary = "HTTP requests; each body is cut into events by a codec.",
     .make = make_input<HttpInput, http_input_options>,
     .details =
         R"(Any method but CONNECT and TRACE, any path. The codec is that of the request's media type in `additional_codecs`, else
`codec`; bodies in another charset than UTF-8 are converted. Bodies in gzip, deflate and zstd are decompressed; they may come
in chunks. A GET or HEAD request without a body, as health checks send it, is answered like any other, and as in Logstash the
codec `plain` makes an event of it.

The answer (`response_code`, body `ok`) is sent when all events of the request are safe: with a memory queue when every output
has them (or `pipeline.acknowledge: queued` says otherwise), with a persisted queue when they are on disk. Other answers say
why in their body:

| status | when |
| --- | --- |
| 400 | the request, its compression or its charset is broken |
| 401 | `user` and `password` did not match |
| 403 | `cors_allowed_origins` does not name the page's origin |
| 405 | CONNECT or TRACE |
| 408 | not complete within 60 seconds |
| 413 | over `max_content_length`, as sent or as decompressed |
| 415 | unknown compression |
| 429 | the queue is full and `max_pending_requests` wait already: send again after `Retry-After` seconds |
| 503 | not stored, or not within `response_timeout`, or too many large bodies at once: send again after `Retry-After` seconds |

Requests with wrong credentials, and those beyond `max_pending_requests`, are answered before their bodies are read. Events of a
request that was answered with 503, or not at all, may be there all the same: whoever sends again may double them.

Without ECS events get `host` and `headers` (names in lower case with `_` for `-`, and `http_accept`, `http_host`,
`http_user_agent`, `http_version`, `request_method`, `request_path`). With ECS `[host][ip]`,
`[@metadata][input][http][request][headers]`, `[http][version]`, `[http][method]`, `[url][path]`, `[url][domain]`, `[url][port]`,
`[user_agent][original]`, `[http][request][body][bytes]` and `[http][request][mime_type]`. As in Logstash they take the place of
what the event brings there. The Authorization header never enters an event.

Counters: `pending_requests` (waiting for their answer), `held_requests` (of those, waiting for room in the queue),
`refused_pending`, `response_timeouts`, `not_delivered`, `unauthorized`, `undecodable`; of the listener `requests`, `answers_2xx`,
`answers_4xx`, `answers_5xx`, `bad_requests`, `too_large_requests`, `request_timeouts`.

Older spellings: `ssl`, `cipher_suites`, `verify_mode`, `ssl_verify_mode`, `tls_min_version` and `tls_max_version` are read, with
a warning. Java key stores and trust stores are refused with the way out.

### elasticsearch_api

With `elasticsearch_api => true` the port looks like an Elasticsearch server, so that Beats, Elastic Agent, Fluent Bit's `es`
output and Elasticsearch's own clients deliver into Logboom without a change but the address. `codec`, `additional_codecs` and the
`response_` options do nothing then.

| request | answer |
| --- | --- |
| POST, PUT `/_bulk`, `/{index}/_bulk` | `index` and `create` actions become events; `items` with a status for each, `errors` when one failed. `update` and `delete` are errors of their items. With a `filter_path` the items hold status and error only |
| POST, PUT `/{index}/_doc[/{id}]`, `/{index}/_create/{id}` | one event, 201 |
| GET, HEAD `/` | the greeting, with `elasticsearch_version` |
| GET `/_license`, `/_xpack`, `/_nodes…`, `/_cluster/…` | an active basic license, one node, green |
| GET, HEAD `/{index}`, `/_template…`, `/_index_template…`, `/_component_template…`, `/_ilm…`, `/_slm…`, `/_ingest…`, `/_data_stream…`, `/_alias…`, `/_cat…`, `/_security…`, `/{index}/_mapping`, `/{index}/_settings`, `/{index}/_alias` | 200 `{}`: whatever is asked for is there, so nobody sets it up |
| PUT, POST, DELETE on the same | 200 `{"acknowledged":true}`, and nothing happens |
| anything else | 400 or 405: documents are taken, not kept |

Each answer has the header `X-Elastic-Product`. Documents become events as they are; what their sender wanted is in
`[@metadata][elasticsearch]` (`op`, and where given `index`, `id`, `routing`, `pipeline`), ready for an elasticsearch output, and
the sender's address in `[@metadata][ip_address]`. A document that is no JSON object is an error of its item, as is one without
an index. `user` and `password` may come by basic authentication or as an API key `user:password`. The answer says 201 when the
events are safe; 429 and 503 are as above, for the request as a whole, and these senders send it again.)"});

}  // namespace
}  // namespace logboom
