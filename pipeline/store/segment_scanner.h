// SegmentScanner: the records of one segment file in order, and the damaged places between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"
#include "pipeline/store/file_system.h"
#include "pipeline/store/segment_format.h"

namespace logboom {

struct ScannedRecord {
  RecordHead head;
  Buffer payload;  // as stored
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
};

/// Reads [start, limit) of a segment. Whatever is not a whole, intact record is passed over: the scanner looks for the next
/// record on every multiple of 8, so that an intact record is found however the bytes before it look. One thread.
class SegmentScanner {
 public:
  /// `start` is the header page's end or the end of a record. The file must outlive the scanner.
  SegmentScanner(File& file, std::uint64_t segment_id, std::uint64_t start, std::uint64_t limit)
      : file_(file), segment_id_(segment_id), position_(start), limit_(limit) {}

  enum class Found {
    Record,
    Damage,  // [damage_from(), position()) holds no record, but there is one behind it
    End,     // no record between position() and the limit
  };
  /// Errors: Io - reading failed; the same place is tried again with the next call.
  Result<Found> next(ScannedRecord& out);

  std::uint64_t position() const { return position_; }
  std::uint64_t damage_from() const { return damage_from_; }
  /// After End: something other than zeros is left behind position().
  bool has_rest() const { return has_rest_; }
  /// More was written since.
  void extend(std::uint64_t limit) { limit_ = limit; }

 private:
  /// Where a record could start at the earliest.
  static std::uint64_t start_at(std::uint64_t offset);
  /// Makes [offset, offset + size) readable; shorter where the limit is.
  Result<std::string_view> view(std::uint64_t offset, std::size_t size);
  /// True when an intact record starts at `offset`.
  Result<bool> read_record(std::uint64_t offset, ScannedRecord& out);
  Result<bool> gather(std::uint64_t offset, std::size_t size, std::uint32_t crc, std::string data, ScannedRecord& out);

  File& file_;
  const std::uint64_t segment_id_;
  std::uint64_t position_;
  std::uint64_t limit_;
  std::uint64_t damage_from_ = 0;
  bool has_rest_ = false;
  std::vector<char> window_;
  std::uint64_t window_offset_ = 0;
  std::size_t window_size_ = 0;
};

}  // namespace logboom
