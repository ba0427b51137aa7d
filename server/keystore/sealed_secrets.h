// The keystore's bytes: names and values, sealed with AES-256-GCM under a key that scrypt makes of a password.
//
//   "LBKEYSTORE1\n"  12 bytes
//   flags             1: bit 0 - a password is wanted
//   scrypt            1: log2 N, 1: r, 1: p
//   salt             16
//   nonce            12
//   sealed            n: u32 count, then per entry u32 length, name, u32 length, value (little-endian), and the tag of 16
//   bytes;
//                        everything before it is authenticated too
//   checksum         32: SHA-256 of all bytes before: tells damage from a wrong password
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace logboom {

/// By name as it was written; names that differ only in case are the same name.
struct SecretNameOrder {
  using is_transparent = void;
  bool operator()(std::string_view left, std::string_view right) const;
};
using Secrets = std::map<std::string, std::string, SecretNameOrder>;

/// Without a password the key is the same for everybody: only the file's permissions protect it then.
/// Errors: Io when the system gives no randomness.
Result<std::string> seal_secrets(const Secrets& secrets, const std::optional<std::string>& password);

/// Errors: Corrupt - not such a file, or damaged; InvalidArgument - the password is missing or wrong.
Result<Secrets> unseal_secrets(std::string_view bytes, const std::optional<std::string>& password);

/// True when the bytes say that a password was used.
bool wants_password(std::string_view bytes);

}  // namespace logboom
