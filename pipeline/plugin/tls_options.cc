#include "pipeline/plugin/tls_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

namespace logboom {
namespace {

/// Reports a path that cannot be opened at its option; true when all is well.
bool is_readable(const std::string& option, const std::string& path, const PluginContext& context) {
  if (access(path.c_str(), R_OK) == 0) return true;
  context.error(option, fmt::format("{}: the file \"{}\" cannot be read", option, path),
                "check the path, and that the user who runs Logboom may read the file");
  return false;
}

bool are_authorities_readable(const TlsOptions& options, const PluginContext& context) {
  bool is_fine = true;
  for (const std::string& path : options.ssl_certificate_authorities)
    is_fine &= is_readable("ssl_certificate_authorities", path, context);
  return is_fine;
}

void fill_both_sides(const TlsOptions& options, TlsSettings& settings) {
  settings.certificate = options.ssl_certificate;
  settings.key = options.ssl_key;
  settings.key_passphrase = options.ssl_key_passphrase.value;
  settings.certificate_authorities = options.ssl_certificate_authorities;
  settings.supported_protocols = options.ssl_supported_protocols;
  settings.cipher_suites = options.ssl_cipher_suites;
}

std::shared_ptr<const TlsContext> made_or_reported(Result<std::shared_ptr<const TlsContext>> made,
                                                   const PluginContext& context) {
  if (made) return std::move(*made);
  context.error("ssl_enabled", "TLS cannot be set up: " + made.error().message);
  return nullptr;
}

}  // namespace

std::shared_ptr<const TlsContext> tls_server_context(const TlsServerOptions& options, const PluginContext& context) {
  if (!options.ssl_enabled) {
    for (const char* name : {"ssl_certificate", "ssl_key"})
      if (context.written(name) != nullptr)
        context.warning(name,
                        fmt::format("{} does nothing without ssl_enabled => true: connections are not encrypted", name));
    return nullptr;
  }
  bool is_fine = true;
  for (const auto& [name, path] :
       {std::pair("ssl_certificate", &options.ssl_certificate), std::pair("ssl_key", &options.ssl_key)}) {
    if (path->empty()) {
      context.error("ssl_enabled", fmt::format("ssl_enabled needs {}", name), "give a PEM file");
      is_fine = false;
    } else {
      is_fine &= is_readable(name, *path, context);
    }
  }
  for (const std::string& path : options.ssl_extra_chain_certs)
    is_fine &= is_readable("ssl_extra_chain_certs", path, context);
  is_fine &= are_authorities_readable(options, context);
  if (options.ssl_client_authentication != "none" && options.ssl_certificate_authorities.empty()) {
    context.error(
        "ssl_client_authentication",
        fmt::format("ssl_client_authentication => {} needs ssl_certificate_authorities", options.ssl_client_authentication),
        "name the certificates that clients' certificates are signed by");
    is_fine = false;
  }
  if (!is_fine) return nullptr;
  TlsServerSettings settings;
  fill_both_sides(options, settings);
  settings.extra_chain_certificates = options.ssl_extra_chain_certs;
  settings.client_authentication = options.ssl_client_authentication == "required"   ? TlsClientAuthentication::Required
                                   : options.ssl_client_authentication == "optional" ? TlsClientAuthentication::Optional
                                                                                     : TlsClientAuthentication::None;
  return made_or_reported(TlsContext::for_server(settings), context);
}

std::shared_ptr<const TlsContext> tls_client_context(const TlsClientOptions& options, const PluginContext& context) {
  if (!options.ssl_enabled) return nullptr;
  bool is_fine = are_authorities_readable(options, context);
  if (options.ssl_certificate.empty() != options.ssl_key.empty()) {
    context.error(options.ssl_certificate.empty() ? "ssl_key" : "ssl_certificate",
                  "ssl_certificate and ssl_key go together");
    is_fine = false;
  }
  if (!options.ssl_certificate.empty()) is_fine &= is_readable("ssl_certificate", options.ssl_certificate, context);
  if (!options.ssl_key.empty()) is_fine &= is_readable("ssl_key", options.ssl_key, context);
  if (!is_fine) return nullptr;
  TlsClientSettings settings;
  fill_both_sides(options, settings);
  settings.verification = options.ssl_verification_mode == "none"          ? TlsVerification::None
                          : options.ssl_verification_mode == "certificate" ? TlsVerification::Certificate
                                                                           : TlsVerification::Full;
  return made_or_reported(TlsContext::for_client(settings), context);
}

std::string read_certificate_authorities(const std::vector<std::string>& files, const PluginContext& context) {
  std::string all;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string pem((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (pem.find("-----BEGIN") == std::string::npos)
      context.error("ssl_certificate_authorities",
                    fmt::format("ssl_certificate_authorities: {} holds no PEM certificate", file));
    all += pem + "\n";
  }
  return all;
}

}  // namespace logboom
