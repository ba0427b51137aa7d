#include "pipeline/store/segment_writer.h"

#include <algorithm>

namespace logboom {

constexpr std::size_t kKeptCapacity = 4 * 1024 * 1024;
constexpr std::uint64_t kAllocationStep = 8 * 1024 * 1024;

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(FileSystem& files, const std::string& directory,
                                                             const SegmentHeader& header, std::uint64_t segment_bytes) {
  const std::string path = directory + "/" + segment_file_name(header.id);
  auto file = files.open(path, OpenMode::Create);
  if (!file) return file.error();
  const std::uint64_t allocated = std::min(segment_bytes, kAllocationStep);
  auto prepared = (*file)->allocate(allocated);
  if (prepared) prepared = (*file)->write_at(0, write_segment_header(header));
  if (!prepared) {
    // Nothing was ever in it.
    (void)files.remove(path).has_value();
    return prepared.error();
  }
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter(files, directory, std::move(*file), header));
  writer->written_ = segment_format::kHeaderPageBytes;
  writer->allocated_ = allocated;
  writer->segment_bytes_ = segment_bytes;
  return writer;
}

void SegmentWriter::add(const RecordHead& head, std::string_view payload) {
  append_record(header_.id, head, payload, written_, pending_);
}

Result<void> SegmentWriter::write() {
  if (pending_.empty()) return {};
  if (size() > allocated_) {
    const std::uint64_t wanted = std::max(size(), std::min(segment_bytes_, allocated_ + kAllocationStep));
    if (auto reserved = file_->allocate(wanted); !reserved) return reserved;
    allocated_ = wanted;
  }
  auto written = file_->write_at(written_, pending_);
  if (!written) return written;
  written_ += pending_.size();
  if (pending_.capacity() > kKeptCapacity) {
    pending_ = std::string();
  } else {
    pending_.clear();
  }
  return {};
}

Result<void> SegmentWriter::sync() {
  if (synced_ == written_) return {};
  const std::uint64_t written = written_;
  if (auto synced = file_->sync(); !synced) return synced;
  if (!is_directory_synced_) {
    if (auto synced = files_.sync_directory(directory_); !synced) return synced;
    is_directory_synced_ = true;
  }
  synced_ = written;
  return {};
}

void SegmentWriter::seal() { (void)file_->truncate(written_).has_value(); }

void SegmentWriter::give_up(std::uint64_t kept) {
  pending_.clear();
  (void)file_->truncate(kept).has_value();
}

}  // namespace logboom
