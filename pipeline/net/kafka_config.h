// KafkaConfig: properties of a Kafka client, checked one by one as they are set.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace logboom {

/// One property of librdkafka, and the option that it follows from.
struct KafkaProperty {
  std::string name;
  std::string value;
  std::string option;
};

/// Owns a librdkafka configuration until a client takes it. One thread.
class KafkaConfig {
 public:
  KafkaConfig();
  ~KafkaConfig();
  KafkaConfig(KafkaConfig&& other) noexcept : conf_(std::exchange(other.conf_, nullptr)) {}
  KafkaConfig& operator=(KafkaConfig&&) = delete;

  /// InvalidArgument says what is wrong with the name or the value.
  Result<void> set(const std::string& name, const std::string& value);
  rd_kafka_conf_s* native() const { return conf_; }
  /// A client of this configuration, which is gone then; callbacks get `opaque`. The caller sets others than the log's on
  /// native() before, and destroys the client. Errors: InvalidArgument as librdkafka says it.
  Result<rd_kafka_s*> make_consumer(void* opaque);
  Result<rd_kafka_s*> make_producer(void* opaque);

 private:
  Result<rd_kafka_s*> make_client(bool is_consumer, void* opaque);
  rd_kafka_conf_s* conf_;
};

}  // namespace logboom
