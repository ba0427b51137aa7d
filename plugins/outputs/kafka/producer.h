// KafkaProducer: messages on their way, and what became of them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/net/kafka_config.h"
#include "pipeline/plugin/output.h"

struct rd_kafka_s;
struct rd_kafka_message_s;

namespace logboom {

struct KafkaMessage {
  std::string_view topic;
  std::string_view value;
  std::string_view key;  // data() == nullptr: none
  std::vector<std::pair<std::string_view, std::string_view>> headers;
};

/// One librdkafka producer and the thread that hears its reports. send() from any thread.
class KafkaProducer {
 public:
  /// Hears what became of a message of a delivery; on the producer's thread, or within send().
  using Report = std::function<void(const DeliveryPtr& delivery, std::size_t index, int error, const std::string& reason)>;
  /// Hears of trouble with brokers; on the producer's thread.
  using Trouble = std::function<void(int error, const std::string& reason)>;

  KafkaProducer(Report report, Trouble trouble);
  /// As close() without patience.
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  Result<void> open(KafkaConfig config);
  /// Puts the message of an event in line; never blocks. Its report may come within the call.
  void send(const DeliveryPtr& delivery, std::size_t index, const KafkaMessage& message);
  /// Waits at most so long for what is under way, and gives up the rest: each is reported.
  void close(std::chrono::milliseconds patience);
  /// True after an error that no message will overcome: open another producer.
  bool is_broken() const { return is_broken_.load(std::memory_order_acquire); }
  std::size_t queued() const;

  // Called back by librdkafka.
  void reported(const rd_kafka_message_s& message);
  void troubled(int error, const std::string& reason);

 private:
  Report report_;
  Trouble trouble_;
  rd_kafka_s* client_ = nullptr;
  std::thread thread_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_broken_{false};
};

}  // namespace logboom
