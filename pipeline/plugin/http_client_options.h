// The options of plugins that send requests to web services, under Logstash's names, and the client that they describe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "pipeline/net/http_client.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"

namespace logboom {

/// How services are spoken to over TLS. An options struct derives from this, or from HttpPluginOptions below.
struct HttpTlsOptions {
  std::string ssl_verification_mode = "full";
  std::vector<std::string> ssl_certificate_authorities;
  std::optional<std::string> ssl_certificate;
  std::optional<std::string> ssl_key;
  std::optional<Secret> ssl_key_passphrase;
  std::vector<std::string> ssl_supported_protocols;
  std::vector<std::string> ssl_cipher_suites;
};

/// An options struct derives from this.
struct HttpPluginOptions : HttpTlsOptions {
  std::optional<std::string> user;
  std::optional<Secret> password;
  std::optional<ConfigValue> proxy;
  Duration request_timeout{60};
  Duration socket_timeout{10};
  Duration connect_timeout{10};
  std::uint64_t pool_max = 50;
  std::uint64_t pool_max_per_route = 25;
  bool follow_redirects = true;
  bool keepalive = true;
  bool cookies = true;
  std::uint64_t automatic_retries = 1;
  bool retry_non_idempotent = false;
  std::uint64_t validate_after_inactivity = 200;
  std::optional<bool> ssl_enabled;
};

/// Declares them in a table whose options struct derives from HttpTlsOptions.
template <class Options>
void declare_http_tls_options(OptionTable<Options>& table) {
  const auto of = [](auto HttpTlsOptions::*member) {
    using Member = std::remove_reference_t<decltype(std::declval<HttpTlsOptions&>().*member)>;
    return static_cast<Member Options::*>(member);
  };
  using O = HttpTlsOptions;
  table
      .optional("ssl_verification_mode", of(&O::ssl_verification_mode),
                "full: the service's certificate and the name in it are checked; certificate: not the name; none: neither.")
      .one_of({"full", "certificate", "none"});
  table
      .optional("ssl_certificate_authorities", of(&O::ssl_certificate_authorities),
                "PEM files to trust instead of the system's.")
      .must_exist();
  table.optional("ssl_certificate", of(&O::ssl_certificate), "PEM certificate of this client.").must_exist();
  table.optional("ssl_key", of(&O::ssl_key), "PEM key of this client.").must_exist();
  table.optional("ssl_key_passphrase", of(&O::ssl_key_passphrase), "Passphrase of the key.");
  table
      .optional("ssl_supported_protocols", of(&O::ssl_supported_protocols),
                "TLS versions that are spoken; both when not given.")
      .one_of({"TLSv1.2", "TLSv1.3"});
  table.optional("ssl_cipher_suites", of(&O::ssl_cipher_suites),
                 "Cipher suites, by IANA or OpenSSL name; OpenSSL's own choice when not given.");
  for (const char* name : {"ssl_keystore_path", "ssl_keystore_password", "ssl_keystore_type", "keystore"})
    table.obsolete(name, "give PEM files with ssl_certificate and ssl_key");
  for (const char* name : {"ssl_truststore_path", "ssl_truststore_password", "ssl_truststore_type", "truststore"})
    table.obsolete(name, "give PEM files with ssl_certificate_authorities");
}

/// Declares them in a table whose options struct derives from HttpPluginOptions.
template <class Options>
void declare_http_client_options(OptionTable<Options>& table) {
  const auto of = [](auto HttpPluginOptions::*member) {
    using Member = std::remove_reference_t<decltype(std::declval<HttpPluginOptions&>().*member)>;
    return static_cast<Member Options::*>(member);
  };
  using O = HttpPluginOptions;
  table.optional("user", of(&O::user), "User for basic authentication.");
  table.optional("password", of(&O::password), "Password for the user.");
  table.optional("proxy", of(&O::proxy),
                 "Proxy, for example http://proxy:3128, or a hash of host, port, scheme, user and password.");
  table.optional("request_timeout", of(&O::request_timeout), "Seconds for a whole request.").at_least(0.001);
  table.optional("socket_timeout", of(&O::socket_timeout), "Seconds without a byte after which a request has failed.");
  table.optional("connect_timeout", of(&O::connect_timeout), "Seconds to connect.").at_least(0.001);
  table.optional("pool_max", of(&O::pool_max), "Requests at the same time.").at_least(1).at_most(10000);
  table.optional("pool_max_per_route", of(&O::pool_max_per_route), "Connections to one host at the same time.")
      .at_least(1)
      .at_most(10000);
  table.optional("follow_redirects", of(&O::follow_redirects), "Follows up to ten redirects.");
  table.optional("keepalive", of(&O::keepalive), "Uses connections again.");
  table.optional("cookies", of(&O::cookies), "Keeps the cookies that the service sets.");
  table
      .optional("automatic_retries", of(&O::automatic_retries),
                "Times that a request without an answer is sent again at once.")
      .at_most(10);
  table.optional("retry_non_idempotent", of(&O::retry_non_idempotent),
                 "Accepted for compatibility: requests of every method are sent again.");
  table.optional("validate_after_inactivity", of(&O::validate_after_inactivity),
                 "Accepted for compatibility: connections are always checked.");
  table.optional("ssl_enabled", of(&O::ssl_enabled), "Speaks TLS to hosts whose address does not say; a URL does say it.");
  declare_http_tls_options(table);
  table.obsolete("cacert", "it is called ssl_certificate_authorities");
  table.obsolete("client_cert", "it is called ssl_certificate");
  table.obsolete("client_key", "it is called ssl_key");
  table.obsolete("verify_ssl", "it is called ssl_verification_mode");
}

/// Sets what the options say in a client's. Files are read, and those that cannot be are reported.
void read_http_tls_options(const HttpTlsOptions& options, const PluginContext& context, HttpClientOptions& to);

/// The client that the options describe. What can never work is reported at its option, files included.
HttpClientOptions http_client_options(const HttpPluginOptions& options, const PluginContext& context);

}  // namespace logboom
