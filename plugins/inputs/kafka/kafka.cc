// kafka: reads topics as a member of a consumer group.
// Tested by tests/plugins/inputs/kafka_test.cc and tests/peers/kafka_peer.py. Reference page: generated from the
// declarations below.
#include <fmt/format.h>

#include <thread>

#include "pipeline/plugin/kafka_options.h"
#include "pipeline/plugin/registry.h"
#include "plugins/inputs/kafka/consumer.h"

namespace logboom {
namespace {

constexpr auto kPatienceAtEnd = std::chrono::seconds(5);
constexpr std::uint64_t kLargestAnswerBytes = 1024ULL * 1024 * 1024;  // a message of 100 MB has to fit

struct KafkaInputOptions : KafkaClientOptions {
  std::vector<std::string> topics = {"logstash"};
  std::optional<std::string> topics_pattern;
  std::string group_id = "logstash";
  std::optional<std::string> group_instance_id;
  std::string group_protocol = "classic";
  std::optional<std::string> client_rack;
  std::uint64_t consumer_threads = 1;
  std::optional<std::string> auto_offset_reset;
  std::string isolation_level = "read_uncommitted";
  bool check_crcs = true;
  bool enable_auto_commit = true;
  std::uint64_t auto_commit_interval_ms = 5000;
  std::uint64_t fetch_min_bytes = 1;
  std::uint64_t fetch_max_bytes = 52'428'800;
  std::uint64_t fetch_max_wait_ms = 500;
  std::uint64_t max_partition_fetch_bytes = 1'048'576;
  std::uint64_t max_poll_records = 500;
  std::uint64_t max_poll_interval_ms = 300'000;
  std::uint64_t poll_timeout_ms = 100;
  std::uint64_t session_timeout_ms = 10'000;
  std::uint64_t heartbeat_interval_ms = 3000;
  std::string partition_assignment_strategy = "cooperative_sticky";
  bool auto_create_topics = true;
  bool exclude_internal_topics = true;
  std::string decorate_events = "none";
  CodecChoice codec{"plain", nullptr, {}};
};

OptionTable<KafkaInputOptions> kafka_input_options() {
  using O = KafkaInputOptions;
  OptionTable<O> table;
  declare_kafka_client_options(table);
  table.optional("topics", &O::topics, "Topics to read.");
  table.optional("topics_pattern", &O::topics_pattern,
                 "Expression (POSIX) that the whole name of a topic must match, instead of topics.");
  table.optional("group_id", &O::group_id, "Consumer group; its members share the partitions.");
  table.optional("group_instance_id", &O::group_instance_id,
                 "Static membership: a member of this name that is back within session_timeout_ms keeps its partitions.");
  table.optional("group_protocol", &O::group_protocol, "classic; the protocol of KIP-848 is not spoken.")
      .one_of({"classic"});
  table.optional("client_rack", &O::client_rack, "Rack of this client, to read from replicas in it.");
  table
      .optional("consumer_threads", &O::consumer_threads,
                "Members of the group in this process; more than partitions are idle.")
      .at_least(1)
      .at_most(256);
  table
      .optional("auto_offset_reset", &O::auto_offset_reset,
                "Where to begin without a committed offset; latest when not given.")
      .one_of({"earliest", "latest", "none"});
  table.optional("isolation_level", &O::isolation_level, "Whether messages of open transactions are read.")
      .one_of({"read_uncommitted", "read_committed"});
  table.optional("check_crcs", &O::check_crcs, "Checks the checksums of messages.");
  table.optional("enable_auto_commit", &O::enable_auto_commit,
                 "Accepted for compatibility: offsets are committed when their events are safe, never before.");
  table.optional("auto_commit_interval_ms", &O::auto_commit_interval_ms, "How often offsets are committed.").at_least(1);
  table.optional("fetch_min_bytes", &O::fetch_min_bytes, "The broker waits for so many bytes.").at_least(1);
  table.optional("fetch_max_bytes", &O::fetch_max_bytes, "Most bytes of an answer.").at_least(1024).at_most(1'000'000'000);
  table.optional("fetch_max_wait_ms", &O::fetch_max_wait_ms, "Longest that the broker waits for fetch_min_bytes.");
  table.optional("max_partition_fetch_bytes", &O::max_partition_fetch_bytes, "Most bytes of a partition in an answer.")
      .at_least(1)
      .at_most(1'000'000'000);
  table.optional("max_poll_records", &O::max_poll_records, "Most messages taken at a time.").at_least(1).at_most(100'000);
  table.optional("max_poll_interval_ms", &O::max_poll_interval_ms,
                 "The group gives up a member that does not read for so long.");
  table.optional("poll_timeout_ms", &O::poll_timeout_ms, "Longest wait for messages in one go.").at_least(1).at_most(10'000);
  table.optional("session_timeout_ms", &O::session_timeout_ms, "The group gives up a member that is silent for so long.");
  table.optional("heartbeat_interval_ms", &O::heartbeat_interval_ms, "How often the group is told that we live.");
  table
      .optional("partition_assignment_strategy", &O::partition_assignment_strategy,
                "How partitions are shared out; cooperative_sticky moves only those that have to move.")
      .one_of({"cooperative_sticky", "range", "round_robin", "sticky"});
  table.optional("auto_create_topics", &O::auto_create_topics, "Lets the broker make a topic that is asked for.");
  table.optional("exclude_internal_topics", &O::exclude_internal_topics,
                 "topics_pattern never matches names that begin with __.");
  table
      .optional("decorate_events", &O::decorate_events,
                "Puts topic, partition, offset, … into [@metadata][kafka]; extended: headers too.")
      .one_of({"none", "basic", "extended", "true", "false"});
  table.optional("codec", &O::codec, "What makes events of messages.");
  table.obsolete("schema_registry_url", "Avro with a schema registry is not supported; let the producer write JSON");
  table.obsolete("key_deserializer_class", "keys are taken as they are");
  table.obsolete("value_deserializer_class", "values are taken as they are, and read by the codec");
  return table;
}

std::vector<KafkaProperty> properties_of(const KafkaInputOptions& options, const PluginContext& context) {
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  std::vector<KafkaProperty> made = kafka_client_properties(options, context);
  std::string strategy = options.partition_assignment_strategy;
  if (strategy == "cooperative_sticky" || strategy == "sticky") strategy = "cooperative-sticky";
  if (strategy == "round_robin") strategy = "roundrobin";
  const std::vector<KafkaProperty> own = {
      {"group.id", options.group_id, "group_id"},
      {"partition.assignment.strategy", strategy, "partition_assignment_strategy"},
      {"isolation.level", options.isolation_level, "isolation_level"},
      {"check.crcs", options.check_crcs ? "true" : "false", "check_crcs"},
      {"enable.auto.commit", "true", "enable_auto_commit"},
      {"enable.auto.offset.store", "false", "enable_auto_commit"},
      {"auto.commit.interval.ms", number(options.auto_commit_interval_ms), "auto_commit_interval_ms"},
      {"auto.offset.reset", options.auto_offset_reset == "none" ? "error" : options.auto_offset_reset.value_or("latest"),
       "auto_offset_reset"},
      {"receive.message.max.bytes", number(std::max(kLargestAnswerBytes, options.fetch_max_bytes + 512)), "fetch_max_bytes"},
      {"fetch.min.bytes", number(options.fetch_min_bytes), "fetch_min_bytes"},
      {"fetch.max.bytes", number(options.fetch_max_bytes), "fetch_max_bytes"},
      {"fetch.wait.max.ms", number(options.fetch_max_wait_ms), "fetch_max_wait_ms"},
      {"max.partition.fetch.bytes", number(options.max_partition_fetch_bytes), "max_partition_fetch_bytes"},
      {"message.max.bytes", number(std::min<std::uint64_t>(options.fetch_max_bytes, 1'000'000'000)), "fetch_max_bytes"},
      {"max.poll.interval.ms", number(options.max_poll_interval_ms), "max_poll_interval_ms"},
      {"session.timeout.ms", number(options.session_timeout_ms), "session_timeout_ms"},
      {"heartbeat.interval.ms", number(options.heartbeat_interval_ms), "heartbeat_interval_ms"},
      {"allow.auto.create.topics", options.auto_create_topics ? "true" : "false", "auto_create_topics"},
      {"queued.max.messages.kbytes", "32768", "fetch_max_bytes"},
  };
  made.insert(made.end(), own.begin(), own.end());
  if (options.client_rack) made.push_back({"client.rack", *options.client_rack, "client_rack"});
  if (options.topics_pattern && options.exclude_internal_topics)
    made.push_back({"topic.blacklist", "^__.*", "exclude_internal_topics"});
  return made;
}

KafkaDecoration decoration_of(std::string_view name) {
  if (name == "extended") return KafkaDecoration::Extended;
  return name == "basic" || name == "true" ? KafkaDecoration::Basic : KafkaDecoration::None;
}

class KafkaInput final : public Input {
 public:
  KafkaInput(KafkaInputOptions options, const PluginContext& context)
      : options_(std::move(options)),
        properties_(properties_of(options_, context)),
        maker_(context.make_codec(options_.codec), decoration_of(options_.decorate_events), options_.group_id, context),
        metrics_(context.metrics()) {
    settings_.id = context.id();
    settings_.place = fmt::format("pipeline {}, input {}", context.pipeline_id(), context.id());
    settings_.max_poll_records = options_.max_poll_records;
    settings_.poll_timeout = std::chrono::milliseconds(options_.poll_timeout_ms);
    settings_.topics = options_.topics;
    if (options_.topics_pattern) settings_.topics = {fmt::format("^({})$", *options_.topics_pattern)};
    if (options_.topics_pattern && context.written("topics") != nullptr)
      context.error("topics_pattern", "topics_pattern and topics exclude each other", "leave one of them out");
    if (maker_.has_codec() && maker_.make_decoder() == nullptr)
      context.error("codec", fmt::format("codec: {} cannot read", options_.codec.name), "leave it out for plain");
    if (settings_.topics.empty()) context.error("topics", "topics: names no topic");
    if (options_.heartbeat_interval_ms * 3 > options_.session_timeout_ms)
      context.warning("heartbeat_interval_ms", "heartbeat_interval_ms: is more than a third of session_timeout_ms",
                      "one lost heartbeat may cost the partitions");
    make_kafka_config(properties_, options_.rdkafka, context);  // says what is wrong before anything starts
  }

  ~KafkaInput() override { hand_over(); }

  void hand_over() override {
    for (const auto& consumer : consumers_) consumer->close(kPatienceAtEnd);
  }

  Result<void> run(EventSink& sink, StopSignal& stop) override {
    consumers_.clear();
    for (std::uint64_t number = 0; number < options_.consumer_threads; ++number) {
      auto config = config_of(number);
      if (!config) return config.error();
      consumers_.push_back(std::make_unique<KafkaConsumer>(settings_, maker_, metrics_));
      if (auto opened = consumers_.back()->open(std::move(*config)); !opened) {
        consumers_.clear();
        return opened.error();
      }
    }
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < consumers_.size(); ++i) others.emplace_back([&, i] { consumers_[i]->run(sink, stop); });
    consumers_[0]->run(sink, stop);
    for (std::thread& other : others) other.join();
    // Who has nothing under way leaves the group now; the others keep their partitions until the pipeline is drained.
    for (const auto& consumer : consumers_)
      if (consumer->is_settled()) consumer->close(kPatienceAtEnd);
    return {};
  }

 private:
  Result<KafkaConfig> config_of(std::uint64_t number) const {
    KafkaConfig config;
    const auto set = [&](const std::string& name, const std::string& value) { return config.set(name, value); };
    for (const KafkaProperty& property : properties_)
      if (auto done = set(property.name, property.value); !done) return done.error();
    const bool is_one_of_many = options_.consumer_threads > 1;
    if (auto done = set("client.id", fmt::format("{}-{}", options_.client_id, number)); !done) return done.error();
    if (options_.group_instance_id) {
      const std::string name =
          is_one_of_many ? fmt::format("{}-{}", *options_.group_instance_id, number) : *options_.group_instance_id;
      if (auto done = set("group.instance.id", name); !done) return done.error();
    }
    for (const auto& [name, value] : options_.rdkafka)
      if (auto done = set(name, value); !done) return done.error();
    return config;
  }

  KafkaInputOptions options_;
  std::vector<KafkaProperty> properties_;
  MessageEvents maker_;
  MetricScope& metrics_;
  KafkaConsumerSettings settings_;
  std::vector<std::unique_ptr<KafkaConsumer>> consumers_;
};

const RegisterInput registered(
    {.name = "kafka",
     .summary = "Messages of Kafka topics, as a member of a consumer group.",
     .make = make_input<KafkaInput, kafka_input_options>,
     .details =
         R"(An offset is committed when the events of its message, and of all messages before it in the partition, are delivered (or
are in the persisted queue): what a crash interrupts is read again, nothing is passed over. Logstash commits when the event is in
its queue; `enable_auto_commit` makes no difference here.

Each member of the group is one of `consumer_threads`, in any number of processes. When a partition moves, its owner waits up to
five seconds for what it has under way, so that the next one need not read it again. At the end the same is done for all, and the
group is left at once.

When the pipeline takes nothing, the partitions are paused after half a second; the group goes on being answered, so that nobody's
partitions are taken away for it. The metrics `lag.<topic>-<partition>` count messages that are not delivered yet.

`decorate_events` gives `[@metadata][kafka]` topic, consumer_group, partition, offset, key and timestamp (milliseconds); `extended`
adds headers whose values are UTF-8. Java's key stores (JKS) cannot be read: PEM or PKCS12 can.

A message without a value becomes an empty text. `effectively_once` of the elasticsearch output uses cluster, topic, partition and
offset.)"});

}  // namespace
}  // namespace logboom
