#include "pipeline/store/segment_scanner.h"

#include <algorithm>
#include <cstring>

#include "pipeline/store/crc32c.h"

namespace logboom {
namespace {

using namespace segment_format;

constexpr std::size_t kWindowBytes = 8 * kBlockBytes;

std::uint64_t block_end(std::uint64_t offset) { return offset - offset % kBlockBytes + kBlockBytes; }
std::uint64_t aligned(std::uint64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

/// The parts of a fragment's head that can be judged before its checksum.
bool looks_like_fragment(std::string_view at) {
  const auto kind = static_cast<unsigned char>(at[6]);
  return static_cast<unsigned char>(at[7]) == kMark && kind >= static_cast<unsigned char>(FragmentKind::Whole) &&
         kind <= static_cast<unsigned char>(FragmentKind::Last);
}

std::size_t leading_zeros(std::string_view bytes) { return std::min(bytes.find_first_not_of('\0'), bytes.size()); }

}  // namespace

std::uint64_t SegmentScanner::start_at(std::uint64_t offset) {
  offset = aligned(offset);
  const std::uint64_t end = block_end(offset);
  return end - offset < kLeastStart ? end : offset;
}

Result<std::string_view> SegmentScanner::view(std::uint64_t offset, std::size_t size) {
  const bool is_there = offset >= window_offset_ && offset + size <= window_offset_ + window_size_;
  if (!is_there) {
    if (offset >= limit_) return std::string_view();
    window_.resize(kWindowBytes);
    window_offset_ = offset - offset % kBlockBytes;
    window_size_ = 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kWindowBytes, limit_ - window_offset_));
    auto got = file_.read_at(window_offset_, window_.data(), wanted);
    if (!got) return got.error();
    window_size_ = *got;
  }
  if (offset >= window_offset_ + window_size_) return std::string_view();
  const std::size_t from = static_cast<std::size_t>(offset - window_offset_);
  return std::string_view(window_.data() + from, std::min(size, window_size_ - from));
}

Result<bool> SegmentScanner::read_record(std::uint64_t offset, ScannedRecord& out) {
  const auto room = static_cast<std::size_t>(block_end(offset) - offset);
  auto block = view(offset, room);
  if (!block) return block.error();
  const std::string_view bytes = *block;
  if (bytes.size() < kLeastStart || !looks_like_fragment(bytes)) return false;
  const auto kind = static_cast<FragmentKind>(bytes[6]);
  const std::size_t size = get_u16(bytes.data() + 4);
  if (kind != FragmentKind::Whole && kind != FragmentKind::First) return false;
  if (size < kRecordHeadBytes || kFragmentHeadBytes + size > bytes.size()) return false;
  if (kind == FragmentKind::First && kFragmentHeadBytes + size != room) return false;
  const std::uint32_t crc = crc32c(bytes.substr(4, kFragmentHeadBytes - 4 + size), fragment_seed(segment_id_, offset));
  if (crc != get_u32(bytes.data())) return false;
  const std::string_view data = bytes.substr(kFragmentHeadBytes, size);
  out.head = read_record_head(data.data());
  out.offset = offset;
  if (kind == FragmentKind::First) return gather(offset + room, size, crc, std::string(data), out);
  if (kRecordHeadBytes + out.head.payload_bytes != size) return false;
  out.payload = Buffer::copy_of(data.substr(kRecordHeadBytes));
  out.end = aligned(offset + kFragmentHeadBytes + size);
  return true;
}

/// The further fragments of a record whose first one was intact.
Result<bool> SegmentScanner::gather(std::uint64_t offset, std::size_t size, std::uint32_t crc, std::string data,
                                    ScannedRecord& out) {
  const std::uint64_t wanted = kRecordHeadBytes + std::uint64_t{out.head.payload_bytes};
  if (wanted <= size || offset + (wanted - size) > limit_) return false;
  Buffer payload = Buffer::allocate(out.head.payload_bytes);
  std::size_t filled = size - kRecordHeadBytes;
  std::memcpy(payload.writable_data(), data.data() + kRecordHeadBytes, filled);
  for (;;) {
    auto block = view(offset, kBlockBytes);
    if (!block) return block.error();
    const std::string_view bytes = *block;
    if (bytes.size() < kFragmentHeadBytes || !looks_like_fragment(bytes)) return false;
    const auto kind = static_cast<FragmentKind>(bytes[6]);
    const std::size_t part = get_u16(bytes.data() + 4);
    const bool is_last = kind == FragmentKind::Last;
    if (!is_last && kind != FragmentKind::Middle) return false;
    if (kFragmentHeadBytes + part > bytes.size() || part > payload.size() - filled) return false;
    if (!is_last && kFragmentHeadBytes + part != kBlockBytes) return false;
    crc = crc32c(bytes.substr(4, kFragmentHeadBytes - 4 + part), crc);
    if (crc != get_u32(bytes.data())) return false;
    if (part > 0) std::memcpy(payload.writable_data() + filled, bytes.data() + kFragmentHeadBytes, part);
    filled += part;
    if (is_last) {
      if (filled != payload.size()) return false;
      out.end = aligned(offset + kFragmentHeadBytes + part);
      out.payload = std::move(payload);
      return true;
    }
    offset += kBlockBytes;
  }
}

Result<SegmentScanner::Found> SegmentScanner::next(ScannedRecord& out) {
  has_rest_ = false;
  const std::uint64_t expected = start_at(position_);
  for (std::uint64_t at = expected; at < limit_;) {
    auto is_record = read_record(at, out);
    if (!is_record) return is_record.error();
    if (*is_record) {
      if (at == expected || !has_rest_) {
        // Zeros between records are no damage by themselves: a gap in the numbers tells when they were something once.
        position_ = out.end;
        return Found::Record;
      }
      damage_from_ = position_;
      position_ = at;
      return Found::Damage;
    }
    // Nothing starts here. Zeros (room reserved ahead) are passed at once: a fragment's first eight bytes are never all
    // zero.
    const auto left_in_block = static_cast<std::size_t>(block_end(at) - at);
    auto rest = view(at, left_in_block);
    if (!rest) return rest.error();
    const std::size_t zeros = leading_zeros(*rest);
    if (zeros == rest->size()) {
      at += left_in_block;
      continue;
    }
    has_rest_ = true;
    const std::size_t whole = zeros / kAlignment * kAlignment;
    at = start_at(at + (whole > 0 ? whole : kAlignment));
  }
  return Found::End;
}

}  // namespace logboom
