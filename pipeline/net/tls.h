// TLS as options describe it, and what a finished handshake tells of the peer. OpenSSL stays out of this header.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/result.h"

struct ssl_ctx_st;

namespace logboom {

enum class TlsClientAuthentication { None, Optional, Required };

/// What both sides of a connection have. Paths name PEM files.
struct TlsSettings {
  std::string certificate;  // of this side; may hold the chain behind it. Empty: none, which only a client can do without
  std::string key;
  std::string key_passphrase;
  std::vector<std::string> certificate_authorities;  // that the peer's certificate is checked against
  std::vector<std::string> supported_protocols = {"TLSv1.2", "TLSv1.3"};
  std::vector<std::string> cipher_suites;  // IANA or OpenSSL names; empty: OpenSSL's default
};

/// What a listening address needs for TLS.
struct TlsServerSettings : TlsSettings {
  std::vector<std::string> extra_chain_certificates;
  TlsClientAuthentication client_authentication = TlsClientAuthentication::None;
};

enum class TlsVerification { Full, Certificate, None };

/// What a connection that we make needs for TLS. Without authorities the system's count.
struct TlsClientSettings : TlsSettings {
  TlsVerification verification = TlsVerification::Full;
};

/// One connection's handshake, as events may name it.
struct TlsSession {
  std::string protocol;        // "TLSv1.3"
  std::string cipher;          // "TLS_AES_256_GCM_SHA384"
  std::string client_subject;  // RFC 2253 name in the client's certificate; empty without one
};

/// A compiled context, shared by connections. Immutable; any thread.
class TlsContext {
 public:
  /// Reads the files. InvalidArgument names the file or word that is wrong, and a remedy.
  static Result<std::shared_ptr<const TlsContext>> for_server(const TlsServerSettings& settings);
  static Result<std::shared_ptr<const TlsContext>> for_client(const TlsClientSettings& settings);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ssl_ctx_st* native() const { return context_; }
  /// Whether, as a client, the name in the certificate must be the host's.
  bool verifies_name() const { return verifies_name_; }

 private:
  TlsContext(ssl_ctx_st* context, bool verifies_name) : context_(context), verifies_name_(verifies_name) {}
  ssl_ctx_st* context_;
  bool verifies_name_;
};

}  // namespace logboom
