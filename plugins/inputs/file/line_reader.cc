#include "plugins/inputs/file/line_reader.h"

#define XXH_INLINE_ALL  // lines are short: the call would cost as much as the hash
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "pipeline/event/event_identity.h"

namespace logboom {
namespace {

constexpr std::size_t kLongestLineBytes = 64 * 1024 * 1024;
constexpr std::size_t kRememberedBytes = 64;

/// A new object of one entry.
Value object_of(Arena& arena, const Key& key, Value value) {
  Object* made = Object::make(arena, 1);
  made->append(arena, key, value);
  return Value::object(made);
}

}  // namespace

FileFields::FileFields(bool is_ecs, std::string host)
    : is_ecs_(is_ecs),
      host_(std::move(host)),
      host_key_(intern_key("host")),
      path_key_(intern_key("path")),
      name_key_(intern_key("name")),
      log_key_(intern_key("log")),
      file_key_(intern_key("file")) {}

void FileFields::stamp(Chunk& chunk, std::string_view path) const {
  Arena& arena = chunk.arena();
  const Value host = Value::string(arena.copy(host_));
  const Value file = Value::string(arena.copy(path));
  for (Event* event : chunk.events()) {
    Object& metadata = event->metadata();
    metadata.set(arena, path_key_, file);
    metadata.set(arena, host_key_, host);
    Object& fields = event->fields();
    if (!is_ecs_) {
      if (fields.find(host_key_) == nullptr) fields.append(arena, host_key_, host);
      if (fields.find(path_key_) == nullptr) fields.append(arena, path_key_, file);
      continue;
    }
    Value* named = fields.find(host_key_);
    if (named == nullptr) {
      fields.append(arena, host_key_, object_of(arena, name_key_, host));
    } else if (named->is_object() && named->as_object().find(name_key_) == nullptr) {
      named->as_object().append(arena, name_key_, host);
    }
    Value* log = fields.find(log_key_);
    if (log == nullptr) {
      fields.append(arena, log_key_, object_of(arena, file_key_, object_of(arena, path_key_, file)));
      continue;
    }
    if (!log->is_object()) continue;
    Value* of_log = log->as_object().find(file_key_);
    if (of_log == nullptr) {
      log->as_object().append(arena, file_key_, object_of(arena, path_key_, file));
    } else if (of_log->is_object() && of_log->as_object().find(path_key_) == nullptr) {
      of_log->as_object().append(arena, path_key_, file);
    }
  }
}

LineReader::LineReader(const FileReading& reading, std::uint64_t start)
    : reading_(reading), decoder_(reading.codec->make_decoder()), position_(start), safe_(start) {}

std::size_t LineReader::find_delimiter(std::string_view bytes) const {
  const std::string& delimiter = reading_.delimiter;
  if (delimiter.size() != 1) return bytes.find(delimiter);
  const void* at = bytes.empty() ? nullptr : std::memchr(bytes.data(), delimiter[0], bytes.size());
  return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(at) - bytes.data());
}

void LineReader::remember_last(std::string_view bytes) {
  if (bytes.size() >= kRememberedBytes) {
    last_bytes_.assign(bytes.substr(bytes.size() - kRememberedBytes));
    return;
  }
  last_bytes_.append(bytes);
  if (last_bytes_.size() > kRememberedBytes) last_bytes_.erase(0, last_bytes_.size() - kRememberedBytes);
}

void LineReader::restart_at(std::uint64_t position) {
  decoder_ = reading_.codec->make_decoder();
  std::string().swap(carry_);
  last_bytes_.clear();
  position_ = safe_ = position;
  is_skipping_ = false;
}

Result<ReadStep> LineReader::read(ByteSource& source, std::size_t limit, const std::string& path, AckLedger& ledger,
                                  bool moves_position, EventSink& sink, StopSignal& stop) {
  // A long line is read in pieces that grow with it, so that copying it along stays linear.
  const std::size_t held = carry_.size();
  const std::size_t wanted = std::min(std::max(reading_.chunk_bytes, held), std::max<std::size_t>(limit, 1));
  Buffer buffer = Buffer::allocate(held + wanted);
  if (held > 0) std::memcpy(buffer.writable_data(), carry_.data(), held);
  const std::uint64_t before = source.file_offset();
  const auto count = source.read(buffer.writable_data() + held, wanted);
  if (!count) return count.error();
  if (*count == 0) return ReadStep::AtEnd;
  reading_.bytes_read.add(source.file_offset() - before);
  const std::uint64_t first_position = position_ - held;
  position_ += *count;
  if (moves_position) remember_last({buffer.data() + held, *count});
  const std::string_view all(buffer.data(), held + *count);
  ChunkPtr chunk = sink.new_chunk(buffer.slice(0, all.size()));
  take_lines(all, first_position, *chunk);
  return push(std::move(chunk), path, ledger, moves_position ? safe_ : 0, sink, stop) ? ReadStep::Pushed : ReadStep::Stopped;
}

void LineReader::take_lines(std::string_view bytes, std::uint64_t first_position, Chunk& chunk) {
  const std::size_t delimiter_size = reading_.delimiter.size();
  std::uint64_t start = first_position;
  std::uint64_t lines = 0;
  for (;;) {
    const std::size_t length = find_delimiter(bytes);
    if (length == std::string_view::npos) break;
    const std::uint64_t end = start + length + delimiter_size;
    if (is_skipping_) {
      is_skipping_ = false;
      if (decoder_->held_bytes() == 0) safe_ = end;
    } else {
      take_line(bytes.substr(0, std::min(length, kLongestLineBytes)), start, end, length > kLongestLineBytes, chunk);
      ++lines;
    }
    bytes.remove_prefix(length + delimiter_size);
    start = end;
  }
  reading_.lines.add(lines);
  if (!is_skipping_ && bytes.size() > kLongestLineBytes) {
    take_line(bytes.substr(0, kLongestLineBytes), start, start + bytes.size(), true, chunk);
    reading_.lines.add();
    is_skipping_ = true;
  }
  if (is_skipping_) bytes.remove_prefix(bytes.size() - std::min(bytes.size(), delimiter_size - 1));
  carry_.assign(bytes);
  constexpr std::size_t kKeptBytes = 256 * 1024;
  if (carry_.capacity() > kKeptBytes && carry_.size() < kKeptBytes) carry_.shrink_to_fit();
}

void LineReader::take_line(std::string_view line, std::uint64_t start, std::uint64_t end, bool is_cut, Chunk& chunk) {
  const std::size_t events = chunk.events().size();
  decoder_->decode_message(line, chunk);
  const bool has_grown = chunk.events().size() != events;
  if (has_grown && are_event_identities_wanted() && positions_.size() == events)
    note_positions(start, line, chunk.events().size());
  if (decoder_->held_bytes() == 0) {
    safe_ = end;
  } else if (has_grown) {
    safe_ = start;  // what came out are the lines before; this one waits
  }
  if (!is_cut) return;
  reading_.lines_too_long.add();
  for (std::size_t i = events; i < chunk.events().size(); ++i) chunk.events()[i]->add_failure_tag("_line_too_long");
}

/// A file that was cut short (copytruncate) and an inode that is used again have other lines at the same offsets: what the
/// line says is part of its place.
void LineReader::note_positions(std::uint64_t start, std::string_view line, std::size_t events) {
  positions_.resize(events, XXH3_64bits_withSeed(line.data(), line.size(), start));
}

bool LineReader::push(ChunkPtr chunk, const std::string& path, AckLedger& ledger, std::uint64_t position, EventSink& sink,
                      StopSignal& stop) {
  const std::vector<std::uint64_t> positions = std::exchange(positions_, {});
  if (chunk->events().empty()) {
    ledger.frontier().note(position);
    return true;
  }
  reading_.fields.stamp(*chunk, path);
  reading_.decorations.apply(*chunk);
  if (positions.size() == chunk->events().size()) {
    auto source = std::make_unique<EventSource>();
    source->positions = positions;
    source->stream = fmt::format("file/{}/{}/{}", reading_.fields.host(), ledger.identity().device, ledger.identity().inode);
    chunk->token().set_source(std::move(source));
  }
  chunk->token().set_receiver(ledger.frontier().expect(position), AckTracking::Whole);
  if (sink.push(std::move(chunk), stop)) return true;
  return false;
}

bool LineReader::finish(const std::string& path, AckLedger& ledger, std::uint64_t position, EventSink& sink,
                        StopSignal& stop) {
  ChunkPtr chunk = sink.new_chunk(Buffer::copy_of(is_skipping_ ? std::string_view() : std::string_view(carry_)));
  if (!chunk->received().empty()) {
    take_line(chunk->received().view(), position_ - carry_.size(), position_, false, *chunk);
    reading_.lines.add();
  }
  decoder_->flush(*chunk);
  std::string().swap(carry_);
  is_skipping_ = false;
  safe_ = position_;
  return push(std::move(chunk), path, ledger, position, sink, stop);
}

bool LineReader::flush_codec(const std::string& path, AckLedger& ledger, EventSink& sink, StopSignal& stop) {
  ChunkPtr chunk = sink.new_chunk({});
  decoder_->flush(*chunk);
  if (!is_skipping_) safe_ = position_ - carry_.size();
  return push(std::move(chunk), path, ledger, safe_, sink, stop);
}

}  // namespace logboom
