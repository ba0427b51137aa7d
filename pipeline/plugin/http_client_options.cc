#include "pipeline/plugin/http_client_options.h"

#include <fmt/format.h>

#include "pipeline/net/tls.h"
#include "pipeline/plugin/tls_options.h"

namespace logboom {
namespace {

/// A hash is put together to the address that the client wants.
std::string proxy_address(const ConfigValue& proxy, const PluginContext& context) {
  if (proxy.kind != ConfigValue::Kind::Hash) return proxy.text;
  std::string scheme = "http", host, port, user, password;
  for (const auto& [name, value] : proxy.entries) {
    std::string* const part = name.text == "scheme"     ? &scheme
                              : name.text == "host"     ? &host
                              : name.text == "port"     ? &port
                              : name.text == "user"     ? &user
                              : name.text == "password" ? &password
                                                        : nullptr;
    if (part != nullptr) {
      *part = value.text;
    } else if (name.text == "url") {
      return value.text;
    } else {
      context.error(name.span, fmt::format("proxy: there is no \"{}\"", name.text),
                    "(proxy: url, or host, port, scheme, user, password)");
    }
  }
  if (host.empty()) context.error("proxy", "proxy: names no host", "proxy => { host => \"proxy\" port => 3128 }");
  const std::string login = user.empty() ? "" : percent_encoded(user) + ":" + percent_encoded(password) + "@";
  return scheme + "://" + login + host + (port.empty() ? "" : ":" + port);
}

/// Says before any request what would fail in every one.
void check_tls(const HttpTlsOptions& options, const PluginContext& context) {
  TlsClientSettings settings;
  settings.certificate = options.ssl_certificate.value_or("");
  settings.key = options.ssl_key.value_or("");
  if (options.ssl_key_passphrase) settings.key_passphrase = options.ssl_key_passphrase->value;
  settings.supported_protocols = options.ssl_supported_protocols;
  settings.cipher_suites = options.ssl_cipher_suites;
  if (settings.certificate.empty() != settings.key.empty()) {
    context.error(settings.key.empty() ? "ssl_certificate" : "ssl_key", "ssl_certificate and ssl_key belong together",
                  "give both, or neither");
  } else if (auto made = TlsContext::for_client(settings); !made) {
    context.error(settings.certificate.empty() ? "ssl_cipher_suites" : "ssl_certificate", made.error().message);
  }
}

}  // namespace

void read_http_tls_options(const HttpTlsOptions& options, const PluginContext& context, HttpClientOptions& to) {
  to.verifies_peer = options.ssl_verification_mode != "none";
  to.verifies_name = options.ssl_verification_mode == "full";
  to.certificate_file = options.ssl_certificate.value_or("");
  to.key_file = options.ssl_key.value_or("");
  if (options.ssl_key_passphrase) to.key_passphrase = options.ssl_key_passphrase->value;
  to.tls_protocols = options.ssl_supported_protocols;
  to.cipher_suites = options.ssl_cipher_suites;
  to.authorities_pem = read_certificate_authorities(options.ssl_certificate_authorities, context);
}

HttpClientOptions http_client_options(const HttpPluginOptions& options, const PluginContext& context) {
  HttpClientOptions made;
  made.max_transfers = options.pool_max;
  made.max_transfers_per_host = options.pool_max_per_route;
  made.request_seconds = options.request_timeout.seconds;
  made.connect_seconds = options.connect_timeout.seconds;
  made.silence_seconds = options.socket_timeout.seconds;
  made.follows_redirects = options.follow_redirects;
  made.keeps_connections = options.keepalive;
  made.keeps_cookies = options.cookies;
  if (options.proxy) made.proxy = proxy_address(*options.proxy, context);
  made.user = options.user.value_or("");
  if (options.password) made.password = options.password->value;
  if (options.user.has_value() != options.password.has_value())
    context.error(options.user ? "user" : "password", "user and password belong together", "give both, or neither");
  check_tls(options, context);
  read_http_tls_options(options, context, made);
  return made;
}

}  // namespace logboom
