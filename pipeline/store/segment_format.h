// The bytes of a segment file (docs/formats/segment.md). All numbers are little-endian.
//
//   header page (4096 bytes): the header, and a copy of it at 2048
//   records from there on, cut into fragments at every 32 KiB of the file, each fragment on a multiple of 8
//
//   fragment: crc u32, size u16, kind u8, mark u8, data, zeros up to a multiple of 8
//   record:   head (40 bytes), payload - the data of its fragments joined
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace logboom {

namespace segment_format {
inline constexpr std::size_t kBlockBytes = 32 * 1024;
inline constexpr std::size_t kHeaderPageBytes = 4096;
inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::size_t kHeaderCopyOffset = 2048;
inline constexpr std::size_t kFragmentHeadBytes = 8;
inline constexpr std::size_t kRecordHeadBytes = 40;
inline constexpr std::size_t kAlignment = 8;
/// A record starts only where this much of a block is left, so that its head is never cut.
inline constexpr std::size_t kLeastStart = kFragmentHeadBytes + kRecordHeadBytes;
inline constexpr unsigned char kMark = 0xB5;
}  // namespace segment_format

enum class FragmentKind : std::uint8_t { Whole = 1, First = 2, Middle = 3, Last = 4 };

/// How a payload is stored.
enum RecordFlags : std::uint16_t {
  kRecordIsZstd = 1,
  kRecordIsEncrypted = 2,  // AES-256-GCM over what zstd made
};

using KeyId = std::array<char, 8>;  // zeros: no key
using SegmentSalt = std::array<char, 16>;

struct SegmentHeader {
  std::uint64_t id = 0;              // grows with every segment of a store, never comes again
  std::uint64_t first_sequence = 0;  // that of its first event; of the segment before it nothing counts from here on
  std::int64_t created_at = 0;       // milliseconds of wall time
  SegmentSalt salt{};
  KeyId key_id{};
};
/// The whole header page.
std::string write_segment_header(const SegmentHeader& header);
/// From a header page, whichever copy is intact.
std::optional<SegmentHeader> read_segment_header(std::string_view page);

struct RecordHead {
  std::uint64_t first_sequence = 0;
  std::int64_t written_at = 0;       // milliseconds of wall time
  std::uint64_t durable_before = 0;  // events before this number were on disk for sure when the record was made
  std::uint32_t events = 0;
  std::uint32_t payload_bytes = 0;  // as stored
  std::uint16_t flags = 0;

  std::uint64_t end_sequence() const { return first_sequence + events; }
};
std::array<char, segment_format::kRecordHeadBytes> write_record_head(const RecordHead& head);
RecordHead read_record_head(const char* bytes);

/// Appends a record's fragments to `out`, whose first byte stands at `out_offset` of the segment (a multiple of 8).
void append_record(std::uint64_t segment_id, const RecordHead& head, std::string_view payload, std::uint64_t out_offset,
                   std::string& out);

/// What the checksum of a record's first fragment starts from: a record counts only in its own segment and place.
std::uint32_t fragment_seed(std::uint64_t segment_id, std::uint64_t offset);

/// "00000000000000000012.segment", and back.
std::string segment_file_name(std::uint64_t id);
std::optional<std::uint64_t> segment_id_of(std::string_view file_name);

// Little-endian numbers in memory.
void put_u16(char* at, std::uint16_t value);
void put_u32(char* at, std::uint32_t value);
void put_u64(char* at, std::uint64_t value);
std::uint16_t get_u16(const char* at);
std::uint32_t get_u32(const char* at);
std::uint64_t get_u64(const char* at);

}  // namespace logboom
