#include "pipeline/store/store_reader.h"

#include <fmt/format.h>

namespace logboom {

void StoreReader::seek(std::uint64_t sequence) {
  next_ = sequence;
  held_.reset();
  scanner_.reset();
  file_.reset();
}

Result<void> StoreReader::open(const SegmentView& segment) {
  auto file = files_.open(segment.path, OpenMode::Read);
  if (!file) return file.error();
  cipher_.reset();
  if (segment.header.key_id != KeyId{}) {
    const auto* key = keys_.find(segment.header.key_id);
    if (key == nullptr)
      return Error{ErrorCode::InvalidArgument, fmt::format("{} is encrypted with a key that was not given", segment.path)};
    cipher_ = std::make_unique<SegmentCipher>(*key, segment.header.salt);
  }
  file_ = std::move(*file);
  segment_ = segment;
  scanner_.emplace(*file_, segment.header.id, segment.start, segment.limit);
  return {};
}

Result<Buffer> StoreReader::unseal(const ScannedRecord& record) {
  Buffer payload = record.payload;
  if ((record.head.flags & kRecordIsEncrypted) != 0) {
    if (!cipher_) return Error{ErrorCode::Corrupt, "an encrypted record in a segment without a key"};
    auto decrypted = cipher_->decrypt(record.head, payload.view());
    if (!decrypted) return decrypted;
    payload = std::move(*decrypted);
  }
  if ((record.head.flags & kRecordIsZstd) != 0) return decompress_payload(payload.view());
  return payload;
}

/// The next record of the open segment that is not behind us; false when it has no more.
Result<bool> StoreReader::scan(StoredRecord& out) {
  ScannedRecord record;
  for (;;) {
    auto found = scanner_->next(record);
    if (!found) return found.error();
    if (*found == SegmentScanner::Found::End) return false;
    if (*found == SegmentScanner::Found::Damage) {
      if (on_damage_) on_damage_({segment_, scanner_->damage_from(), scanner_->position()});
      continue;
    }
    if (record.head.first_sequence >= segment_.end_sequence) return false;  // written again in the next segment
    if (record.head.end_sequence() <= next_) continue;
    auto payload = unseal(record);
    if (!payload) {
      if (on_damage_) on_damage_({segment_, record.offset, record.end});
      continue;
    }
    out.head = record.head;
    out.payload = std::move(*payload);
    out.segment = segment_.header.id;
    return true;
  }
}

StoreReader::Found StoreReader::skip_to(std::uint64_t sequence) {
  gap_first_ = next_;
  next_ = sequence;
  return Found::Gap;
}

Result<StoreReader::Found> StoreReader::next(StoredRecord& out) {
  if (held_) {
    out = std::move(*held_);
    held_.reset();
    next_ = out.head.end_sequence();
    return Found::Record;
  }
  for (;;) {
    if (!scanner_) {
      const auto segment = list_.find(next_);
      if (!segment) return Found::End;
      if (auto opened = open(*segment); !opened) {
        if (opened.error().code != ErrorCode::NotFound) return opened.error();
        // Deleted since the list was made: all of it was done.
        const auto now = list_.find(next_);
        if (now && now->header.id == segment->header.id) {
          if (segment->end_sequence == SegmentView::kUnknown) return Found::End;
          return skip_to(segment->end_sequence);
        }
        continue;
      }
    }
    // Asked before the scan: what the list says to be there must be found.
    const auto now = list_.find(next_);
    const bool is_same = now && now->header.id == segment_.header.id;
    if (is_same) {
      segment_.end_sequence = now->end_sequence;
      segment_.limit = now->limit;
      scanner_->extend(now->limit);
    }
    auto has_record = scan(out);
    if (!has_record) return has_record.error();
    if (*has_record) {
      const std::uint64_t first = out.head.first_sequence;
      if (first > next_) {
        held_ = std::move(out);
        return skip_to(first);
      }
      next_ = out.head.end_sequence();
      return Found::Record;
    }
    if (!now) return Found::End;
    if (!is_same) {
      scanner_.reset();
      if (now->header.first_sequence > next_) return skip_to(now->header.first_sequence);
      continue;
    }
    if (now->end_sequence == SegmentView::kUnknown || next_ >= now->end_sequence) return Found::End;
    // The writer may have cut off meanwhile what it could not sync.
    const auto still = list_.find(next_);
    if (!still || still->header.id != now->header.id || still->end_sequence != now->end_sequence) continue;
    scanner_.reset();
    return skip_to(now->end_sequence);
  }
}

}  // namespace logboom
