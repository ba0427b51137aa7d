// SegmentWriter: one segment file while records are added to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/store/file_system.h"
#include "pipeline/store/segment_format.h"

namespace logboom {

/// Used by one thread. After an error of write() or sync() the segment ends where the last good sync() left it: begin
/// another one and write there what came behind that.
class SegmentWriter {
 public:
  /// Makes the file, reserves room (more as it fills, up to `segment_bytes`) and writes the header. Nothing is on the medium
  /// before sync().
  static Result<std::unique_ptr<SegmentWriter>> create(FileSystem& files, const std::string& directory,
                                                       const SegmentHeader& header, std::uint64_t segment_bytes);

  /// Lays a record out in memory.
  void add(const RecordHead& head, std::string_view payload);
  /// Writes what was added.
  Result<void> write();
  /// Syncs what was written; the first time the directory too.
  Result<void> sync();
  /// Gives back the room that was reserved and not used. The end of a segment's life as the one that is written.
  void seal();
  /// The same after an error: what stands behind the first `kept` bytes goes.
  void give_up(std::uint64_t kept);

  const SegmentHeader& header() const { return header_; }
  /// Bytes so far, with those that are only laid out.
  std::uint64_t size() const { return written_ + pending_.size(); }
  std::uint64_t written() const { return written_; }
  std::uint64_t synced() const { return synced_; }

 private:
  SegmentWriter(FileSystem& files, std::string directory, std::unique_ptr<File> file, const SegmentHeader& header)
      : files_(files), directory_(std::move(directory)), file_(std::move(file)), header_(header) {}

  FileSystem& files_;
  const std::string directory_;
  std::unique_ptr<File> file_;
  const SegmentHeader header_;
  std::string pending_;
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  std::uint64_t allocated_ = 0;
  std::uint64_t segment_bytes_ = 0;
  bool is_directory_synced_ = false;
};

}  // namespace logboom
