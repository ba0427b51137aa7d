#include "plugins/outputs/forward/chunk_encoder.h"

#include <openssl/evp.h>

#include "pipeline/event/msgpack.h"
#include "pipeline/net/fluent_handshake.h"
#include "pipeline/net/gzip.h"
#include "pipeline/net/zstd.h"

namespace logboom {
namespace {

constexpr std::size_t kIdBytes = 16;                     // as Fluentd's
constexpr std::int64_t kLastEventSecond = 0xfffffffdLL;  // behind it are Fluent Bit's group marks

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a zero byte
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace

struct ChunkEncoder::Entries {
  std::string tag;
  std::string bytes;
  std::vector<std::uint32_t> events;
};

std::vector<ForwardChunkPtr> ChunkEncoder::encode(const DeliveryPtr& delivery) const {
  std::vector<ForwardChunkPtr> made;
  std::vector<Entries> open;  // few tags: a search through them is no cost
  std::string tag;
  const auto events = delivery->events();
  for (std::uint32_t number = 0; number < events.size(); ++number) {
    tag.clear();
    append_tag(*events[number], tag);
    Entries* entries = nullptr;
    for (Entries& known : open)
      if (known.tag == tag) entries = &known;
    if (entries == nullptr) {
      open.push_back({tag, {}, {}});
      entries = &open.back();
    }
    append_entry(*events[number], entries->bytes);
    entries->events.push_back(number);
    if (entries->bytes.size() >= options_.chunk_bytes) made.push_back(finish(delivery, *entries));
  }
  for (Entries& entries : open)
    if (!entries.events.empty()) made.push_back(finish(delivery, entries));
  return made;
}

void ChunkEncoder::append_tag(const Event& event, std::string& out) const {
  const std::size_t before = out.size();
  if (!options_.tag.is_single_field()) {
    options_.tag.append_to(event, out);
  } else if (const Value* value = event.get(options_.tag.field())) {
    append_value_text(*value, out);
  }
  if (out.size() == before) out += options_.default_tag;
}

void ChunkEncoder::append_entry(const Event& event, std::string& out) const {
  write_msgpack_array_head(2, out);
  const Timestamp time = event.timestamp().value_or(Timestamp::now(system_clock()));
  if (options_.writes_integer_times || time.seconds < 0 || time.seconds > kLastEventSecond) {
    write_msgpack_integer(time.seconds, out);
  } else {
    write_msgpack_event_time(time, out);
  }
  const Object& fields = event.fields();
  const Value* const timestamp = fields.find(well_known().timestamp);
  write_msgpack_map_head(fields.size() - (timestamp != nullptr ? 1 : 0), out);
  for (const ObjectEntry& entry : fields) {
    if (&entry.value == timestamp) continue;  // it is the entry's time
    write_msgpack_string(entry.key.text(), out);
    write_msgpack(entry.value, out);
  }
}

/// Makes the message, and leaves `entries` empty with its tag.
ForwardChunkPtr ChunkEncoder::finish(const DeliveryPtr& delivery, Entries& entries) const {
  auto chunk = std::make_shared<ForwardChunk>();
  chunk->delivery = delivery;
  chunk->events = std::move(entries.events);
  entries.events.clear();
  std::string_view compressed;
  std::string packed;
  switch (options_.compression) {
    case ForwardCompression::None: break;
    case ForwardCompression::Gzip:
      packed = gzip_compress(entries.bytes);
      compressed = "gzip";
      break;
    case ForwardCompression::Zstd:
      packed = zstd_compress(entries.bytes);
      compressed = "zstd";
      break;
  }
  const std::string& payload = compressed.empty() ? entries.bytes : packed;
  std::string& out = chunk->bytes;
  out.reserve(payload.size() + entries.tag.size() + 128);
  write_msgpack_array_head(3, out);
  write_msgpack_string(entries.tag, out);
  write_msgpack_binary(payload, out);
  write_msgpack_map_head(1 + (compressed.empty() ? 0 : 1) + (options_.asks_for_acks ? 1 : 0), out);
  write_msgpack_string("size", out);
  write_msgpack_unsigned(chunk->events.size(), out);
  if (!compressed.empty()) {
    write_msgpack_string("compressed", out);
    write_msgpack_string(compressed, out);
  }
  if (options_.asks_for_acks) {
    chunk->id = base64(random_bytes(kIdBytes));
    write_msgpack_string("chunk", out);
    write_msgpack_string(chunk->id, out);
  }
  entries.bytes.clear();
  return chunk;
}

}  // namespace logboom
