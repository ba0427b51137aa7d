#include "pipeline/net/fluent_handshake.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <new>

namespace logboom {

std::string fluent_digest(std::initializer_list<std::string_view> parts) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  if (context == nullptr) throw std::bad_alloc();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  bool is_fine = EVP_DigestInit_ex(context, EVP_sha512(), nullptr) == 1;
  for (const std::string_view part : parts) is_fine = is_fine && EVP_DigestUpdate(context, part.data(), part.size()) == 1;
  is_fine = is_fine && EVP_DigestFinal_ex(context, digest, &size) == 1;
  EVP_MD_CTX_free(context);
  if (!is_fine) throw std::bad_alloc();  // OpenSSL has no other reason
  constexpr char kHexDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * size);
  for (unsigned int i = 0; i < size; ++i) text += {kHexDigits[digest[i] >> 4], kHexDigits[digest[i] & 15]};
  return text;
}

bool digests_equal(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) throw std::bad_alloc();
  return bytes;
}

}  // namespace logboom
