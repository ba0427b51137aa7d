// StoreReader: what a store holds, record by record in the order of sequence numbers, and what is missing in between.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/base/bytes.h"
#include "pipeline/store/payload_seal.h"
#include "pipeline/store/segment_list.h"
#include "pipeline/store/segment_scanner.h"

namespace logboom {

struct StoredRecord {
  RecordHead head;
  Buffer payload;  // decrypted and decompressed
  std::uint64_t segment = 0;
};

/// Reads only; may be used while another thread or process writes. One thread.
class StoreReader {
 public:
  struct Damage {
    const SegmentView& segment;
    std::uint64_t from;
    std::uint64_t to;
  };

  /// Starts at event number `sequence`: the first record is the one that holds it. List, files and keys outlive the reader.
  StoreReader(const SegmentList& list, FileSystem& files, const StoreKeys& keys, std::uint64_t sequence)
      : list_(list), files_(files), keys_(keys), next_(sequence) {}

  enum class Found {
    Record,
    Gap,  // events [gap_first(), position()) are not there: they were never stored, are done and deleted, or are lost
    End,  // nothing more so far; ask again later
  };
  /// Errors: Io - the same place is tried again with the next call; InvalidArgument - a key is missing.
  Result<Found> next(StoredRecord& out);

  /// The number that the next record is expected to begin with.
  std::uint64_t position() const { return next_; }
  std::uint64_t gap_first() const { return gap_first_; }
  /// Called for each place of a file that is no record and has one behind it, or that a record cannot be made of.
  void on_damage(std::function<void(const Damage&)> callback) { on_damage_ = std::move(callback); }
  /// Goes on elsewhere.
  void seek(std::uint64_t sequence);

 private:
  Result<void> open(const SegmentView& segment);
  Result<bool> scan(StoredRecord& out);
  /// A gap up to `sequence`.
  Found skip_to(std::uint64_t sequence);
  Result<Buffer> unseal(const ScannedRecord& record);

  const SegmentList& list_;
  FileSystem& files_;
  const StoreKeys& keys_;
  std::uint64_t next_;
  std::uint64_t gap_first_ = 0;
  std::function<void(const Damage&)> on_damage_;

  SegmentView segment_;
  std::unique_ptr<File> file_;
  std::optional<SegmentScanner> scanner_;
  std::unique_ptr<SegmentCipher> cipher_;
  std::optional<StoredRecord> held_;  // stands behind a gap that was reported
};

}  // namespace logboom
