#include "pipeline/dead_letter/entry.h"

#include <algorithm>

#include "pipeline/event/msgpack.h"
#include "pipeline/store/stored_event.h"

namespace logboom {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::uint32_t kHeadItems = 7;

const FieldRef& replays_field() {
  static const FieldRef field = *FieldRef::parse("[@metadata][dead_letter_queue][replays]");
  return field;
}

std::int64_t replays_of(const Event& event) {
  const Value* replays = event.get(replays_field());  // anybody's: a sender may have set it
  if (replays == nullptr || !replays->is_integer()) return 0;
  return std::clamp<std::int64_t>(replays->as_integer(), 0, UINT32_MAX);
}

bool take_text(MsgpackReader& reader, std::string& text) {
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::String) return false;
  text = item.bytes;
  return true;
}

bool take_integer(MsgpackReader& reader, std::int64_t& number) {
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Integer) return false;
  number = item.integer;
  return true;
}

bool take_head(MsgpackReader& reader, DeadLetter& entry) {
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Array || item.size < kHeadItems) return false;
  const std::uint32_t items = item.size;
  std::int64_t version = 0, code = 0, replays = 0;
  if (!take_integer(reader, version) || version != kVersion) return false;
  if (reader.next(item) != MsgpackStatus::Read || !msgpack_timestamp(item, entry.entry_time)) return false;
  if (!take_text(reader, entry.plugin_type) || !take_text(reader, entry.plugin_id) || !take_text(reader, entry.reason) ||
      !take_integer(reader, code) || !take_integer(reader, replays) || replays < 0 || replays > UINT32_MAX)
    return false;
  entry.code = static_cast<int>(code);
  entry.replays = static_cast<std::uint32_t>(replays);
  for (std::uint32_t i = kHeadItems; i < items; ++i)
    if (reader.skip() != MsgpackStatus::Read) return false;
  return true;
}

}  // namespace

void write_dead_letter(const Event& event, const DeadLetterCause& cause, Timestamp now, std::string& out) {
  write_msgpack_array_head(kHeadItems, out);
  write_msgpack_integer(kVersion, out);
  write_msgpack_timestamp(now, out);
  write_msgpack_string(cause.plugin_type, out);
  write_msgpack_string(cause.plugin_id, out);
  write_msgpack_string(cause.reason, out);
  write_msgpack_integer(cause.code, out);
  write_msgpack_integer(replays_of(event), out);
  write_stored_event(event, out);
}

Result<DeadLetter> read_dead_letter(std::uint64_t sequence, Buffer payload) {
  DeadLetter entry;
  entry.sequence = sequence;
  MsgpackReader reader(payload.view(), stored_event_limits());
  if (!take_head(reader, entry)) return Error{ErrorCode::Corrupt, "a record that is no entry of a dead-letter queue"};
  entry.event_offset = reader.position();
  entry.payload = std::move(payload);
  return entry;
}

Event* add_dead_letter(const DeadLetter& entry, std::string_view pipeline_id, Chunk& chunk) {
  static const Key dead_letter_queue = intern_key("dead_letter_queue");
  static const Key plugin_type = intern_key("plugin_type");
  static const Key plugin_id = intern_key("plugin_id");
  static const Key reason = intern_key("reason");
  static const Key entry_time = intern_key("entry_time");
  static const Key code = intern_key("code");
  static const Key pipeline = intern_key("pipeline_id");
  static const Key sequence = intern_key("sequence");
  static const Key replays = intern_key("replays");
  chunk.keep(entry.payload);
  Event& event = chunk.new_event();
  MsgpackReader reader(entry.payload.view().substr(entry.event_offset), stored_event_limits());
  if (!read_stored_event(reader, event)) {
    chunk.discard_last_event();
    return nullptr;
  }
  Arena& arena = event.arena();
  Object* about = Object::make(arena, 8);
  about->set(arena, plugin_type, Value::string(arena.copy(entry.plugin_type)));
  about->set(arena, plugin_id, Value::string(arena.copy(entry.plugin_id)));
  about->set(arena, reason, Value::string(arena.copy(entry.reason)));
  about->set(arena, entry_time, Value::timestamp(entry.entry_time));
  if (entry.code != 0) about->set(arena, code, Value::integer(entry.code));
  about->set(arena, pipeline, Value::string(arena.copy(pipeline_id)));
  about->set(arena, sequence, Value::integer(static_cast<std::int64_t>(entry.sequence)));
  about->set(arena, replays, Value::integer(std::int64_t{entry.replays} + 1));
  event.metadata().set(arena, dead_letter_queue, Value::object(about));
  return &event;
}

}  // namespace logboom
