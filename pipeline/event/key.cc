#include "pipeline/event/key.h"

#define XXH_INLINE_ALL  // short names: the call would cost as much as the hash
#include <xxhash.h>

#include <mutex>
#include <random>
#include <set>
#include <string>

namespace logboom {
namespace {

std::uint64_t hash_seed() {
  static const std::uint64_t seed = (static_cast<std::uint64_t>(std::random_device{}()) << 32) | std::random_device{}();
  return seed;
}

}  // namespace

Key make_key(std::string_view name) {
  static const std::uint64_t seed = hash_seed();
  return {name.data(), static_cast<std::uint32_t>(name.size()),
          static_cast<std::uint32_t>(XXH3_64bits_withSeed(name.data(), name.size(), seed))};
}

Key intern_key(std::string_view name) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> names;  // node-based: the bytes never move
  const std::lock_guard lock(mutex);
  auto found = names.find(name);
  if (found == names.end()) found = names.emplace(name).first;
  return make_key(*found);
}

}  // namespace logboom
