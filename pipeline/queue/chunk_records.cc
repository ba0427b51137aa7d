#include "pipeline/queue/chunk_records.h"


#include "pipeline/event/event_identity.h"
#include "pipeline/store/stored_event.h"

namespace logboom {
namespace {

constexpr std::size_t kRecordBytes = 1024 * 1024;  // a larger chunk becomes several records

}  // namespace

void name_events(Chunk& chunk) {
  if (!are_event_identities_wanted() || chunk.token().source() != nullptr) return;
  auto source = std::make_unique<EventSource>();
  source->names.reserve(chunk.events().size());
  for (const Event* event : chunk.events()) source->names.push_back(event_name(*event));
  chunk.token().set_source(std::move(source));
}

std::vector<EncodedRecord> encode_chunk(const Chunk& chunk, const SegmentStore& store) {
  std::vector<EncodedRecord> records;
  const bool are_named = are_event_identities_wanted();
  std::span<Event* const> left(chunk.events());
  do {
    EncodedRecord& record = records.emplace_back();
    record.events = static_cast<std::uint32_t>(write_stored_events(left, are_named, kRecordBytes, record.payload));
    left = left.subspan(record.events);
  } while (!left.empty());
  for (EncodedRecord& record : records) record.payload = store.compress(std::move(record.payload), record.flags);
  return records;
}

DecodedRecord decode_record(const StoredRecord& record, const std::vector<std::pair<std::uint64_t, std::uint64_t>>& wanted,
                            Timestamp now) {
  DecodedRecord decoded;
  decoded.chunk = std::make_shared<Chunk>(record.payload, now);
  MsgpackNames field_names;
  MsgpackReader reader(record.payload.view(), stored_event_limits(), &field_names);
  auto source = std::make_unique<EventSource>();
  auto range = wanted.begin();
  for (std::uint64_t sequence = record.head.first_sequence; sequence < wanted.back().second; ++sequence) {
    while (sequence >= range->second) ++range;
    bool is_fine = false;
    if (sequence < range->first) {
      is_fine = reader.skip() == MsgpackStatus::Read;
    } else {
      EventName name;
      is_fine = read_stored_event(reader, decoded.chunk->new_event(), &name);
      if (is_fine) decoded.sequences.push_back(sequence);
      if (name) source->names.resize(decoded.chunk->events().size());
      if (name) source->names.back() = name;
      if (!is_fine) decoded.chunk->discard_last_event();
    }
    if (is_fine) continue;
    decoded.damaged_from = sequence;
    break;
  }
  if (!source->names.empty()) decoded.chunk->token().set_source(std::move(source));
  return decoded;
}

}  // namespace logboom
