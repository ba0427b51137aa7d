// kafka: events as messages of Kafka topics.
// Tested by tests/plugins/outputs/kafka_test.cc and tests/peers/kafka_peer.py. Reference page: generated from the
// declarations below.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <mutex>

#include "pipeline/base/log.h"
#include "pipeline/plugin/kafka_options.h"
#include "pipeline/plugin/registry.h"
#include "plugins/outputs/kafka/producer.h"

namespace logboom {
namespace {

constexpr auto kPatienceAtEnd = std::chrono::seconds(5);

struct KafkaOutputOptions : KafkaClientOptions {
  FieldTemplate topic_id;
  std::optional<FieldTemplate> message_key;
  ConfigHash message_headers;
  std::string acks = "all";
  bool enable_idempotence = true;
  std::uint64_t batch_size = 16'384;
  std::uint64_t buffer_memory = 33'554'432;
  std::string compression_type = "none";
  std::uint64_t linger_ms = 5;
  std::uint64_t max_request_size = 1'048'576;
  std::string partitioner = "default";
  std::optional<std::uint64_t> retries;
  std::uint64_t delivery_timeout_ms = 120'000;
  std::optional<std::string> metadata_fetch_timeout_ms;
  std::optional<std::string> key_serializer;
  std::optional<std::string> value_serializer;
  CodecChoice codec{"plain", nullptr, {}};
};

OptionTable<KafkaOutputOptions> kafka_output_options() {
  using O = KafkaOutputOptions;
  OptionTable<O> table;
  declare_kafka_client_options(table);
  table.required("topic_id", &O::topic_id, "Topic; may hold %{field}.");
  table.optional("message_key", &O::message_key,
                 "Key of the messages; may hold %{field}. Messages of one key keep their order.");
  table.optional("message_headers", &O::message_headers, "Headers of the messages; values may hold %{field}.");
  table.optional("acks", &O::acks, "Which replicas must have a message: all, 1 (the leader) or 0 (nobody is asked).")
      .one_of({"0", "1", "all", "-1"});
  table.optional("enable_idempotence", &O::enable_idempotence,
                 "Brokers drop what the producer repeats: each message once and in order. Needs acks => all.");
  table.optional("batch_size", &O::batch_size, "Most bytes of a batch of one partition.").at_least(1);
  table.optional("buffer_memory", &O::buffer_memory, "Most bytes that wait to be sent.").at_least(1024);
  table.optional("compression_type", &O::compression_type, "How batches are compressed.")
      .one_of({"none", "gzip", "snappy", "lz4", "zstd"});
  table.optional("linger_ms", &O::linger_ms, "How long a batch waits for company.").at_most(900'000);
  table.optional("max_request_size", &O::max_request_size, "Largest message; larger ones are final failures.")
      .at_least(1000)
      .at_most(1'000'000'000);
  table
      .optional("partitioner", &O::partitioner,
                "Which partition: default (by key as Java does, else any), round_robin (any), uniform_sticky.")
      .one_of({"default", "round_robin", "uniform_sticky"});
  table.optional("retries", &O::retries, "Accepted for compatibility: what can be tried again is tried until it succeeds.");
  table
      .optional("delivery_timeout_ms", &O::delivery_timeout_ms,
                "How long the producer itself tries before the pipeline offers the event again.")
      .at_least(1000);
  table.optional("metadata_fetch_timeout_ms", &O::metadata_fetch_timeout_ms, "Accepted for compatibility; without effect.");
  table.optional("key_serializer", &O::key_serializer, "Accepted for compatibility: keys are texts.");
  table.optional("value_serializer", &O::value_serializer, "Accepted for compatibility: the codec makes the values.");
  table.optional("codec", &O::codec, "What makes values of events; plain is Logstash's default, json what most want.");
  return table;
}

std::vector<KafkaProperty> properties_of(const KafkaOutputOptions& options, const PluginContext& context) {
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  std::vector<KafkaProperty> made = kafka_client_properties(options, context);
  const bool is_idempotent = options.enable_idempotence && (options.acks == "all" || options.acks == "-1");
  if (options.enable_idempotence && !is_idempotent && context.written("enable_idempotence") != nullptr)
    context.error("enable_idempotence", "enable_idempotence: needs acks => all", "leave one of them out");
  const std::vector<KafkaProperty> own = {
      {"client.id", options.client_id, "client_id"},
      {"acks", options.acks, "acks"},
      {"enable.idempotence", is_idempotent ? "true" : "false", "enable_idempotence"},
      {"batch.size", number(std::max<std::uint64_t>(options.batch_size, 1)), "batch_size"},
      {"queue.buffering.max.kbytes", number(std::max<std::uint64_t>(options.buffer_memory / 1024, 1)), "buffer_memory"},
      {"queue.buffering.max.messages", "1000000", "buffer_memory"},
      {"compression.type", options.compression_type, "compression_type"},
      {"linger.ms", number(options.linger_ms), "linger_ms"},
      {"message.max.bytes", number(options.max_request_size), "max_request_size"},
      {"message.timeout.ms", number(options.delivery_timeout_ms), "delivery_timeout_ms"},
      {"topic.metadata.propagation.max.ms", "5000", "topic_id"},  // then a topic that is not there is complained about
      {"partitioner", options.partitioner == "default" ? "murmur2_random" : "random", "partitioner"},
      {"sticky.partitioning.linger.ms", options.partitioner == "round_robin" ? "0" : number(options.linger_ms * 2),
       "partitioner"},
  };
  made.insert(made.end(), own.begin(), own.end());
  return made;
}

/// What an error of librdkafka or a broker means for the event.
Outcome outcome_of(int error, std::string reason) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return Outcome::delivered();
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION: return Outcome::permanent(std::move(reason), error);
    default: return Outcome::retry(std::move(reason), error);
  }
}

class KafkaOutput final : public Output {
 public:
  KafkaOutput(KafkaOutputOptions options, const PluginContext& context)
      : options_(std::move(options)),
        id_(context.id()),
        place_(fmt::format("pipeline {}, output {}", context.pipeline_id(), context.id())),
        properties_(properties_of(options_, context)),
        codec_(context.make_codec(options_.codec)),
        taken_(context.metrics().counter("documents.taken")),
        retried_(context.metrics().counter("documents.retried")),
        rejected_(context.metrics().counter("documents.rejected")),
        bytes_(context.metrics().counter("bytes_sent")),
        last_error_(context.metrics().note("last_error")) {
    if (codec_ != nullptr && !codec_->can_encode())
      context.error("codec", fmt::format("codec: {} cannot write", options_.codec.name), "choose json or plain");
    for (const auto& [name, value] : options_.message_headers)
      headers_.emplace_back(name.text, FieldTemplate::parse(value.text));
    if (options_.topic_id.empty()) context.error("topic_id", "topic_id: is empty");
    make_kafka_config(properties_, options_.rdkafka, context);
  }

  ~KafkaOutput() override { stop(); }

  Result<void> start() override {
    auto made = make_producer();
    if (!made) return made.error();
    const std::lock_guard lock(mutex_);
    producer_ = *made;
    return {};
  }

  void deliver(DeliveryPtr delivery) override {
    const std::shared_ptr<KafkaProducer> producer = working_producer();
    if (producer == nullptr) {
      delivery->report_all(Outcome::retry(fmt::format("{}: the producer is closed", place_)));
      return;
    }
    std::string value;
    std::string topic;
    std::string key;
    std::vector<std::string> header_values(headers_.size());
    for (std::size_t i = 0; i < delivery->events().size(); ++i) {
      const Event& event = *delivery->events()[i];
      value.clear();
      codec_->encode(event, value);
      KafkaMessage message;
      message.value = value;
      message.topic = text_for(options_.topic_id, event, topic);
      if (options_.message_key) {
        message.key = text_for(*options_.message_key, event, key);
        if (message.key.data() == nullptr) message.key = std::string_view("", 0);
      }
      for (std::size_t h = 0; h < headers_.size(); ++h)
        message.headers.emplace_back(headers_[h].first, text_for(headers_[h].second, event, header_values[h]));
      if (message.topic.empty() || message.topic.find("%{") != std::string_view::npos) {
        rejected_.add();
        delivery->report(i, Outcome::permanent(fmt::format("{}: topic_id: \"{}\" names a field that the event does not have",
                                                           place_, message.topic)));
        continue;
      }
      bytes_.add(value.size());
      producer->send(delivery, i, message);
    }
  }

  void stop() override {
    std::shared_ptr<KafkaProducer> last;
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
      last.swap(producer_);
    }
    if (last) last->close(kPatienceAtEnd);
  }

 private:
  static std::string_view text_for(const FieldTemplate& text, const Event& event, std::string& made) {
    if (text.is_literal()) return text.text();
    made.clear();
    text.append_to(event, made);
    return made;
  }

  Result<std::shared_ptr<KafkaProducer>> make_producer() {
    KafkaConfig config;
    for (const KafkaProperty& property : properties_)
      if (auto done = config.set(property.name, property.value); !done) return done.error();
    for (const auto& [name, value] : options_.rdkafka)
      if (auto done = config.set(name, value); !done) return done.error();
    auto made =
        std::make_shared<KafkaProducer>([this](const DeliveryPtr& delivery, std::size_t index, int error,
                                               const std::string& reason) { report(delivery, index, error, reason); },
                                        [this](int error, const std::string& reason) { tell(error, reason); });
    if (auto opened = made->open(std::move(config)); !opened)
      return Error{opened.error().code, fmt::format("{}: {}", place_, opened.error().message)};
    return made;
  }

  /// The producer; a new one after an error that the old one cannot overcome.
  std::shared_ptr<KafkaProducer> working_producer() {
    std::shared_ptr<KafkaProducer> broken;
    std::shared_ptr<KafkaProducer> current;
    {
      const std::lock_guard lock(mutex_);
      if (is_stopping_) return nullptr;
      if (producer_ != nullptr && producer_->is_broken()) {
        broken.swap(producer_);
        if (auto made = make_producer()) producer_ = *made;
      }
      current = producer_;
    }
    if (broken) broken->close(std::chrono::milliseconds(0));
    return current;
  }

  void report(const DeliveryPtr& delivery, std::size_t index, int error, const std::string& reason) {
    Outcome outcome =
        outcome_of(error, error == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : explain_failure(error, reason));
    (outcome.kind == OutcomeKind::Delivered ? taken_ : outcome.kind == OutcomeKind::Retry ? retried_ : rejected_).add();
    delivery->report(index, std::move(outcome));
  }

  /// Of a message that was not taken in time the last trouble with the brokers is the cause.
  std::string explain_failure(int error, const std::string& reason) {
    if (error != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) return explain(reason);
    const std::lock_guard lock(trouble_mutex_);
    return trouble_.empty() ? explain(reason) : fmt::format("{}: {}: {}", place_, reason, trouble_);
  }

  std::string explain(const std::string& reason) const {
    const std::string_view remedy = kafka_remedy(reason);
    return fmt::format("{}: {}{}{}", place_, reason, remedy.empty() ? "" : "; ", remedy);
  }

  void tell(int, const std::string& reason) {
    const std::string message = explain(reason);
    {
      const std::lock_guard lock(trouble_mutex_);
      trouble_ = message.substr(std::min(message.size(), place_.size() + 2));
    }
    last_error_.set(message);
    if (error_log_.allow()) log_warn(id_, "{} ({} more held back)", message, error_log_.suppressed());
  }

  KafkaOutputOptions options_;
  const std::string id_;
  const std::string place_;
  const std::vector<KafkaProperty> properties_;
  CodecPtr codec_;
  std::vector<std::pair<std::string, FieldTemplate>> headers_;
  std::mutex trouble_mutex_;
  std::string trouble_;  // the last that the library told of
  Counter& taken_;
  Counter& retried_;
  Counter& rejected_;
  Counter& bytes_;
  Note& last_error_;
  LogRateLimit error_log_;
  std::mutex mutex_;
  std::shared_ptr<KafkaProducer> producer_;
  bool is_stopping_ = false;
};

const RegisterOutput registered(
    {.name = "kafka",
     .summary = "Events as messages of Kafka topics.",
     .make = make_output<KafkaOutput, kafka_output_options>,
     .details =
         R"(**Delivered** means the brokers that `acks` asks for have the message. The producer is idempotent unless `acks` is 0 or 1:
what it repeats is stored once, and messages of a partition keep their order. An event that the pipeline offers again after
`delivery_timeout_ms`, or after a restart, may be stored twice.

Final failures, which go to the dead-letter queue: a message that is too large for `max_request_size` or for the topic, an illegal
topic name, a `topic_id` with a field that the event does not have. Everything else is tried again: brokers that are down, a topic that
does not exist yet, missing rights, wrong credentials. What the trouble is, is logged at most every ten seconds.)"});

}  // namespace
}  // namespace logboom
