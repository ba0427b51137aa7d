#include "pipeline/event/key.h"

#define XXH_INLINE_ALL  // short names: the call would cost as much as the hash
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <random>
#include <set>
#include <string>

namespace logboom {

alignas(64) std::array<char, InternedNames::kBytes + InternedNames::kKeyBlockBytes> InternedNames::bytes;

namespace {

std::uint64_t hash_seed() {
  static const std::uint64_t seed = (static_cast<std::uint64_t>(std::random_device{}()) << 32) | std::random_device{}();
  return seed;
}

bool is_plain_in_json(std::string_view name) {
  return std::none_of(name.begin(), name.end(),
                      [](unsigned char byte) { return byte < 0x20 || byte == '"' || byte == '\\'; });
}

constexpr std::size_t kMostCommonNames = 1000;
constexpr std::size_t kLongestCommonName = 64;

class NameStore {
 public:
  std::optional<std::string_view> intern_common(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(name);
    if (found != names_.end()) return *found;
    if (common_ == kMostCommonNames || name.size() > kLongestCommonName) return std::nullopt;
    ++common_;
    return *names_.insert(keep(name)).first;
  }

  std::string_view intern(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(name);
    if (found != names_.end()) return *found;
    return *names_.insert(keep(name)).first;
  }

 private:
  std::string_view keep(std::string_view name) {
    if (!is_plain_in_json(name) || name.size() + 4 > InternedNames::kBytes - used_) return others_.emplace_back(name);
    char* const at = InternedNames::bytes.data() + used_;
    at[0] = ',';
    at[1] = '"';
    std::copy(name.begin(), name.end(), at + 2);
    at[2 + name.size()] = '"';
    at[3 + name.size()] = ':';
    used_ += name.size() + 4;
    return {at + 2, name.size()};
  }

  std::mutex mutex_;
  std::size_t used_ = 0;
  std::size_t common_ = 0;
  std::set<std::string_view> names_;
  std::deque<std::string> others_;  // the bytes never move
};

NameStore& names() {
  static NameStore store;
  return store;
}

}  // namespace

Key make_key(std::string_view name) {
  static const std::uint64_t seed = hash_seed();
  return {name.data(), static_cast<std::uint32_t>(name.size()),
          static_cast<std::uint32_t>(XXH3_64bits_withSeed(name.data(), name.size(), seed))};
}

Key intern_key(std::string_view name) { return make_key(names().intern(name)); }

std::optional<Key> intern_common_key(std::string_view name) {
  const auto kept = names().intern_common(name);
  if (!kept) return std::nullopt;
  return make_key(*kept);
}

}  // namespace logboom
