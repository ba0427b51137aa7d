#include "tests/support/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <initializer_list>
#include <utility>

namespace logboom {
namespace {

using NameParts = std::initializer_list<std::pair<const char*, const char*>>;

X509_NAME* name_of(NameParts parts) {
  X509_NAME* name = X509_NAME_new();
  for (const auto& [kind, text] : parts)
    X509_NAME_add_entry_by_txt(name, kind, MBSTRING_ASC, reinterpret_cast<const unsigned char*>(text), -1, -1, 0);
  return name;
}

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  REQUIRE(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

struct Signed {
  X509* certificate;
  EVP_PKEY* key;
};

/// Signed by `issuer`, or by itself as an authority.
Signed make(NameParts subject, const Signed* issuer, const char* alternative_names, long valid_days = 365) {
  static long serial = 1;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600 - (valid_days < 0 ? 86400L * 365 : 0));
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * valid_days);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = name_of(subject);
  X509_set_subject_name(certificate, name);
  X509_set_issuer_name(certificate, issuer != nullptr ? X509_get_subject_name(issuer->certificate) : name);
  X509_NAME_free(name);
  X509* const issued_by = issuer != nullptr ? issuer->certificate : certificate;
  extend(certificate, issued_by, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  extend(certificate, issued_by, NID_subject_key_identifier, "hash");
  if (alternative_names != nullptr) extend(certificate, issued_by, NID_subject_alt_name, alternative_names);
  REQUIRE(X509_sign(certificate, issuer != nullptr ? issuer->key : key, EVP_sha256()) != 0);
  return {certificate, key};
}

void write_certificate(const std::filesystem::path& path, X509* certificate) {
  FILE* file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_X509(file, certificate);
  std::fclose(file);
}

void write_key(const std::filesystem::path& path, EVP_PKEY* key, std::string passphrase = {}) {
  FILE* file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_PrivateKey(file, key, passphrase.empty() ? nullptr : EVP_aes_128_cbc(),
                       passphrase.empty() ? nullptr : reinterpret_cast<unsigned char*>(passphrase.data()),
                       static_cast<int>(passphrase.size()), nullptr, nullptr);
  std::fclose(file);
}

}  // namespace

TestCertificates::TestCertificates() {
  std::string pattern = (std::filesystem::temp_directory_path() / "logboom-certificates-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  const Signed authority = make({{"CN", "Logboom test authority"}}, nullptr, nullptr);
  const Signed elsewhere = make({{"CN", "Somebody else"}}, nullptr, nullptr);
  const Signed server = make({{"CN", "localhost"}}, &authority, "DNS:localhost,IP:127.0.0.1");
  const Signed client = make({{"O", "Logboom"}, {"CN", "shipper"}}, &authority, nullptr);
  const Signed stranger = make({{"CN", "stranger"}}, &elsewhere, nullptr);
  const Signed expired = make({{"CN", "localhost"}}, &authority, "DNS:localhost,IP:127.0.0.1", -1);
  const Signed other_host = make({{"CN", "other.example"}}, &authority, "DNS:other.example");
  const Signed foreign = make({{"CN", "localhost"}}, &elsewhere, "DNS:localhost,IP:127.0.0.1");
  write_certificate(folder_ / "ca.pem", authority.certificate);
  write_key(folder_ / "server-locked.key", server.key, "open sesame");
  const std::pair<const char*, const Signed&> pairs[] = {{"server", server},         {"client", client},
                                                         {"stranger", stranger},     {"expired", expired},
                                                         {"other-host", other_host}, {"foreign", foreign}};
  for (const auto& [name, made] : pairs) {
    write_certificate(folder_ / (std::string(name) + ".pem"), made.certificate);
    write_key(folder_ / (std::string(name) + ".key"), made.key);
  }
  for (const Signed& made : {authority, elsewhere, server, client, stranger, expired, other_host, foreign}) {
    X509_free(made.certificate);
    EVP_PKEY_free(made.key);
  }
}

TestCertificates::~TestCertificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace logboom
