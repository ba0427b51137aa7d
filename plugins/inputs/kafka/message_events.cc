#include "plugins/inputs/kafka/message_events.h"

#include <librdkafka/rdkafka.h>

#include "pipeline/base/utf8.h"

namespace logboom {

MessageEvents::MessageEvents(CodecPtr codec, KafkaDecoration decoration, std::string group, const PluginContext& context)
    : codec_(std::move(codec)),
      decoration_(decoration),
      group_(std::move(group)),
      decorations_(context),
      kafka_(intern_key("kafka")),
      topic_(intern_key("topic")),
      partition_(intern_key("partition")),
      offset_(intern_key("offset")),
      key_(intern_key("key")),
      timestamp_(intern_key("timestamp")),
      consumer_group_(intern_key("consumer_group")),
      headers_(intern_key("headers")) {}

void MessageEvents::decorate(const rd_kafka_message_s& message, Chunk& chunk, std::size_t first) const {
  if (decoration_ == KafkaDecoration::None) return;
  Arena& arena = chunk.arena();
  const auto text = [&](std::string_view bytes) { return Value::string(arena.copy(bytes)); };
  Object* headers = nullptr;
  rd_kafka_headers_t* received = nullptr;
  if (decoration_ == KafkaDecoration::Extended &&
      rd_kafka_message_headers(&message, &received) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    headers = Object::make(arena);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(received, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      const std::string_view bytes(static_cast<const char*>(value), value == nullptr ? 0 : size);
      if (is_valid_utf8(name) && is_valid_utf8(bytes)) headers->set(arena, make_key(arena.copy(name)), text(bytes));
    }
  }
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  const std::string_view key(static_cast<const char*>(message.key), message.key == nullptr ? 0 : message.key_len);
  for (std::size_t i = first; i < chunk.events().size(); ++i) {
    Object* about = Object::make(arena, 8);
    about->append(arena, topic_, text(rd_kafka_topic_name(message.rkt)));
    about->append(arena, consumer_group_, text(group_));
    about->append(arena, partition_, Value::integer(message.partition));
    about->append(arena, offset_, Value::integer(message.offset));
    about->append(arena, key_, message.key == nullptr || !is_valid_utf8(key) ? Value::null() : text(key));
    about->append(arena, timestamp_, type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? Value::null() : Value::integer(timestamp));
    if (headers != nullptr) about->append(arena, headers_, Value::object(copy_object(*headers, arena, CopyStrings::Share)));
    chunk.events()[i]->metadata().set(arena, kafka_, Value::object(about));
  }
}

}  // namespace logboom
