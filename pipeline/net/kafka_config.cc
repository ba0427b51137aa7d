#include "pipeline/net/kafka_config.h"

#include <librdkafka/rdkafka.h>

namespace logboom {

KafkaConfig::KafkaConfig() : conf_(rd_kafka_conf_new()) {}

KafkaConfig::~KafkaConfig() {
  if (conf_ != nullptr) rd_kafka_conf_destroy(conf_);
}

Result<void> KafkaConfig::set(const std::string& name, const std::string& value) {
  char why[512] = {};
  if (rd_kafka_conf_set(conf_, name.c_str(), value.c_str(), why, sizeof why) == RD_KAFKA_CONF_OK) return {};
  return Error{ErrorCode::InvalidArgument, why};
}

}  // namespace logboom
