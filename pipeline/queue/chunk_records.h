// Chunks as records of the store, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/event/batch.h"
#include "pipeline/store/segment_store.h"

namespace logboom {

/// Gives the events of a chunk that has no lasting source names that are kept on disk with them, when somebody wants names.
void name_events(Chunk& chunk);

struct EncodedRecord {
  std::string payload;
  std::uint32_t events = 0;
  std::uint16_t flags = 0;
};
/// A large chunk becomes several records. A piece of work: not under a lock.
std::vector<EncodedRecord> encode_chunk(const Chunk& chunk, const SegmentStore& store);

struct DecodedRecord {
  ChunkPtr chunk;
  std::vector<std::uint64_t> sequences;       // of the chunk's events
  std::optional<std::uint64_t> damaged_from;  // from this number on the payload holds no events, whatever its checksum says
};
/// The events of a record whose numbers lie in `wanted`: ascending ranges [first, end) within the record, at least one.
DecodedRecord decode_record(const StoredRecord& record, const std::vector<std::pair<std::uint64_t, std::uint64_t>>& wanted,
                            Timestamp now);

}  // namespace logboom
