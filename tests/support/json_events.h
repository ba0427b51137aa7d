// Chunks of events as a codec would have cut them, with nothing in them but what the test wrote.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/event/batch.h"
#include "pipeline/event/json.h"

namespace logboom {

/// A chunk over received bytes that are JSON events, one per line. Texts point into the received buffer. Not handed over
/// yet.
inline ChunkPtr chunk_of(std::string_view json_lines) {
  auto chunk = std::make_shared<Chunk>(Buffer::copy_of(json_lines), Timestamp{1'700'000'000, 0});
  JsonReader reader;
  std::string_view rest = chunk->received().view();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    auto value = reader.parse(line, chunk->arena());
    if (!value) throw std::invalid_argument(value.error().message);  // no REQUIRE: tests call this on many threads
    Event& event = chunk->new_event();
    for (const ObjectEntry& entry : value->as_object()) event.fields().append(chunk->arena(), entry.key, entry.value);
  }
  return chunk;
}

/// A chunk of {"n":first}, {"n":first+1} …
inline ChunkPtr numbered_chunk(std::int64_t first, std::size_t count) {
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) lines += fmt::format("{{\"n\":{}}}\n", first + static_cast<std::int64_t>(i));
  return chunk_of(lines);
}

/// All events of these chunks in one batch.
inline BatchPtr batch_of(const std::vector<ChunkPtr>& chunks) {
  auto batch = std::make_shared<Batch>();
  for (const ChunkPtr& chunk : chunks)
    for (Event* event : chunk->events()) batch->take(chunk, event);
  return batch;
}

/// The number of an event of numbered_chunk().
inline std::int64_t number_of(const Event& event) {
  static const Key key = intern_key("n");
  const Value* number = event.fields().find(key);
  return number != nullptr && number->is_integer() ? number->as_integer() : -1;
}

inline std::string json_of(const Event& event) {
  std::string text;
  write_json(event.fields(), text);
  return text;
}

}  // namespace logboom
