// Key: the name of a field. Names that the configuration mentions are interned once per process; all others point into
// the received buffer or an arena, so that hostile names cannot grow anything.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace logboom {

/// A name and its hash. Trivially copyable; whoever makes one sees to it that the bytes outlive it.
struct Key {
  const char* data = nullptr;
  std::uint32_t size = 0;
  std::uint32_t hash = 0;

  std::string_view text() const { return {data, size}; }
  bool operator==(const Key& other) const {
    return hash == other.hash && size == other.size && (data == other.data || std::memcmp(data, other.data, size) == 0);
  }
};

/// A Key over bytes that live elsewhere. The hash is seeded per process, so that names cannot be made to collide.
Key make_key(std::string_view name);

/// A Key whose bytes live as long as the process; the same name gives the same bytes. Takes a lock: for names from the
/// configuration and from plugins' code only, never for names from events. Any thread.
Key intern_key(std::string_view name);

/// The same for a name that many events have; nullopt when there are a thousand such names already, or it is over 64 bytes.
std::optional<Key> intern_common_key(std::string_view name);

/// Interned names that JSON can take as they are stand here one behind the other, each as ,"name": - kKeyBlockBytes may be
/// read from any place within a name.
struct InternedNames {
  static constexpr std::size_t kBytes = 512 * 1024;
  static constexpr std::size_t kKeyBlockBytes = 16;
  alignas(64) static std::array<char, kBytes + kKeyBlockBytes> bytes;
};

/// `,"name":` for a key from intern_key() whose name needs no escape in JSON, nullptr for any other.
inline const char* json_form_of(const Key& key) {
  const auto place =
      reinterpret_cast<std::uintptr_t>(key.data) - reinterpret_cast<std::uintptr_t>(InternedNames::bytes.data());
  if (place >= InternedNames::kBytes) return nullptr;
  const bool is_whole = key.data[-1] == '"' && key.data[key.size] == '"';  // and no part of an interned name
  return is_whole ? key.data - 2 : nullptr;
}

}  // namespace logboom
