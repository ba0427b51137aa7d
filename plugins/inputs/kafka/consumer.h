// KafkaConsumer: one member of a consumer group, from its messages to chunks of events.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/net/kafka_config.h"
#include "pipeline/plugin/ack_frontier.h"
#include "pipeline/plugin/input.h"
#include "plugins/inputs/kafka/message_events.h"

struct rd_kafka_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;
struct rd_kafka_topic_partition_list_s;

namespace logboom {

struct KafkaConsumerSettings {
  std::vector<std::string> topics;  // names, or expressions that begin with ^
  std::size_t max_poll_records = 500;
  std::chrono::milliseconds poll_timeout{100};
  std::string place;  // "pipeline main, input kafka_1", for messages
  std::string id;     // component of log lines
};

/// Used by one thread, apart from the acknowledgements that its frontiers get.
class KafkaConsumer {
 public:
  /// `maker`, `metrics` outlive it.
  KafkaConsumer(KafkaConsumerSettings settings, const MessageEvents& maker, MetricScope& metrics);
  /// As close() without patience.
  ~KafkaConsumer();
  KafkaConsumer(const KafkaConsumer&) = delete;
  KafkaConsumer& operator=(const KafkaConsumer&) = delete;

  /// Joins the group. Errors: InvalidArgument - the configuration can never work.
  Result<void> open(KafkaConfig config);
  /// Reads until `stop` says so, then waits a moment for what is under way.
  void run(EventSink& sink, StopSignal& stop);
  /// True when all that was read is delivered or given up.
  bool is_settled() const;
  /// Commits what is delivered and leaves the group; gives up after `patience`.
  void close(std::chrono::milliseconds patience);

  // Called back by librdkafka, within run() and close().
  void rebalance(int error, rd_kafka_topic_partition_list_s* partitions);
  void report_error(int error, const std::string& text);

 private:
  using PartitionName = std::pair<std::string, std::int32_t>;
  struct Partition {
    std::shared_ptr<AckFrontier> frontier;  // in offsets of the next message to read
    std::unique_ptr<Decoder> decoder;
    std::string stream;           // for ids of events
    std::int64_t safe_next = -1;  // reading may begin there once everything pushed is delivered
    std::int64_t last_offset = -1;
    std::uint64_t assigned_at = 0;  // number of the assignment that it came with
    std::chrono::steady_clock::time_point last_message;
    Counter* lag = nullptr;
    std::uint64_t safe_position() const { return static_cast<std::uint64_t>(safe_next); }
  };
  /// A message and the number of the last assignment when it was read: a partition that left and came back is read anew.
  struct Polled {
    rd_kafka_message_s* message = nullptr;
    std::uint64_t assignment = 0;
  };
  using Messages = std::vector<Polled>;

  void take(Messages& messages, EventSink& sink, StopSignal& stop);
  static void free(Messages& messages);
  void take_run(std::span<const Polled> messages, EventSink& sink, StopSignal& stop);
  void flush_quiet(EventSink& sink, StopSignal& stop);
  bool push(ChunkPtr chunk, EventSink& sink, StopSignal& stop);
  Messages poll(std::chrono::milliseconds timeout);
  void set_paused(bool is_paused);
  void assign(rd_kafka_topic_partition_list_s* partitions);
  void revoke(rd_kafka_topic_partition_list_s* partitions);
  void update_lag();
  Partition* find(const Polled& polled);
  const std::string& cluster_id();
  void settle(std::chrono::steady_clock::time_point deadline);

  const KafkaConsumerSettings settings_;
  const MessageEvents& maker_;
  MetricScope& metrics_;
  Counter& messages_;
  Counter& bytes_;
  Counter& rebalances_;
  Counter& pauses_;
  Counter& partitions_assigned_;
  Note& last_error_;
  LogRateLimit error_log_;

  rd_kafka_s* client_ = nullptr;
  rd_kafka_queue_s* queue_ = nullptr;
  std::map<PartitionName, Partition> partitions_;
  Messages backlog_;  // came while a chunk waited for room
  std::string cluster_id_;
  std::chrono::steady_clock::time_point next_lag_update_;
  std::uint64_t assignments_ = 0;
  bool is_paused_ = false;
  bool is_closing_ = false;
};

}  // namespace logboom
