#include "pipeline/store/payload_seal.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace logboom {
namespace {

constexpr std::string_view kSegmentKeyInfo = "logboom segment";
constexpr std::string_view kKeyIdInfo = "logboom key id";
constexpr std::size_t kNonceBytes = 12;

int level_of(StoreCompression compression) {
  switch (compression) {
    case StoreCompression::None: return 0;
    case StoreCompression::Speed: return 1;
    case StoreCompression::Balanced: return 3;
    case StoreCompression::Size: return 9;
  }
  return 0;
}

struct FreeCompression {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompression {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

bool read_hex(std::string_view text, StoreKeys::Key& key) {
  if (text.size() != 2 * key.size()) return false;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    key[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

bool read_base64(std::string_view text, StoreKeys::Key& key) {
  if (text.size() != 44) return false;
  unsigned char bytes[33];
  const int size = EVP_DecodeBlock(bytes, reinterpret_cast<const unsigned char*>(text.data()), 44);
  if (size != 33 || text[42] == '=' || text[43] != '=') return false;
  std::copy_n(bytes, key.size(), key.begin());
  return true;
}

KeyId id_of(const StoreKeys::Key& key) {
  std::string text(kKeyIdInfo);
  text.append(reinterpret_cast<const char*>(key.data()), key.size());
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  KeyId id;
  std::memcpy(id.data(), digest, id.size());
  return id;
}

/// What AES-GCM cannot do is out of memory or a broken library.
void check(bool is_fine) {
  if (!is_fine) throw std::runtime_error("OpenSSL refuses AES-256-GCM");
}

std::array<unsigned char, kNonceBytes> nonce_of(const RecordHead& head) {
  std::array<unsigned char, kNonceBytes> nonce{};
  put_u64(reinterpret_cast<char*>(nonce.data()) + 4, head.first_sequence);
  return nonce;
}

}  // namespace

StoreCompression store_compression_named(std::string_view word) {
  if (word == "zstd" || word == "speed") return StoreCompression::Speed;
  if (word == "balanced") return StoreCompression::Balanced;
  return word == "size" ? StoreCompression::Size : StoreCompression::None;
}

std::string compress_payload(std::string payload, StoreCompression compression, std::uint16_t& flags) {
  if (compression == StoreCompression::None || payload.empty()) return payload;
  static thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompression> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  std::string out(ZSTD_compressBound(payload.size()), '\0');
  const std::size_t size =
      ZSTD_compressCCtx(context.get(), out.data(), out.size(), payload.data(), payload.size(), level_of(compression));
  if (ZSTD_isError(size) || size >= payload.size()) return payload;
  out.resize(size);
  flags |= kRecordIsZstd;
  return out;
}

Result<Buffer> decompress_payload(std::string_view bytes) {
  static thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompression> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  constexpr unsigned long long kMostBytes = 0xffffffffULL;  // a record's payload before compression
  if (size > kMostBytes) return Error{ErrorCode::Corrupt, "a compressed record does not say its size"};
  Buffer out = Buffer::allocate(static_cast<std::size_t>(size));
  const std::size_t got = ZSTD_decompressDCtx(context.get(), out.writable_data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(got) || got != out.size()) return Error{ErrorCode::Corrupt, "a compressed record is damaged"};
  return out;
}

Result<StoreKeys> StoreKeys::parse(std::string_view text) {
  StoreKeys keys;
  constexpr std::string_view kSeparators = " ,\t\n";
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSeparators);
    if (begin == std::string_view::npos) return keys;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(kSeparators));
    text.remove_prefix(word.size());
    Entry entry{};
    if (!read_hex(word, entry.key) && !read_base64(word, entry.key))
      return Error{ErrorCode::InvalidArgument,
                   "an encryption key wants 32 random bytes as 64 hexadecimal digits or as base64 "
                   "(openssl rand -hex 32); several are separated by blanks, the first one encrypts"};
    entry.id = id_of(entry.key);
    keys.keys_.push_back(entry);
  }
}

KeyId StoreKeys::current_id() const { return keys_.empty() ? KeyId{} : keys_.front().id; }

const StoreKeys::Key* StoreKeys::find(const KeyId& id) const {
  for (const Entry& entry : keys_)
    if (entry.id == id) return &entry.key;
  return nullptr;
}

SegmentSalt random_salt() {
  SegmentSalt salt;
  check(RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), static_cast<int>(salt.size())) == 1);
  return salt;
}

struct SegmentCipher::Context {
  EVP_CIPHER_CTX* encrypting = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* decrypting = EVP_CIPHER_CTX_new();
  ~Context() {
    EVP_CIPHER_CTX_free(encrypting);
    EVP_CIPHER_CTX_free(decrypting);
  }
};

SegmentCipher::SegmentCipher(const StoreKeys::Key& key, const SegmentSalt& salt) : context_(std::make_unique<Context>()) {
  unsigned char derived[32];
  EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  EVP_KDF_CTX* const deriving = EVP_KDF_CTX_new(kdf);
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<unsigned char*>(key.data()), key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<char*>(salt.data()), salt.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(kSegmentKeyInfo.data()),
                                        kSegmentKeyInfo.size()),
      OSSL_PARAM_construct_end()};
  const bool is_derived = EVP_KDF_derive(deriving, derived, sizeof derived, parameters) == 1;
  EVP_KDF_CTX_free(deriving);
  EVP_KDF_free(kdf);
  check(is_derived);
  check(EVP_EncryptInit_ex(context_->encrypting, EVP_aes_256_gcm(), nullptr, derived, nullptr) == 1);
  check(EVP_DecryptInit_ex(context_->decrypting, EVP_aes_256_gcm(), nullptr, derived, nullptr) == 1);
  OPENSSL_cleanse(derived, sizeof derived);
}

SegmentCipher::~SegmentCipher() = default;

std::string SegmentCipher::encrypt(const RecordHead& head, std::string_view text) {
  EVP_CIPHER_CTX* const cipher = context_->encrypting;
  const auto nonce = nonce_of(head);
  const auto authenticated = write_record_head(head);
  std::string out(text.size() + kTagBytes, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  int size = 0;
  check(EVP_EncryptInit_ex(cipher, nullptr, nullptr, nullptr, nonce.data()) == 1);
  check(EVP_EncryptUpdate(cipher, nullptr, &size, reinterpret_cast<const unsigned char*>(authenticated.data()),
                          static_cast<int>(authenticated.size())) == 1);
  constexpr std::size_t kPart = 1 << 30;  // the library counts in int
  for (std::size_t at = 0; at < text.size(); at += kPart)
    check(EVP_EncryptUpdate(cipher, to + at, &size, reinterpret_cast<const unsigned char*>(text.data()) + at,
                            static_cast<int>(std::min(kPart, text.size() - at))) == 1);
  check(EVP_EncryptFinal_ex(cipher, to + text.size(), &size) == 1);
  check(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, kTagBytes, to + text.size()) == 1);
  return out;
}

Result<Buffer> SegmentCipher::decrypt(const RecordHead& head, std::string_view bytes) {
  const Error damaged{ErrorCode::Corrupt, "an encrypted record is damaged, or its key is another one"};
  if (bytes.size() < kTagBytes) return damaged;
  const std::size_t text_size = bytes.size() - kTagBytes;
  EVP_CIPHER_CTX* const cipher = context_->decrypting;
  const auto nonce = nonce_of(head);
  const auto authenticated = write_record_head(head);
  Buffer out = Buffer::allocate(text_size);
  auto* const to = reinterpret_cast<unsigned char*>(out.writable_data());
  const auto* const from = reinterpret_cast<const unsigned char*>(bytes.data());
  int size = 0;
  check(EVP_DecryptInit_ex(cipher, nullptr, nullptr, nullptr, nonce.data()) == 1);
  check(EVP_DecryptUpdate(cipher, nullptr, &size, reinterpret_cast<const unsigned char*>(authenticated.data()),
                          static_cast<int>(authenticated.size())) == 1);
  constexpr std::size_t kPart = 1 << 30;
  for (std::size_t at = 0; at < text_size; at += kPart)
    check(EVP_DecryptUpdate(cipher, to + at, &size, from + at, static_cast<int>(std::min(kPart, text_size - at))) == 1);
  char tag[kTagBytes];
  std::memcpy(tag, bytes.data() + text_size, kTagBytes);
  check(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, kTagBytes, tag) == 1);
  if (EVP_DecryptFinal_ex(cipher, to + text_size, &size) != 1) return damaged;
  return out;
}

}  // namespace logboom
