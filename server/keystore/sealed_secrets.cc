#include "server/keystore/sealed_secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

namespace logboom {
namespace {

constexpr std::string_view kMagic = "LBKEYSTORE1\n";
constexpr std::size_t kFlagsAt = kMagic.size();
constexpr std::size_t kSaltAt = kFlagsAt + 4;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kNonceAt = kSaltAt + kSaltBytes;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kSealedAt = kNonceAt + kNonceBytes;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kKeyBytes = 32;
constexpr unsigned char kHasPassword = 1;

/// 32 MB and about a tenth of a second per guess; without a password there is nothing to guess.
struct Cost {
  unsigned char log2_n = 15;
  unsigned char r = 8;
  unsigned char p = 1;
};
constexpr Cost kWithoutPassword{1, 1, 1};
constexpr unsigned kMostLog2N = 20;
constexpr std::uint64_t kMostMemory = std::uint64_t{2} * 1024 * 1024 * 1024;

unsigned char byte_of(char c) { return static_cast<unsigned char>(c); }
const unsigned char* raw(const char* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* raw(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

/// Gone from memory when it ends.
struct DerivedKey {
  unsigned char bytes[kKeyBytes] = {};
  DerivedKey() = default;
  DerivedKey(const DerivedKey&) = delete;
  DerivedKey& operator=(const DerivedKey&) = delete;
  ~DerivedKey() { OPENSSL_cleanse(bytes, sizeof bytes); }
};

bool derive(std::string_view password, std::string_view header, DerivedKey& key) {
  const unsigned log2_n = byte_of(header[kFlagsAt + 1]);
  const unsigned r = byte_of(header[kFlagsAt + 2]);
  const unsigned p = byte_of(header[kFlagsAt + 3]);
  if (log2_n == 0 || log2_n > kMostLog2N || r == 0 || p == 0) return false;
  return EVP_PBE_scrypt(password.data(), password.size(), raw(header.data() + kSaltAt), kSaltBytes,
                        std::uint64_t{1} << log2_n, r, p, kMostMemory, key.bytes, kKeyBytes) == 1;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

void append_length(std::size_t length, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(length >> shift & 0xff);
}

bool take_length(std::string_view& rest, std::uint32_t& length) {
  if (rest.size() < 4) return false;
  length = 0;
  for (int i = 3; i >= 0; --i) length = length << 8 | byte_of(rest[static_cast<std::size_t>(i)]);
  rest.remove_prefix(4);
  return true;
}

bool take_text(std::string_view& rest, std::string& text) {
  std::uint32_t length = 0;
  if (!take_length(rest, length) || length > rest.size()) return false;
  text = rest.substr(0, length);
  rest.remove_prefix(length);
  return true;
}

std::string sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(raw(bytes.data()), bytes.size(), raw(digest.data()));
  return digest;
}

Error damaged() { return {ErrorCode::Corrupt, "the keystore is damaged; restore it from a copy, or create it anew"}; }

}  // namespace

bool SecretNameOrder::operator()(std::string_view left, std::string_view right) const {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end(),
                                      [&](char one, char other) { return lower(one) < lower(other); });
}

Result<std::string> seal_secrets(const Secrets& secrets, const std::optional<std::string>& password) {
  std::string plain;
  append_length(secrets.size(), plain);
  for (const auto& [name, value] : secrets) {
    append_length(name.size(), plain);
    plain += name;
    append_length(value.size(), plain);
    plain += value;
  }
  const Cost cost = password ? Cost{} : kWithoutPassword;
  std::string out(kMagic);
  out += static_cast<char>(password ? kHasPassword : 0);
  for (const unsigned char part : {cost.log2_n, cost.r, cost.p}) out += static_cast<char>(part);
  out.resize(kSealedAt);
  const Error no_luck{ErrorCode::Io, "the keystore cannot be sealed: the system's cryptography does not work"};
  if (RAND_bytes(raw(out.data() + kSaltAt), kSaltBytes + kNonceBytes) != 1) return no_luck;
  DerivedKey key;
  if (!derive(password.value_or(""), out, key)) return no_luck;
  const Context context(EVP_CIPHER_CTX_new());
  const std::string header = out;
  out.resize(kSealedAt + plain.size() + kTagBytes);
  int written = 0;
  const bool is_sealed =
      context &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.bytes, raw(header.data() + kNonceAt)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &written, raw(header.data()), static_cast<int>(header.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), raw(out.data() + kSealedAt), &written, raw(plain.data()),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), raw(out.data() + kSealedAt) + written, &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, out.data() + kSealedAt + plain.size()) == 1;
  OPENSSL_cleanse(plain.data(), plain.size());
  if (!is_sealed) return no_luck;
  return out + sha256(out);
}

bool wants_password(std::string_view bytes) {
  return bytes.size() > kFlagsAt && (byte_of(bytes[kFlagsAt]) & kHasPassword) != 0;
}

Result<Secrets> unseal_secrets(std::string_view bytes, const std::optional<std::string>& password) {
  if (bytes.substr(0, kMagic.size()) != kMagic)
    return Error{ErrorCode::Corrupt, "this is no keystore of Logboom; remove it and create one"};
  if (bytes.size() < kSealedAt + kTagBytes + SHA256_DIGEST_LENGTH) return damaged();
  const std::string_view content = bytes.substr(0, bytes.size() - SHA256_DIGEST_LENGTH);
  if (sha256(content) != bytes.substr(content.size())) return damaged();
  if (wants_password(bytes) && !password)
    return Error{ErrorCode::InvalidArgument,
                 "the keystore has a password; give it in the environment variable LOGBOOM_KEYSTORE_PASS"};
  DerivedKey key;
  if (!derive(wants_password(bytes) ? *password : "", content, key)) return damaged();
  const std::string_view sealed = content.substr(kSealedAt, content.size() - kSealedAt - kTagBytes);
  std::string plain(sealed.size(), '\0');
  std::string tag(content.substr(content.size() - kTagBytes));
  const Context context(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool is_opened =
      context &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.bytes, raw(bytes.data() + kNonceAt)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &written, raw(bytes.data()), static_cast<int>(kSealedAt)) == 1 &&
      EVP_DecryptUpdate(context.get(), raw(plain.data()), &written, raw(sealed.data()), static_cast<int>(sealed.size())) ==
          1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), raw(plain.data()) + written, &written) == 1;
  if (!is_opened)
    return Error{ErrorCode::InvalidArgument,
                 "the keystore's password is wrong; LOGBOOM_KEYSTORE_PASS must be the one that it "
                 "was created with"};
  Secrets secrets;
  std::string_view rest = plain;
  std::uint32_t count = 0;
  if (!take_length(rest, count)) return damaged();
  for (; count > 0; --count) {
    std::string name, value;
    if (!take_text(rest, name) || !take_text(rest, value)) return damaged();
    secrets[std::move(name)] = std::move(value);
  }
  OPENSSL_cleanse(plain.data(), plain.size());
  return secrets;
}

}  // namespace logboom
