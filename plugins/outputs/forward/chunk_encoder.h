// Deliveries as messages of the forward protocol.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/event/field_template.h"
#include "plugins/outputs/forward/forward_chunk.h"

namespace logboom {

enum class ForwardCompression { None, Gzip, Zstd };

struct ChunkEncoderOptions {
  FieldTemplate tag;
  std::string default_tag;
  bool writes_integer_times = false;
  bool asks_for_acks = false;
  ForwardCompression compression = ForwardCompression::None;
  std::size_t chunk_bytes = 4 * 1024 * 1024;  // entries of a message before compression; one event may be more
};

/// Immutable; any thread.
class ChunkEncoder {
 public:
  explicit ChunkEncoder(ChunkEncoderOptions options) : options_(std::move(options)) {}
  /// The events of a delivery as messages, one or more for each tag, in order.
  std::vector<ForwardChunkPtr> encode(const DeliveryPtr& delivery) const;

 private:
  struct Entries;
  void append_tag(const Event& event, std::string& out) const;
  void append_entry(const Event& event, std::string& out) const;
  ForwardChunkPtr finish(const DeliveryPtr& delivery, Entries& entries) const;
  ChunkEncoderOptions options_;
};

}  // namespace logboom
