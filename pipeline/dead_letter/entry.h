// One entry of a dead-letter queue: the event with its @metadata, and why it is there.
//
// MessagePack, one behind the other: an array [1, entry time (timestamp), plugin type, plugin id, reason, code, replays] and
// the event as pipeline/store/stored_event.h writes it. Readers pass over items that the array has beyond these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"
#include "pipeline/dead_letter/dead_letter_sink.h"
#include "pipeline/event/batch.h"
#include "pipeline/event/timestamp.h"

namespace logboom {

struct DeadLetter {
  std::uint64_t sequence = 0;
  Timestamp entry_time;
  std::string plugin_type;
  std::string plugin_id;
  std::string reason;
  int code = 0;
  std::uint32_t replays = 0;  // how often the event had been sent again when it failed
  Buffer payload;
  std::size_t event_offset = 0;
};

/// Appends an entry. How often the event was replayed before is read from its [@metadata][dead_letter_queue].
void write_dead_letter(const Event& event, const DeadLetterCause& cause, Timestamp now, std::string& out);

/// Errors: Corrupt - it is no entry.
Result<DeadLetter> read_dead_letter(std::uint64_t sequence, Buffer payload);

/// Makes the entry's event an event of the chunk, which keeps its bytes, with [@metadata][dead_letter_queue] set:
/// plugin_type, plugin_id, reason and entry_time as Logstash has them; code, pipeline_id, sequence and replays (one more
/// than in the entry) besides. nullptr: the bytes are no event.
Event* add_dead_letter(const DeadLetter& entry, std::string_view pipeline_id, Chunk& chunk);

}  // namespace logboom
