#include "pipeline/net/kafka_config.h"

#include <librdkafka/rdkafka.h>

#include "pipeline/base/log.h"

namespace logboom {
namespace {

constexpr int kWarning = 4;  // of syslog's levels

/// Its own log lines, on its threads. What matters comes as errors, too.
void on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  if (level <= kWarning) log_debug("kafka", "{}: {}", facility, text);
}

}  // namespace

KafkaConfig::KafkaConfig() : conf_(rd_kafka_conf_new()) {}

KafkaConfig::~KafkaConfig() {
  if (conf_ != nullptr) rd_kafka_conf_destroy(conf_);
}

Result<void> KafkaConfig::set(const std::string& name, const std::string& value) {
  char why[512] = {};
  if (rd_kafka_conf_set(conf_, name.c_str(), value.c_str(), why, sizeof why) == RD_KAFKA_CONF_OK) return {};
  return Error{ErrorCode::InvalidArgument, why};
}

Result<rd_kafka_s*> KafkaConfig::make_consumer(void* opaque) { return make_client(true, opaque); }
Result<rd_kafka_s*> KafkaConfig::make_producer(void* opaque) { return make_client(false, opaque); }

Result<rd_kafka_s*> KafkaConfig::make_client(bool is_consumer, void* opaque) {
  rd_kafka_conf_set_opaque(conf_, opaque);
  rd_kafka_conf_set_log_cb(conf_, on_log);
  char why[512] = {};
  rd_kafka_t* const client = rd_kafka_new(is_consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf_, why, sizeof why);
  if (client == nullptr) return Error{ErrorCode::InvalidArgument, why};
  conf_ = nullptr;  // the client's
  return client;
}

}  // namespace logboom
