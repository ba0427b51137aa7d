// The ssl_ options that listening inputs share, under the names that Logstash users know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/net/tls.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"

namespace logboom {

/// An input's options struct derives from this.
struct TlsServerOptions {
  bool ssl_enabled = false;
  std::string ssl_certificate;
  std::string ssl_key;
  Secret ssl_key_passphrase;
  std::vector<std::string> ssl_extra_chain_certs;
  std::vector<std::string> ssl_certificate_authorities;
  std::string ssl_client_authentication = "none";
  std::vector<std::string> ssl_supported_protocols = {"TLSv1.2", "TLSv1.3"};
  std::vector<std::string> ssl_cipher_suites;
  std::uint64_t ssl_handshake_timeout = 10'000;
};

/// Declares the options in a table whose options struct derives from TlsServerOptions.
template <class Options>
void declare_tls_server_options(OptionTable<Options>& table) {
  const auto member = [](auto TlsServerOptions::*of_base) {
    using Member = std::remove_reference_t<decltype(std::declval<TlsServerOptions&>().*of_base)>;
    return static_cast<Member Options::*>(of_base);
  };
  using O = TlsServerOptions;
  table.optional("ssl_enabled", member(&O::ssl_enabled), "Speaks TLS.");
  table.optional("ssl_certificate", member(&O::ssl_certificate),
                 "The server's certificate, PEM; its chain may follow in the file.");
  table.optional("ssl_key", member(&O::ssl_key), "The certificate's private key, PEM.");
  table.optional("ssl_key_passphrase", member(&O::ssl_key_passphrase), "Passphrase of the key.");
  table.optional("ssl_extra_chain_certs", member(&O::ssl_extra_chain_certs),
                 "Files with intermediate certificates to send along.");
  table.optional("ssl_certificate_authorities", member(&O::ssl_certificate_authorities),
                 "Files with certificates that clients' certificates are checked against.");
  table.optional("ssl_client_authentication", member(&O::ssl_client_authentication), "Whether clients need a certificate.")
      .one_of({"none", "optional", "required"});
  table.optional("ssl_supported_protocols", member(&O::ssl_supported_protocols), "TLS versions that are spoken.")
      .one_of({"TLSv1.1", "TLSv1.2", "TLSv1.3"});
  table.optional("ssl_cipher_suites", member(&O::ssl_cipher_suites),
                 "Cipher suites, by IANA or OpenSSL name, the best first; OpenSSL's own choice when empty.");
  table.optional("ssl_handshake_timeout", member(&O::ssl_handshake_timeout), "Milliseconds that a handshake may take.");
}

/// The settings of a listening address, or nothing when TLS is off (or wrong: that is reported at its option).
std::optional<TlsServerSettings> tls_server_settings(const TlsServerOptions& options, const PluginContext& context);

}  // namespace logboom
