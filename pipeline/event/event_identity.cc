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
EventName named(std::string_view stream, const Numbers& numbers) {
  const XXH64_hash_t seed = XXH3_64bits(stream.data(), stream.size());
  const XXH128_hash_t hash = XXH3_128bits_withSeed(numbers.bytes.data(), numbers.size, seed);
  return {hash.low64, hash.high64};
}

EventName named_by_process(std::uint64_t serial, std::uint64_t number) {
  Numbers numbers;
  numbers.add(serial);
  numbers.add(number);
  numbers.add(0);
  const std::uint64_t process = process_number();
  char process_bytes[sizeof process];
  std::memcpy(process_bytes, &process, sizeof process);
  return named({process_bytes, sizeof process_bytes}, numbers);
}

struct Named {
  EventName name;
  bool is_lasting = false;
};

/// The name of the received event number `number`.
Named received_name(AckToken& token, std::size_t number) {
  const EventSource* source = token.source();
  if (source != nullptr && number < source->names.size() && source->names[number]) return {source->names[number], true};
  if (source == nullptr || number >= source->positions.size()) return {named_by_process(token.serial(), number), false};
  const auto& positions = source->positions;
  std::uint64_t place_in_message = 0;
  while (place_in_message < number && positions[number - place_in_message - 1] == positions[number]) ++place_in_message;
  Numbers numbers;
  numbers.add(positions[number]);
  numbers.add(place_in_message);
  numbers.add(0);
  return {named(source->stream, numbers), true};
}

/// A copy's name follows from that of the received event, however that came to its own.
EventName name_of_copy(const EventName& received, std::uint64_t lineage) {
  Numbers numbers;
  numbers.add(received.low);
  numbers.add(received.high);
  numbers.add(lineage);
  return named("copy", numbers);
}

std::optional<Named> name_of(const Event& event) {
  if (event.token() == nullptr) return std::nullopt;
  Named made = received_name(*event.token(), event.origin());
  if (event.lineage() != 0) made.name = name_of_copy(made.name, event.lineage());
  return made;
}

}  // namespace

void want_event_identities() { identities_wanted.store(true, std::memory_order_relaxed); }
bool are_event_identities_wanted() { return identities_wanted.load(std::memory_order_relaxed); }

std::optional<EventIdentity> event_identity(const Event& event) {
  const auto named = name_of(event);
  if (!named) return std::nullopt;
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  EventIdentity made;
  made.is_lasting = named->is_lasting;
  auto [low, high] = named->name;
  for (char& letter : made.letters) {
    letter = kLetters[low & 63];
    low = (low >> 6) | (high << 58);
    high >>= 6;
  }
  return made;
}

EventName event_name(const Event& event) {
  const auto named = name_of(event);
  return named ? named->name : EventName{};
}

EventName new_event_name() {
  static std::atomic<std::uint64_t> last{0};
  constexpr std::uint64_t kNoToken = 0;  // the serial numbers of tokens begin with 1
  return named_by_process(kNoToken, last.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace logboom
