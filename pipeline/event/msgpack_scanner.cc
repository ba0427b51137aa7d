#include <algorithm>
#include <array>

#include "pipeline/event/msgpack.h"

namespace logboom {
namespace {

/// What a head byte promises: bytes of a length behind it, bytes of payload, items; 0xc1 promises nothing.
struct HeadFacts {
  std::uint8_t length_bytes = 0;
  std::uint8_t payload_bytes = 0;
  std::uint8_t items = 0;
  std::uint8_t items_per_length = 0;  // 0: the length counts payload bytes
  std::uint8_t is_extension = 0;      // the payload has a type in front
};

constexpr HeadFacts facts_of(unsigned head) {
  HeadFacts facts;
  if (head < 0x80 || head >= 0xe0) return facts;
  if (head < 0x90) {
    facts.items = static_cast<std::uint8_t>((head & 15) * 2);
  } else if (head < 0xa0) {
    facts.items = head & 15;
  } else if (head < 0xc0) {
    facts.payload_bytes = head & 31;
  } else if (head >= 0xc4 && head <= 0xc6) {
    facts.length_bytes = static_cast<std::uint8_t>(1 << (head - 0xc4));
  } else if (head >= 0xc7 && head <= 0xc9) {
    facts.length_bytes = static_cast<std::uint8_t>(1 << (head - 0xc7));
    facts.is_extension = 1;
  } else if (head == 0xca) {
    facts.payload_bytes = 4;
  } else if (head == 0xcb) {
    facts.payload_bytes = 8;
  } else if (head >= 0xcc && head <= 0xcf) {
    facts.payload_bytes = static_cast<std::uint8_t>(1 << (head - 0xcc));
  } else if (head >= 0xd0 && head <= 0xd3) {
    facts.payload_bytes = static_cast<std::uint8_t>(1 << (head - 0xd0));
  } else if (head >= 0xd4 && head <= 0xd8) {
    facts.payload_bytes = static_cast<std::uint8_t>((1 << (head - 0xd4)) + 1);
  } else if (head >= 0xd9 && head <= 0xdb) {
    facts.length_bytes = static_cast<std::uint8_t>(1 << (head - 0xd9));
  } else if (head >= 0xdc) {
    facts.length_bytes = (head & 1) != 0 ? 4 : 2;
    facts.items_per_length = head >= 0xde ? 2 : 1;
  }
  return facts;
}

constexpr std::array<HeadFacts, 256> make_all_facts() {
  std::array<HeadFacts, 256> all{};
  for (unsigned head = 0; head < 256; ++head) all[head] = facts_of(head);
  return all;
}
constexpr std::array<HeadFacts, 256> kFacts = make_all_facts();
constexpr unsigned char kNeverUsed = 0xc1;
constexpr std::uint64_t kManyItems = std::uint64_t{1} << 62;  // no stream brings so many

}  // namespace

void MsgpackScanner::count_items(std::uint64_t more) { open_items_ = std::min(open_items_ + more, kManyItems); }

MsgpackScanner::Outcome MsgpackScanner::scan(std::string_view bytes, std::size_t& used) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  const auto stop = [&](Outcome outcome) {
    used = static_cast<std::size_t>(at - bytes.data());
    if (outcome == Outcome::Complete) reset();
    return outcome;
  };
  for (;;) {
    if (payload_left_ > 0) {
      const std::uint64_t passed = std::min<std::uint64_t>(payload_left_, static_cast<std::uint64_t>(end - at));
      at += passed;
      payload_left_ -= passed;
      if (payload_left_ > 0) return stop(Outcome::NeedsMore);
    }
    if (length_bytes_left_ > 0) {
      if (at == end) return stop(Outcome::NeedsMore);
      length_ = length_ << 8 | static_cast<unsigned char>(*at++);
      if (--length_bytes_left_ > 0) continue;
      const HeadFacts& facts = kFacts[head_];
      if (facts.items_per_length > 0) {
        count_items(length_ * facts.items_per_length);
      } else {
        payload_left_ = length_ + facts.is_extension;
      }
      continue;
    }
    if (open_items_ == 0) return stop(Outcome::Complete);
    if (at == end) return stop(Outcome::NeedsMore);
    const auto head = static_cast<unsigned char>(*at);
    if (head == kNeverUsed) return stop(Outcome::Corrupt);
    ++at;
    const HeadFacts& facts = kFacts[head];
    --open_items_;
    if (facts.length_bytes > 0) {
      head_ = head;
      length_ = 0;
      length_bytes_left_ = facts.length_bytes;
    } else {
      count_items(facts.items);
      payload_left_ = facts.payload_bytes;
    }
  }
}

}  // namespace logboom
