#include "pipeline/event/event_identity.h"

#define XXH_INLINE_ALL  // short inputs: the call would cost as much as the hash
#include <xxhash.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <random>

#include "pipeline/event/ack.h"

namespace logboom {
namespace {

std::atomic<bool> identities_wanted{false};

/// What tells this process from every other one.
std::uint64_t process_number() {
  static const std::uint64_t number = [] {
    std::random_device random;
    const auto now = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    return ((static_cast<std::uint64_t>(random()) << 32) | random()) ^ now;
  }();
  return number;
}

/// Numbers in little-endian order, so that machines agree.
struct Numbers {
  std::array<unsigned char, 24> bytes{};
  std::size_t size = 0;
  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) bytes[size++] = static_cast<unsigned char>(number >> shift);
  }
};

/// The hash of the numbers, with the stream's hash for a seed.
EventIdentity named(std::string_view stream, const Numbers& numbers, bool is_lasting) {
  const XXH64_hash_t seed = XXH3_64bits(stream.data(), stream.size());
  const XXH128_hash_t hash = XXH3_128bits_withSeed(numbers.bytes.data(), numbers.size, seed);
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  EventIdentity made;
  made.is_lasting = is_lasting;
  std::uint64_t high = hash.high64;
  std::uint64_t low = hash.low64;
  for (char& letter : made.letters) {
    letter = kLetters[low & 63];
    low = (low >> 6) | (high << 58);
    high >>= 6;
  }
  return made;
}

}  // namespace

void want_event_identities() { identities_wanted.store(true, std::memory_order_relaxed); }
bool are_event_identities_wanted() { return identities_wanted.load(std::memory_order_relaxed); }

std::optional<EventIdentity> event_identity(const Event& event) {
  AckToken* token = event.token();
  if (token == nullptr) return std::nullopt;
  const std::size_t number = event.origin();
  Numbers numbers;
  const EventSource* source = token->source();
  if (source != nullptr && number < source->positions.size()) {
    const auto& positions = source->positions;
    std::uint64_t place_in_message = 0;
    while (place_in_message < number && positions[number - place_in_message - 1] == positions[number]) ++place_in_message;
    numbers.add(positions[number]);
    numbers.add(place_in_message);
    numbers.add(event.lineage());
    return named(source->stream, numbers, true);
  }
  numbers.add(token->serial());
  numbers.add(number);
  numbers.add(event.lineage());
  const std::uint64_t process = process_number();
  char process_bytes[sizeof process];
  std::memcpy(process_bytes, &process, sizeof process);
  return named({process_bytes, sizeof process_bytes}, numbers, false);
}

}  // namespace logboom
