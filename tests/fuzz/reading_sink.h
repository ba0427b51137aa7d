// The sink of fuzz targets: takes everything, reads it, and acknowledges it.
#pragma once

#include <cstdint>
#include <string>

#include "pipeline/event/json.h"
#include "pipeline/plugin/input.h"

namespace logboom {

/// Writes every event as JSON, so that sanitizers see all of its bytes; acknowledges a chunk's events one by one, the last
/// one first, so that prefixes are exercised too.
class ReadingSink : public EventSink {
 public:
  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp{1'700'000'000, 0});
  }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    std::string text;
    for (const Event* event : chunk->events()) {
      text.clear();
      write_json(event->fields(), text);
      if (event->metadata_if_any() != nullptr) write_json(*event->metadata_if_any(), text);
      look_at(*event, text);
    }
    const std::size_t events = chunk->events().size();
    chunk->token().arm(events);
    for (std::size_t i = events; i > 0; --i) chunk->token().complete(static_cast<std::uint32_t>(i - 1));
    chunk.reset();
    return true;
  }
  void call_when_room(std::function<void()> callback) override { callback(); }
  bool is_stopping() const override { return false; }

 protected:
  /// What a target claims of every event. `text`: its fields and metadata as JSON.
  virtual void look_at(const Event& event, const std::string& text) {
    (void)event;
    (void)text;
  }
};

}  // namespace logboom
