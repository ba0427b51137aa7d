#include "pipeline/store/store_state.h"

#include <algorithm>
#include <cstring>

#include "pipeline/event/msgpack.h"
#include "pipeline/store/crc32c.h"
#include "pipeline/store/segment_format.h"

namespace logboom {
namespace {

constexpr std::string_view kMagic{"LBSTAT1\n", 8};
constexpr std::size_t kHeadBytes = 16;  // magic, size u32, checksum u32
constexpr std::size_t kMostBytes = 256 * 1024 * 1024;

void write_pair(std::string_view name, std::uint64_t value, std::string& out) {
  write_msgpack_string(name, out);
  write_msgpack_unsigned(value, out);
}

/// Numbers as MessagePack has them; every number of a state is unsigned.
std::optional<std::uint64_t> read_number(MsgpackReader& reader) {
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read) return std::nullopt;
  if (item.kind == MsgpackKind::Integer && item.integer >= 0) return static_cast<std::uint64_t>(item.integer);
  if (item.kind == MsgpackKind::BigInteger) return item.big_integer;
  return std::nullopt;
}

bool read_head(MsgpackReader& reader, MsgpackKind kind, std::uint32_t& size) {
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != kind) return false;
  size = item.size;
  return true;
}

bool read_text(MsgpackReader& reader, std::string_view& text) {
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::String) return false;
  text = item.bytes;
  return true;
}

bool read_done(MsgpackReader& reader, SequenceSet& done) {
  std::uint32_t size = 0;
  if (!read_head(reader, MsgpackKind::Array, size)) return false;
  for (std::uint32_t i = 0; i + 1 < size; i += 2) {
    const auto first = read_number(reader);
    const auto count = first ? read_number(reader) : std::nullopt;
    if (!count) return false;
    done.add(*first, *first + *count);
  }
  return true;
}

bool read_segments(MsgpackReader& reader, std::vector<StoreState::Segment>& segments) {
  std::uint32_t size = 0;
  if (!read_head(reader, MsgpackKind::Array, size)) return false;
  for (std::uint32_t i = 0; i + 1 < size; i += 2) {
    const auto id = read_number(reader);
    const auto first = id ? read_number(reader) : std::nullopt;
    if (!first) return false;
    segments.push_back({*id, *first});
  }
  return true;
}

bool read_counters(MsgpackReader& reader, std::map<std::string, std::uint64_t>& counters) {
  std::uint32_t size = 0;
  if (!read_head(reader, MsgpackKind::Map, size)) return false;
  for (std::uint32_t i = 0; i < size; ++i) {
    std::string_view name;
    if (!read_text(reader, name)) return false;
    const auto value = read_number(reader);
    if (!value) return false;
    counters[std::string(name)] = *value;
  }
  return true;
}

bool read_entry(MsgpackReader& reader, std::string_view name, StoreState& state) {
  if (name == "done") return read_done(reader, state.done);
  if (name == "segments") return read_segments(reader, state.segments);
  if (name == "counters") return read_counters(reader, state.counters);
  const auto number = read_number(reader);
  if (!number) return false;
  if (name == "generation") state.generation = *number;
  if (name == "frontier") state.frontier = *number;
  if (name == "next_sequence") state.next_sequence = *number;
  if (name == "next_segment") state.next_segment = *number;
  if (name == "tail_segment") state.tail_segment = *number;
  if (name == "tail_offset") state.tail_offset = *number;
  if (name == "clean") state.is_clean = *number != 0;
  return true;
}

}  // namespace

std::string write_store_state(const StoreState& state) {
  std::string body;
  write_msgpack_map_head(10, body);
  write_pair("generation", state.generation, body);
  write_pair("frontier", state.frontier, body);
  write_pair("next_sequence", state.next_sequence, body);
  write_pair("next_segment", state.next_segment, body);
  write_pair("tail_segment", state.tail_segment, body);
  write_pair("tail_offset", state.tail_offset, body);
  write_pair("clean", state.is_clean ? 1 : 0, body);
  write_msgpack_string("done", body);
  write_msgpack_array_head(static_cast<std::uint32_t>(state.done.ranges().size() * 2), body);
  for (const auto& [first, end] : state.done.ranges()) {
    write_msgpack_unsigned(first, body);
    write_msgpack_unsigned(end - first, body);
  }
  write_msgpack_string("segments", body);
  write_msgpack_array_head(static_cast<std::uint32_t>(state.segments.size() * 2), body);
  for (const auto& segment : state.segments) {
    write_msgpack_unsigned(segment.id, body);
    write_msgpack_unsigned(segment.first_sequence, body);
  }
  write_msgpack_string("counters", body);
  write_msgpack_map_head(static_cast<std::uint32_t>(state.counters.size()), body);
  for (const auto& [name, value] : state.counters) write_pair(name, value, body);

  std::string slot(kMagic);
  slot.resize(kHeadBytes);
  put_u32(slot.data() + 8, static_cast<std::uint32_t>(body.size()));
  put_u32(slot.data() + 12, crc32c(body, crc32c({slot.data(), 12})));
  return slot + body;
}

bool looks_like_store_state(std::string_view bytes) { return bytes.substr(0, kMagic.size()) == kMagic; }

std::optional<StoreState> read_store_state(std::string_view bytes) {
  if (bytes.size() < kHeadBytes || !looks_like_store_state(bytes)) return std::nullopt;
  const std::size_t size = get_u32(bytes.data() + 8);
  if (size > bytes.size() - kHeadBytes) return std::nullopt;
  const std::string_view body = bytes.substr(kHeadBytes, size);
  if (crc32c(body, crc32c(bytes.substr(0, 12))) != get_u32(bytes.data() + 12)) return std::nullopt;
  MsgpackReader reader(body);
  StoreState state;
  std::uint32_t pairs = 0;
  if (!read_head(reader, MsgpackKind::Map, pairs)) return std::nullopt;
  for (std::uint32_t i = 0; i < pairs; ++i) {
    std::string_view name;
    if (!read_text(reader, name) || !read_entry(reader, name, state)) return std::nullopt;
  }
  return state;
}

Result<File*> StateSlots::slot(int number) {
  if (slots_[number] == nullptr) {
    const std::string path = directory_ + "/" + kStateSlotNames[number];
    auto opened = files_.open(path, OpenMode::ReadWrite);
    if (!opened && opened.error().code == ErrorCode::NotFound) {
      opened = files_.open(path, OpenMode::Create);
      needs_directory_sync_ = true;
    }
    if (!opened) return opened.error();
    slots_[number] = std::move(*opened);
  }
  return slots_[number].get();
}

Result<StateSlots::Loaded> StateSlots::load() {
  Loaded loaded;
  for (int number : {0, 1}) {
    auto file = files_.open(directory_ + "/" + kStateSlotNames[number], OpenMode::Read);
    if (!file && file.error().code == ErrorCode::NotFound) continue;
    if (!file) return file.error();
    auto size = (*file)->size();
    if (!size) return size.error();
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(*size, kMostBytes)), '\0');
    auto got = (*file)->read_at(0, bytes.data(), bytes.size());
    if (!got) return got.error();
    bytes.resize(*got);
    auto state = read_store_state(bytes);
    if (!state) {
      ++loaded.damaged;
      continue;
    }
    ++loaded.intact;
    if (!loaded.newest || state->generation > loaded.newest->generation) {
      generation_ = state->generation;
      next_slot_ = 1 - number;
      is_other_slot_synced_ = false;  // the end of a process may have left it in the system's memory only
      loaded.newest = std::move(state);
    }
  }
  return loaded;
}

Result<void> StateSlots::save(StoreState& state, bool synced) {
  if (!is_other_slot_synced_) {
    auto newest = slot(1 - next_slot_);
    if (!newest) return newest.error();
    if (auto done = (*newest)->sync(); !done) return done;
    is_other_slot_synced_ = true;
  }
  state.generation = generation_ + 1;
  auto file = slot(next_slot_);
  if (!file) return file.error();
  if (auto written = (*file)->write_at(0, write_store_state(state)); !written) return written;
  generation_ = state.generation;
  if (!synced) return {};
  if (auto done = (*file)->sync(); !done) {
    // Of this slot nothing is known any more; it stays the one that is written.
    slots_[next_slot_].reset();
    return done;
  }
  if (needs_directory_sync_) {
    if (auto done = files_.sync_directory(directory_); !done) return done;
    needs_directory_sync_ = false;
  }
  next_slot_ = 1 - next_slot_;
  return {};
}

}  // namespace logboom
