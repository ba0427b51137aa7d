#include "pipeline/store/segment_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "pipeline/store/crc32c.h"

namespace logboom {
namespace {

using namespace segment_format;

constexpr std::string_view kMagic{"LBSEG01\n", 8};
constexpr std::string_view kSuffix = ".segment";
constexpr std::size_t kNameDigits = 20;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

template <class Number>
void put(char* at, Number value) {
  std::memcpy(at, &value, sizeof value);
}
template <class Number>
Number get(const char* at) {
  Number value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::optional<SegmentHeader> read_header_at(std::string_view page, std::size_t offset) {
  if (page.size() < offset + kHeaderBytes) return std::nullopt;
  const char* const at = page.data() + offset;
  if (std::string_view(at, kMagic.size()) != kMagic) return std::nullopt;
  if (crc32c({at, kHeaderBytes - 4}) != get_u32(at + kHeaderBytes - 4)) return std::nullopt;
  if (get_u32(at + 56) != kBlockBytes) return std::nullopt;
  SegmentHeader header;
  header.id = get_u64(at + 8);
  header.first_sequence = get_u64(at + 16);
  header.created_at = static_cast<std::int64_t>(get_u64(at + 24));
  std::memcpy(header.salt.data(), at + 32, header.salt.size());
  std::memcpy(header.key_id.data(), at + 48, header.key_id.size());
  return header;
}

}  // namespace

void put_u16(char* at, std::uint16_t value) { put(at, value); }
void put_u32(char* at, std::uint32_t value) { put(at, value); }
void put_u64(char* at, std::uint64_t value) { put(at, value); }
std::uint16_t get_u16(const char* at) { return get<std::uint16_t>(at); }
std::uint32_t get_u32(const char* at) { return get<std::uint32_t>(at); }
std::uint64_t get_u64(const char* at) { return get<std::uint64_t>(at); }

std::string write_segment_header(const SegmentHeader& header) {
  std::string page(kHeaderPageBytes, '\0');
  char* const at = page.data();
  std::memcpy(at, kMagic.data(), kMagic.size());
  put_u64(at + 8, header.id);
  put_u64(at + 16, header.first_sequence);
  put_u64(at + 24, static_cast<std::uint64_t>(header.created_at));
  std::memcpy(at + 32, header.salt.data(), header.salt.size());
  std::memcpy(at + 48, header.key_id.data(), header.key_id.size());
  put_u32(at + 56, kBlockBytes);
  put_u32(at + 60, crc32c({at, kHeaderBytes - 4}));
  std::memcpy(at + kHeaderCopyOffset, at, kHeaderBytes);
  return page;
}

std::optional<SegmentHeader> read_segment_header(std::string_view page) {
  if (auto header = read_header_at(page, 0)) return header;
  return read_header_at(page, kHeaderCopyOffset);
}

std::array<char, kRecordHeadBytes> write_record_head(const RecordHead& head) {
  std::array<char, kRecordHeadBytes> bytes{};
  put_u64(bytes.data(), head.first_sequence);
  put_u64(bytes.data() + 8, static_cast<std::uint64_t>(head.written_at));
  put_u64(bytes.data() + 16, head.durable_before);
  put_u32(bytes.data() + 24, head.events);
  put_u32(bytes.data() + 28, head.payload_bytes);
  put_u16(bytes.data() + 32, head.flags);
  return bytes;
}

RecordHead read_record_head(const char* bytes) {
  RecordHead head;
  head.first_sequence = get_u64(bytes);
  head.written_at = static_cast<std::int64_t>(get_u64(bytes + 8));
  head.durable_before = get_u64(bytes + 16);
  head.events = get_u32(bytes + 24);
  head.payload_bytes = get_u32(bytes + 28);
  head.flags = get_u16(bytes + 32);
  return head;
}

std::uint32_t fragment_seed(std::uint64_t segment_id, std::uint64_t offset) {
  char bytes[16];
  put_u64(bytes, segment_id);
  put_u64(bytes + 8, offset);
  return crc32c({bytes, sizeof bytes});
}

void append_record(std::uint64_t segment_id, const RecordHead& head, std::string_view payload, std::uint64_t out_offset,
                   std::string& out) {
  const auto head_bytes = write_record_head(head);
  std::string_view pieces[] = {{head_bytes.data(), head_bytes.size()}, payload};
  std::size_t left = head_bytes.size() + payload.size();
  std::uint32_t crc = 0;
  for (bool is_first = true; is_first || left > 0;) {
    std::uint64_t offset = out_offset + out.size();
    std::size_t room = kBlockBytes - offset % kBlockBytes;
    if (is_first && room < kLeastStart) {  // a continuation always finds a whole block
      out.append(room, '\0');
      offset += room;
      room = kBlockBytes;
    }
    const std::size_t size = std::min(left, room - kFragmentHeadBytes);
    const bool is_last = size == left;
    const FragmentKind kind = is_first ? (is_last ? FragmentKind::Whole : FragmentKind::First)
                                       : (is_last ? FragmentKind::Last : FragmentKind::Middle);
    if (is_first) crc = fragment_seed(segment_id, offset);
    const std::size_t at = out.size();
    out.resize(at + kFragmentHeadBytes);
    for (std::size_t wanted = size; wanted > 0;) {
      std::string_view& piece = pieces[0].empty() ? pieces[1] : pieces[0];
      const std::size_t part = std::min(wanted, piece.size());
      out += piece.substr(0, part);
      piece.remove_prefix(part);
      wanted -= part;
    }
    char* const fragment = out.data() + at;
    put_u16(fragment + 4, static_cast<std::uint16_t>(size));
    fragment[6] = static_cast<char>(kind);
    fragment[7] = static_cast<char>(kMark);
    crc = crc32c({fragment + 4, kFragmentHeadBytes - 4 + size}, crc);
    put_u32(fragment, crc);
    out.append((kAlignment - out.size() % kAlignment) % kAlignment, '\0');
    left -= size;
    is_first = false;
  }
}

std::string segment_file_name(std::uint64_t id) { return fmt::format("{:020}{}", id, kSuffix); }

std::optional<std::uint64_t> segment_id_of(std::string_view file_name) {
  if (file_name.size() != kNameDigits + kSuffix.size() || file_name.substr(kNameDigits) != kSuffix) return std::nullopt;
  std::uint64_t id = 0;
  const auto [end, problem] = std::from_chars(file_name.data(), file_name.data() + kNameDigits, id);
  if (problem != std::errc() || end != file_name.data() + kNameDigits) return std::nullopt;
  return id;
}

}  // namespace logboom
