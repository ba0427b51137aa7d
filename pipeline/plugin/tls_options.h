// The ssl_ options that listening inputs and connecting plugins share, under the names that Logstash users know.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/net/tls.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"

namespace logboom {

/// What both sides of a connection have.
struct TlsOptions {
  bool ssl_enabled = false;
  std::string ssl_certificate;
  std::string ssl_key;
  Secret ssl_key_passphrase;
  std::vector<std::string> ssl_certificate_authorities;
  std::vector<std::string> ssl_supported_protocols = {"TLSv1.2", "TLSv1.3"};
  std::vector<std::string> ssl_cipher_suites;
};

/// A listening input's options struct derives from this.
struct TlsServerOptions : TlsOptions {
  std::vector<std::string> ssl_extra_chain_certs;
  std::string ssl_client_authentication = "none";
  std::uint64_t ssl_handshake_timeout = 10'000;
};

/// The options struct of a plugin that connects derives from this.
struct TlsClientOptions : TlsOptions {
  std::string ssl_verification_mode = "full";
};

/// The settings of a listening address (Endpoint::tls), or nullptr when TLS is off or wrong: that is reported at its option.
/// Reads the files, so that a configuration check finds what is wrong with them.
std::shared_ptr<const TlsContext> tls_server_context(const TlsServerOptions& options, const PluginContext& context);
/// The same for connections that the plugin makes.
std::shared_ptr<const TlsContext> tls_client_context(const TlsClientOptions& options, const PluginContext& context);

/// The PEM texts of these files, one behind the other: for a client that takes no context. What holds no certificate is
/// reported at the option ssl_certificate_authorities.
std::string read_certificate_authorities(const std::vector<std::string>& files, const PluginContext& context);

namespace tls_options_detail {

/// A member of a base class as a member of the options struct that the table is about.
template <class Options, class Base, class Member>
constexpr Member Options::*of(Member Base::*member) {
  return static_cast<Member Options::*>(member);
}

template <class Options>
void declare_both_sides(OptionTable<Options>& table) {
  using O = TlsOptions;
  table.optional("ssl_enabled", of<Options>(&O::ssl_enabled), "Speaks TLS.");
  table.optional("ssl_certificate", of<Options>(&O::ssl_certificate),
                 "Our certificate, PEM; its chain may follow in the file.");
  table.optional("ssl_key", of<Options>(&O::ssl_key), "The certificate's private key, PEM.");
  table.optional("ssl_key_passphrase", of<Options>(&O::ssl_key_passphrase), "Passphrase of the key.");
  table.optional("ssl_certificate_authorities", of<Options>(&O::ssl_certificate_authorities),
                 "Files with the certificates that peers' certificates are checked against.");
  table.optional("ssl_supported_protocols", of<Options>(&O::ssl_supported_protocols), "TLS versions that are spoken.")
      .one_of({"TLSv1.1", "TLSv1.2", "TLSv1.3"});
  table.optional("ssl_cipher_suites", of<Options>(&O::ssl_cipher_suites),
                 "Cipher suites by IANA or OpenSSL name, the best first; OpenSSL's own choice when empty.");
}

}  // namespace tls_options_detail

/// Declares the options in a table whose options struct derives from TlsServerOptions.
template <class Options>
void declare_tls_server_options(OptionTable<Options>& table) {
  using tls_options_detail::of;
  using O = TlsServerOptions;
  tls_options_detail::declare_both_sides(table);
  table.optional("ssl_extra_chain_certs", of<Options>(&O::ssl_extra_chain_certs),
                 "Files with intermediate certificates to send along.");
  table
      .optional("ssl_client_authentication", of<Options>(&O::ssl_client_authentication),
                "Whether clients need a certificate.")
      .one_of({"none", "optional", "required"});
  table.optional("ssl_handshake_timeout", of<Options>(&O::ssl_handshake_timeout), "Milliseconds that a handshake may take.")
      .at_least(1);
}

/// Declares the options in a table whose options struct derives from TlsClientOptions.
template <class Options>
void declare_tls_client_options(OptionTable<Options>& table) {
  using tls_options_detail::of;
  using O = TlsClientOptions;
  tls_options_detail::declare_both_sides(table);
  table
      .optional("ssl_verification_mode", of<Options>(&O::ssl_verification_mode),
                "full: the server's certificate and the name in it are checked; certificate: not the name; none: neither.")
      .one_of({"full", "certificate", "none"});
}

}  // namespace logboom
