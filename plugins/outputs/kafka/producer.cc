#include "plugins/outputs/kafka/producer.h"

#include <librdkafka/rdkafka.h>

#include "pipeline/base/log.h"

namespace logboom {
namespace {

/// What a message carries along until its report.
struct Slot {
  DeliveryPtr delivery;
  std::size_t index;
};

void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* producer) {
  static_cast<KafkaProducer*>(producer)->reported(*message);
}

void on_error(rd_kafka_t*, int error, const char* reason, void* producer) {
  static_cast<KafkaProducer*>(producer)->troubled(error, reason);
}

}  // namespace

KafkaProducer::KafkaProducer(Report report, Trouble trouble) : report_(std::move(report)), trouble_(std::move(trouble)) {}

KafkaProducer::~KafkaProducer() { close(std::chrono::milliseconds(0)); }

Result<void> KafkaProducer::open(KafkaConfig config) {
  rd_kafka_conf_set_dr_msg_cb(config.native(), on_report);
  rd_kafka_conf_set_error_cb(config.native(), on_error);
  auto made = config.make_producer(this);
  if (!made) return made.error();
  client_ = *made;
  thread_ = std::thread([this] {
    while (!is_stopping_.load(std::memory_order_acquire)) rd_kafka_poll(client_, 100);
  });
  return {};
}

void KafkaProducer::send(const DeliveryPtr& delivery, std::size_t index, const KafkaMessage& message) {
  auto slot = std::make_unique<Slot>(Slot{delivery, index});
  rd_kafka_headers_t* headers = nullptr;
  if (!message.headers.empty()) {
    headers = rd_kafka_headers_new(message.headers.size());
    for (const auto& [name, value] : message.headers)
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
  }
  const std::string topic(message.topic);
  rd_kafka_vu_t parts[6] = {};
  std::size_t count = 0;
  parts[count].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[count++].u.cstr = topic.c_str();
  parts[count].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[count].u.mem.ptr = const_cast<char*>(message.value.data());
  parts[count++].u.mem.size = message.value.size();
  parts[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[count++].u.i = RD_KAFKA_MSG_F_COPY;
  parts[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[count++].u.ptr = slot.get();
  if (message.key.data() != nullptr) {
    parts[count].vtype = RD_KAFKA_VTYPE_KEY;
    parts[count].u.mem.ptr = const_cast<char*>(message.key.data());
    parts[count++].u.mem.size = message.key.size();
  }
  if (headers != nullptr) {
    parts[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[count++].u.headers = headers;
  }
  rd_kafka_error_t* error = rd_kafka_produceva(client_, parts, count);
  if (error == nullptr) {
    slot.release();  // comes back with its report
    return;
  }
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  const int code = rd_kafka_error_code(error);
  const std::string reason = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  if (code == RD_KAFKA_RESP_ERR__FATAL) is_broken_.store(true, std::memory_order_release);
  report_(delivery, index, code, reason);
}

void KafkaProducer::reported(const rd_kafka_message_t& message) {
  const std::unique_ptr<Slot> slot(static_cast<Slot*>(message._private));
  if (slot == nullptr) return;
  const bool is_fine = message.err == RD_KAFKA_RESP_ERR_NO_ERROR;
  report_(slot->delivery, slot->index, message.err, is_fine ? std::string() : rd_kafka_err2str(message.err));
}

void KafkaProducer::troubled(int error, const std::string& reason) {
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    char why[512] = {};
    const auto original = rd_kafka_fatal_error(client_, why, sizeof why);
    is_broken_.store(true, std::memory_order_release);
    trouble_(original, why);
    return;
  }
  trouble_(error, reason);
}

std::size_t KafkaProducer::queued() const {
  return client_ == nullptr ? 0 : static_cast<std::size_t>(rd_kafka_outq_len(client_));
}

void KafkaProducer::close(std::chrono::milliseconds patience) {
  if (client_ == nullptr) return;
  rd_kafka_flush(client_, static_cast<int>(patience.count()));
  rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  is_stopping_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
  rd_kafka_flush(client_, 1000);  // the reports of what was purged
  rd_kafka_destroy(client_);
  client_ = nullptr;
}

}  // namespace logboom
