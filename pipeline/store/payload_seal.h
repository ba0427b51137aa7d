// PayloadSeal: compression and encryption of records' payloads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"
#include "pipeline/store/segment_format.h"

namespace logboom {

enum class StoreCompression { None, Speed, Balanced, Size };  // zstd levels 1, 3 and 9

/// By the words of the configuration: none, zstd (the same as speed), speed, balanced, size.
StoreCompression store_compression_named(std::string_view word);

/// The payload as one zstd frame; the payload itself (and `flags` unchanged) when that would be no smaller. Any thread.
std::string compress_payload(std::string payload, StoreCompression compression, std::uint16_t& flags);
/// Errors: Corrupt.
Result<Buffer> decompress_payload(std::string_view bytes);

/// AES-256 keys: the first one encrypts, all decrypt (key rotation).
class StoreKeys {
 public:
  StoreKeys() = default;
  /// `text`: one or more keys of 32 bytes, each as 64 hexadecimal digits or 44 characters of base64, separated by blanks or
  /// commas. Empty text: no encryption. Errors: InvalidArgument, which never quotes the text.
  static Result<StoreKeys> parse(std::string_view text);

  using Key = std::array<unsigned char, 32>;
  bool empty() const { return keys_.empty(); }
  /// The id of the key that encrypts; zeros when there is none.
  KeyId current_id() const;
  const Key* find(const KeyId& id) const;

 private:
  struct Entry {
    KeyId id;
    Key key;
  };
  std::vector<Entry> keys_;
};

SegmentSalt random_salt();

/// Encrypts and decrypts the payloads of one segment: its key is derived (HKDF-SHA-256) from the store's key and the
/// segment's salt, the nonce is the record's first sequence number, and the record's head is authenticated with it. One
/// thread.
class SegmentCipher {
 public:
  static constexpr std::size_t kTagBytes = 16;

  SegmentCipher(const StoreKeys::Key& key, const SegmentSalt& salt);
  ~SegmentCipher();
  SegmentCipher(const SegmentCipher&) = delete;
  SegmentCipher& operator=(const SegmentCipher&) = delete;

  /// `head` with its final payload_bytes (the text's size and kTagBytes).
  std::string encrypt(const RecordHead& head, std::string_view text);
  /// Errors: Corrupt - these bytes were not made with this key, or not for this record.
  Result<Buffer> decrypt(const RecordHead& head, std::string_view bytes);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace logboom
