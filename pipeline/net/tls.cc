#include "pipeline/net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <csignal>
#include <string_view>

#include "pipeline/net/tls_limits.h"

namespace logboom {
namespace {

/// OpenSSL's newest complaint as text; the queue is emptied.
std::string openssl_reason() {
  std::string reason = "no reason given";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) {
    if (const char* text = ERR_reason_error_string(code); text != nullptr) reason = text;
  }
  ERR_clear_error();
  return reason;
}

Error wrong(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

int give_passphrase(char* room, int size, int, void* passphrase) {
  const auto& text = *static_cast<const std::string*>(passphrase);
  const auto length = std::min<std::size_t>(text.size(), static_cast<std::size_t>(std::max(0, size)));
  std::copy_n(text.data(), length, room);
  return static_cast<int>(length);
}

struct ContextCloser {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextHandle = std::unique_ptr<SSL_CTX, ContextCloser>;

struct BioCloser {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateCloser {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

Result<void> use_certificate(SSL_CTX* context, const std::string& certificate, const std::string& key,
                             const std::string& passphrase) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return wrong(
        fmt::format("the certificate \"{}\" cannot be read: {}; it must be a PEM file", certificate, openssl_reason()));
  SSL_CTX_set_default_passwd_cb(context, give_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context, const_cast<std::string*>(&passphrase));
  const int has_key = SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  if (has_key != 1)
    return wrong(
        fmt::format("the key \"{}\" cannot be used: {}; it must be an unencrypted PEM key, or ssl_key_passphrase must be "
                    "right, and it must belong to the certificate",
                    key, openssl_reason()));
  if (SSL_CTX_check_private_key(context) != 1)
    return wrong(fmt::format("the key \"{}\" does not belong to the certificate \"{}\"", key, certificate));
  return {};
}

/// Intermediate certificates that are sent behind the server's own.
Result<void> add_chain(SSL_CTX* context, const std::string& path) {
  const std::unique_ptr<BIO, BioCloser> file(BIO_new_file(path.c_str(), "r"));
  if (!file) return wrong(fmt::format("the chain file \"{}\" cannot be read: {}", path, openssl_reason()));
  std::size_t certificates = 0;
  for (;;) {
    std::unique_ptr<X509, CertificateCloser> certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    if (SSL_CTX_add_extra_chain_cert(context, certificate.get()) != 1)
      return wrong(fmt::format("a certificate of \"{}\" cannot be used: {}", path, openssl_reason()));
    (void)certificate.release();  // the context owns it
    ++certificates;
  }
  ERR_clear_error();
  if (certificates == 0) return wrong(fmt::format("the chain file \"{}\" holds no PEM certificate", path));
  return {};
}

Result<void> trust(SSL_CTX* context, const std::vector<std::string>& authorities) {
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();  // told to clients, so that they choose a fitting certificate
  SSL_CTX_set_client_CA_list(context, names);            // takes them over
  for (const std::string& path : authorities) {
    if (SSL_CTX_load_verify_file(context, path.c_str()) != 1)
      return wrong(fmt::format("the certificate authorities in \"{}\" cannot be read: {}; it must be a PEM file", path,
                               openssl_reason()));
    SSL_add_file_cert_subjects_to_stack(names, path.c_str());
    ERR_clear_error();
  }
  return {};
}

Result<void> limit_protocols(SSL_CTX* context, const std::vector<std::string>& protocols) {
  constexpr std::pair<std::string_view, int> kVersions[] = {
      {"TLSv1.1", TLS1_1_VERSION}, {"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};
  int lowest = TLS1_3_VERSION + 1;
  int highest = 0;
  for (const std::string& protocol : protocols) {
    const auto* found =
        std::find_if(std::begin(kVersions), std::end(kVersions), [&](const auto& known) { return known.first == protocol; });
    if (found == std::end(kVersions))
      return wrong(
          fmt::format("\"{}\" is no TLS version; choose among TLSv1.2 and TLSv1.3 (TLSv1.1 is for old peers)", protocol));
    lowest = std::min(lowest, found->second);
    highest = std::max(highest, found->second);
  }
  if (highest == 0) return {};
  SSL_CTX_set_min_proto_version(context, lowest);
  SSL_CTX_set_max_proto_version(context, highest);
  // A gap (1.1 and 1.3 without 1.2) is closed from inside.
  for (const auto& [name, version] : kVersions)
    if (version > lowest && version < highest && std::find(protocols.begin(), protocols.end(), name) == protocols.end())
      SSL_CTX_set_options(context, version == TLS1_2_VERSION ? SSL_OP_NO_TLSv1_2 : 0);
  if (lowest == TLS1_1_VERSION) SSL_CTX_set_security_level(context, 0);  // OpenSSL 3 calls 1.1 insecure, as it is
  return {};
}

/// TLS 1.3 suites (TLS_AES_…) and those of older versions are set apart in OpenSSL; IANA names of the latter are translated.
Result<void> choose_ciphers(SSL_CTX* context, const std::vector<std::string>& suites) {
  if (suites.empty()) return {};
  std::string newer;
  std::string older;
  for (const std::string& suite : suites) {
    const bool is_newer = suite.rfind("TLS_", 0) == 0 && suite.find("_WITH_") == std::string::npos;
    const char* translated = is_newer ? nullptr : OPENSSL_cipher_name(suite.c_str());
    const bool is_known = translated != nullptr && std::string_view(translated) != "(NONE)";
    std::string& list = is_newer ? newer : older;
    if (!list.empty()) list += ':';
    list += is_known ? translated : suite;
  }
  if (!newer.empty() && SSL_CTX_set_ciphersuites(context, newer.c_str()) != 1)
    return wrong(fmt::format("no TLS 1.3 cipher suite among \"{}\" is known; openssl ciphers -stdname lists them", newer));
  if (!older.empty() && SSL_CTX_set_cipher_list(context, older.c_str()) != 1)
    return wrong(fmt::format("no cipher suite among \"{}\" is known; openssl ciphers -stdname lists them", older));
  if (newer.empty()) SSL_CTX_set_ciphersuites(context, "");  // only what was listed
  return {};
}

ContextHandle make_context(const SSL_METHOD* method) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write(2)
  ContextHandle context(SSL_CTX_new(method));
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  return context;
}

}  // namespace

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const TlsContext>> TlsContext::for_server(const TlsServerSettings& settings) {
  ContextHandle context = make_context(TLS_server_method());
  if (auto done = use_certificate(context.get(), settings.certificate, settings.key, settings.key_passphrase); !done)
    return done.error();
  for (const std::string& path : settings.extra_chain_certificates)
    if (auto done = add_chain(context.get(), path); !done) return done.error();
  if (auto done = trust(context.get(), settings.certificate_authorities); !done) return done.error();
  if (auto done = limit_protocols(context.get(), settings.supported_protocols); !done) return done.error();
  if (auto done = choose_ciphers(context.get(), settings.cipher_suites); !done) return done.error();
  int verification = SSL_VERIFY_NONE;
  if (settings.client_authentication != TlsClientAuthentication::None) verification = SSL_VERIFY_PEER;
  if (settings.client_authentication == TlsClientAuthentication::Required) verification |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context.get(), verification, nullptr);
  constexpr unsigned char kSessionContext[] = "logboom";  // resumption with client certificates needs one
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release(), false));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::for_client(const TlsClientSettings& settings) {
  ContextHandle context = make_context(TLS_client_method());
  if (!settings.certificate.empty()) {
    if (auto done = use_certificate(context.get(), settings.certificate, settings.key, settings.key_passphrase); !done)
      return done.error();
  }
  if (settings.certificate_authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (auto done = trust(context.get(), settings.certificate_authorities); !done) {
    return done.error();
  }
  if (auto done = limit_protocols(context.get(), settings.supported_protocols); !done) return done.error();
  if (auto done = choose_ciphers(context.get(), settings.cipher_suites); !done) return done.error();
  SSL_CTX_set_verify(context.get(), settings.verification == TlsVerification::None ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  return std::shared_ptr<const TlsContext>(
      new TlsContext(context.release(), settings.verification == TlsVerification::Full));
}

Result<void> restrict_tls(ssl_ctx_st* context, const std::vector<std::string>& protocols,
                          const std::vector<std::string>& cipher_suites) {
  if (auto done = limit_protocols(context, protocols); !done) return done.error();
  return choose_ciphers(context, cipher_suites);
}

}  // namespace logboom
