#include "plugins/inputs/kafka/consumer.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstring>

#include "pipeline/base/one_time_signal.h"
#include "pipeline/plugin/kafka_options.h"

namespace logboom {
namespace {

constexpr int kSafeToDestroyVersion = 0x02030000;

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto kPauseAfter = milliseconds(500);              // without room in the queue
constexpr auto kHandOverPatience = std::chrono::seconds(5);  // for events under way when a partition goes to somebody else
constexpr auto kLagInterval = std::chrono::seconds(1);

struct FreePartitionList {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, FreePartitionList>;

void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions, void* consumer) {
  static_cast<KafkaConsumer*>(consumer)->rebalance(error, partitions);
}

void on_error(rd_kafka_t*, int error, const char* reason, void* consumer) {
  static_cast<KafkaConsumer*>(consumer)->report_error(error, reason);
}

std::string_view value_of(const rd_kafka_message_t& message) {
  if (message.payload == nullptr) return std::string_view("", 0);
  return {static_cast<const char*>(message.payload), message.len};
}

}  // namespace

KafkaConsumer::KafkaConsumer(KafkaConsumerSettings settings, const MessageEvents& maker, MetricScope& metrics)
    : settings_(std::move(settings)),
      maker_(maker),
      metrics_(metrics),
      messages_(metrics.counter("messages")),
      bytes_(metrics.counter("bytes_read")),
      rebalances_(metrics.counter("rebalances")),
      pauses_(metrics.counter("pauses")),
      partitions_assigned_(metrics.counter("partitions_assigned")),
      last_error_(metrics.note("last_error")) {}

KafkaConsumer::~KafkaConsumer() { close(milliseconds(0)); }

Result<void> KafkaConsumer::open(KafkaConfig config) {
  rd_kafka_conf_set_rebalance_cb(config.native(), on_rebalance);
  rd_kafka_conf_set_error_cb(config.native(), on_error);
  auto made = config.make_consumer(this);
  if (!made) return Error{made.error().code, fmt::format("{}: {}", settings_.place, made.error().message)};
  client_ = *made;
  rd_kafka_poll_set_consumer(client_);
  queue_ = rd_kafka_queue_get_consumer(client_);
  const PartitionList topics(rd_kafka_topic_partition_list_new(static_cast<int>(settings_.topics.size())));
  for (const std::string& topic : settings_.topics)
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(client_, topics.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return Error{ErrorCode::InvalidArgument, fmt::format("{}: {}", settings_.place, rd_kafka_err2str(error))};
  return {};
}

void KafkaConsumer::free(Messages& messages) {
  for (const Polled& polled : messages) rd_kafka_message_destroy(polled.message);
  messages.clear();
}

/// One call for each message: the batch calls of librdkafka before 2.1 pass messages over when a partition is paused or
/// given out anew meanwhile (its issue 4208), and do not tell from which assignment a message is.
KafkaConsumer::Messages KafkaConsumer::poll(milliseconds timeout) {
  Messages messages;
  while (messages.size() < settings_.max_poll_records) {
    rd_kafka_message_t* message = rd_kafka_consume_queue(queue_, static_cast<int>(timeout.count()));
    if (message == nullptr) break;
    messages.push_back({message, assignments_});
    timeout = milliseconds(0);
  }
  return messages;
}

void KafkaConsumer::run(EventSink& sink, StopSignal& stop) {
  while (!stop.is_stopping()) {
    Messages messages = backlog_.empty() ? poll(settings_.poll_timeout) : std::exchange(backlog_, {});
    take(messages, sink, stop);
    flush_quiet(sink, stop);
    update_lag();
  }
  settle(steady_clock::now() + kHandOverPatience);
}

/// What was handed over becomes safe, while the group is still answered.
void KafkaConsumer::settle(steady_clock::time_point deadline) {
  free(backlog_);
  set_paused(true);
  while (!is_settled() && steady_clock::now() < deadline) {
    Messages late = poll(milliseconds(20));
    free(late);  // read again by whoever has the partition next
  }
}

bool KafkaConsumer::is_settled() const {
  return std::all_of(partitions_.begin(), partitions_.end(),
                     [](const auto& entry) { return entry.second.frontier->is_settled(); });
}

/// Messages in the order that they came in; those of one partition behind each other become one chunk.
void KafkaConsumer::take(Messages& messages, EventSink& sink, StopSignal& stop) {
  std::stable_sort(messages.begin(), messages.end(), [](const Polled& a, const Polled& b) {
    const rd_kafka_message_t& left = *a.message;
    const rd_kafka_message_t& right = *b.message;
    return left.rkt != right.rkt ? std::less<>()(left.rkt, right.rkt) : left.partition < right.partition;
  });
  for (std::size_t at = 0; at < messages.size();) {
    std::size_t end = at + 1;
    const rd_kafka_message_t& first = *messages[at].message;
    if (first.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      report_error(first.err, rd_kafka_message_errstr(&first));
    } else {
      const auto belongs = [&](const Polled& polled) {
        const rd_kafka_message_t& message = *polled.message;
        return message.err == RD_KAFKA_RESP_ERR_NO_ERROR && message.rkt == first.rkt &&
               message.partition == first.partition && polled.assignment == messages[at].assignment;
      };
      while (end < messages.size() && belongs(messages[end])) ++end;
      take_run(std::span(messages).subspan(at, end - at), sink, stop);
    }
    at = end;
  }
  free(messages);
}

KafkaConsumer::Partition* KafkaConsumer::find(const Polled& polled) {
  const auto found = partitions_.find({rd_kafka_topic_name(polled.message->rkt), polled.message->partition});
  if (found == partitions_.end() || found->second.assigned_at > polled.assignment) return nullptr;
  return &found->second;
}

void KafkaConsumer::take_run(std::span<const Polled> messages, EventSink& sink, StopSignal& stop) {
  Partition* partition = find(messages[0]);
  if (partition == nullptr) return;  // revoked meanwhile: whoever has it now reads them
  if (partition->stream.empty())
    partition->stream = fmt::format("kafka/{}/{}/{}", cluster_id(), rd_kafka_topic_name(messages[0].message->rkt),
                                    messages[0].message->partition);
  std::size_t bytes = 0;
  for (const Polled& polled : messages) bytes += polled.message->len;
  Buffer values = Buffer::allocate(bytes);
  char* to = values.writable_data();
  ChunkPtr chunk = sink.new_chunk(values);
  auto source = std::make_unique<EventSource>();
  source->stream = partition->stream;
  for (const Polled& polled : messages) {
    const rd_kafka_message_t* message = polled.message;
    partition->last_offset = message->offset;
    const std::string_view value = value_of(*message);
    if (!value.empty()) std::memcpy(to, value.data(), value.size());
    const std::size_t first = chunk->events().size();
    partition->decoder->decode_message({to, value.size()}, *chunk);
    to += value.size();
    const bool has_events = chunk->events().size() != first;
    if (partition->decoder->held_bytes() == 0) {
      partition->safe_next = message->offset + 1;
    } else if (has_events) {
      partition->safe_next = message->offset;  // what came out are the messages before; this one waits
    }
    source->positions.resize(chunk->events().size(), static_cast<std::uint64_t>(message->offset));
    if (has_events) maker_.decorate(*message, *chunk, first);
  }
  partition->last_message = steady_clock::now();
  messages_.add(messages.size());
  bytes_.add(bytes);
  if (chunk->events().empty()) {
    if (partition->safe_next >= 0) partition->frontier->note(partition->safe_position());
    return;
  }
  maker_.finish(*chunk);
  chunk->token().set_source(std::move(source));
  chunk->token().set_receiver(partition->frontier->expect(partition->safe_position()), AckTracking::Whole);
  push(std::move(chunk), sink, stop);
}

/// What a codec holds of a partition that says nothing more (multiline) becomes an event.
void KafkaConsumer::flush_quiet(EventSink& sink, StopSignal& stop) {
  for (auto& [name, partition] : partitions_) {
    const double patience = partition.decoder->auto_flush_seconds();
    if (patience <= 0 || partition.decoder->held_bytes() == 0 ||
        steady_clock::now() - partition.last_message < std::chrono::duration<double>(patience))
      continue;
    ChunkPtr chunk = sink.new_chunk({});
    partition.decoder->flush(*chunk);
    partition.safe_next = partition.last_offset + 1;
    if (chunk->events().empty()) {
      partition.frontier->note(partition.safe_position());
      continue;
    }
    auto source = std::make_unique<EventSource>();
    source->stream = partition.stream;
    source->positions.resize(chunk->events().size(), static_cast<std::uint64_t>(partition.last_offset));
    maker_.finish(*chunk);
    chunk->token().set_source(std::move(source));
    chunk->token().set_receiver(partition.frontier->expect(partition.safe_position()), AckTracking::Whole);
    push(std::move(chunk), sink, stop);
    return;  // a rebalance may have changed the map meanwhile
  }
}

/// Waits for room without leaving the group: after a while the partitions are paused, and the group goes on being answered.
bool KafkaConsumer::push(ChunkPtr chunk, EventSink& sink, StopSignal& stop) {
  const auto begun = steady_clock::now();
  while (!sink.try_push(chunk)) {
    if (stop.is_stopping() || sink.is_stopping()) break;
    const auto room = std::make_shared<OneTimeSignal>();
    sink.call_when_room([room] { room->give(); });
    for (bool is_there = false; !is_there && !stop.is_stopping();) {
      if (!is_paused_ && steady_clock::now() - begun > kPauseAfter) set_paused(true);
      if (is_paused_) {
        Messages late = poll(milliseconds(0));
        backlog_.insert(backlog_.end(), late.begin(), late.end());
        update_lag();
      }
      is_there = room->wait_for(milliseconds(50));
    }
  }
  if (is_paused_ && !stop.is_stopping()) set_paused(false);
  return chunk == nullptr;
}

void KafkaConsumer::set_paused(bool is_paused) {
  if (is_paused_ == is_paused) return;
  is_paused_ = is_paused;
  if (is_paused) pauses_.add();
  if (partitions_.empty()) return;
  const PartitionList all(rd_kafka_topic_partition_list_new(static_cast<int>(partitions_.size())));
  for (const auto& [name, partition] : partitions_)
    rd_kafka_topic_partition_list_add(all.get(), name.first.c_str(), name.second);
  if (is_paused) {
    rd_kafka_pause_partitions(client_, all.get());
  } else {
    rd_kafka_resume_partitions(client_, all.get());
  }
}

void KafkaConsumer::rebalance(int error, rd_kafka_topic_partition_list_t* partitions) {
  rebalances_.add();
  const bool is_cooperative = std::strcmp(rd_kafka_rebalance_protocol(client_), "COOPERATIVE") == 0;
  rd_kafka_error_t* failure = nullptr;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assign(partitions);
    if (is_cooperative) {
      failure = rd_kafka_incremental_assign(client_, partitions);
    } else {
      code = rd_kafka_assign(client_, partitions);
    }
    // A partition that was paused when it left comes back paused.
    if (is_paused_) {
      rd_kafka_pause_partitions(client_, partitions);
    } else {
      rd_kafka_resume_partitions(client_, partitions);
    }
  } else {
    revoke(partitions);
    if (is_cooperative) {
      failure = rd_kafka_incremental_unassign(client_, partitions);
    } else {
      code = rd_kafka_assign(client_, nullptr);
    }
  }
  if (failure != nullptr) {
    report_error(rd_kafka_error_code(failure), rd_kafka_error_string(failure));
    rd_kafka_error_destroy(failure);
  } else if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    report_error(code, rd_kafka_err2str(code));
  }
  partitions_assigned_.set(partitions_.size());
}

void KafkaConsumer::assign(rd_kafka_topic_partition_list_t* partitions) {
  ++assignments_;
  for (int i = 0; i < partitions->cnt; ++i) {
    const std::string topic = partitions->elems[i].topic;
    const std::int32_t number = partitions->elems[i].partition;
    Partition partition;
    partition.frontier = std::make_shared<AckFrontier>([client = client_, topic, number](std::uint64_t position) {
      const auto next_offset = static_cast<std::int64_t>(position);
      if (next_offset < 0) return;  // the codec holds everything back so far
      const PartitionList offset(rd_kafka_topic_partition_list_new(1));
      rd_kafka_topic_partition_list_add(offset.get(), topic.c_str(), number)->offset = next_offset;
      rd_kafka_offsets_store(client, offset.get());  // refused only when the partition is not ours any more
    });
    partition.decoder = maker_.make_decoder();
    partition.assigned_at = assignments_;
    partition.lag = &metrics_.child("lag").counter(fmt::format("{}-{}", topic, number));
    partitions_.insert_or_assign({topic, number}, std::move(partition));
  }
  log_info(settings_.id, "{}: {} partitions assigned, {} in all", settings_.place, partitions->cnt, partitions_.size());
}

void KafkaConsumer::revoke(rd_kafka_topic_partition_list_t* partitions) {
  const bool is_lost = rd_kafka_assignment_lost(client_) != 0;
  // A moment for what is under way, so that the next owner need not read it again. Not when the pipeline stands still.
  const bool waits = !is_lost && !is_paused_ && !is_closing_;
  const auto deadline = steady_clock::now() + (waits ? kHandOverPatience : std::chrono::seconds(0));
  for (int i = 0; i < partitions->cnt; ++i) {
    const auto found = partitions_.find({partitions->elems[i].topic, partitions->elems[i].partition});
    if (found == partitions_.end()) continue;
    if (waits) found->second.frontier->wait_until_settled(deadline);
    found->second.frontier->abandon();
    found->second.lag->set(0);
    partitions_.erase(found);
  }
  log_info(settings_.id, "{}: {} partitions {}, {} left", settings_.place, partitions->cnt, is_lost ? "lost" : "handed over",
           partitions_.size());
}

void KafkaConsumer::report_error(int error, const std::string& text) {
  if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF || error == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  const std::string_view remedy = kafka_remedy(text);
  const std::string message = fmt::format("{}: {}{}{}", settings_.place, text, remedy.empty() ? "" : "; ", remedy);
  last_error_.set(message);
  if (error_log_.allow()) log_warn(settings_.id, "{} ({} more held back)", message, error_log_.suppressed());
}

const std::string& KafkaConsumer::cluster_id() {
  if (!cluster_id_.empty()) return cluster_id_;
  char* id = rd_kafka_clusterid(client_, 5000);
  cluster_id_ = id != nullptr ? id : "-";  // brokers before 0.10 have none
  if (id != nullptr) rd_kafka_mem_free(client_, id);
  return cluster_id_;
}

void KafkaConsumer::update_lag() {
  if (steady_clock::now() < next_lag_update_) return;
  next_lag_update_ = steady_clock::now() + kLagInterval;
  for (auto& [name, partition] : partitions_) {
    std::int64_t low = 0;
    std::int64_t high = -1;
    if (rd_kafka_get_watermark_offsets(client_, name.first.c_str(), name.second, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
      continue;
    const auto stored = static_cast<std::int64_t>(partition.frontier->position().value_or(static_cast<std::uint64_t>(-1)));
    if (high >= 0 && stored >= 0) partition.lag->set(static_cast<std::uint64_t>(std::max<std::int64_t>(high - stored, 0)));
  }
}

void KafkaConsumer::close(milliseconds patience) {
  if (client_ == nullptr) return;
  is_closing_ = true;
  free(backlog_);
  const auto deadline = steady_clock::now() + patience;
  if (rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_, queue_)) {
    rd_kafka_error_destroy(error);
  } else {
    while (rd_kafka_consumer_closed(client_) == 0 && steady_clock::now() < deadline) {
      Messages late = poll(milliseconds(20));
      free(late);
    }
  }
  for (auto& [name, partition] : partitions_) partition.frontier->abandon();
  partitions_.clear();
  rd_kafka_queue_destroy(queue_);
  // Before 2.3 the library ends the process when a client of a cooperative group goes that was never given a partition
  // (librdkafka issue 4312): such a client stays, closed, until the process ends.
  const bool may_be_destroyed = assignments_ > 0 || rd_kafka_version() >= kSafeToDestroyVersion;
  if (may_be_destroyed) rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  client_ = nullptr;
  queue_ = nullptr;
}

}  // namespace logboom
