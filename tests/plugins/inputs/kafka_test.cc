// The kafka input: options, refusals, and a broker of librdkafka's own that lives in this process. Against a real one:
// tests/peers/kafka_peer.py.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "pipeline/plugin/kafka_options.h"
#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_sink.h"
#include "tests/support/test_acceptor.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

std::string refusals(std::string_view options) {
  PluginHarness<Input> harness("input", fmt::format("kafka {{ {} }}", options));
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

/// A broker that librdkafka plays, with one topic, and a producer for it.
class PlayedBroker {
 public:
  PlayedBroker() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char text[512] = "";
    REQUIRE(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", text, sizeof(text)) == RD_KAFKA_CONF_OK);
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    INFO(text);
    REQUIRE(producer_ != nullptr);
    rd_kafka_mock_topic_create(rd_kafka_handle_mock_cluster(producer_), kTopic, kPartitions, 1);
  }
  ~PlayedBroker() { rd_kafka_destroy(producer_); }

  /// The plugin's text for an input that reads the topic as a member of a group.
  std::string input(std::string_view more) const {
    return fmt::format(
        R"(kafka {{ bootstrap_servers => "{}" topics => ["{}"] auto_offset_reset => "earliest" session_timeout_ms => 6000
           heartbeat_interval_ms => 200 auto_commit_interval_ms => 50 {} }})",
        rd_kafka_mock_cluster_bootstraps(rd_kafka_handle_mock_cluster(producer_)), kTopic, more);
  }

  /// So many more messages, over the partitions in turn. Their texts are numbers from 0 on.
  void produce(int count) {
    for (int i = 0; i < count; ++i, ++produced_) {
      const std::string value = std::to_string(produced_);
      REQUIRE(rd_kafka_producev(producer_, RD_KAFKA_V_TOPIC(kTopic), RD_KAFKA_V_PARTITION(produced_ % kPartitions),
                                RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    REQUIRE(rd_kafka_flush(producer_, 20'000) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  int produced() const { return produced_; }

 private:
  static constexpr const char* kTopic = "lines";
  static constexpr int kPartitions = 4;
  rd_kafka_t* producer_ = nullptr;
  int produced_ = 0;
};

std::set<int> numbers_of(RecordingSink& sink) {
  std::set<int> numbers;
  for (const std::string& text : sink.messages()) numbers.insert(std::stoi(text));
  return numbers;
}

/// Waits until the sink has every number below `count`; the first that are missing otherwise.
std::vector<int> missing_of(RecordingSink& sink, int count) {
  std::vector<int> missing;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  do {
    missing.clear();
    const std::set<int> there = numbers_of(sink);
    for (int i = 0; i < count && missing.size() < 20; ++i)
      if (there.count(i) == 0) missing.push_back(i);
    std::this_thread::yield();
  } while (!missing.empty() && std::chrono::steady_clock::now() < deadline);
  return missing;
}

void wait_for(const char* what, const std::function<bool()>& condition) {
  INFO("waiting for " << what);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("kafka input takes Logstash's options and any property of librdkafka", "[input][kafka]") {
  PluginHarness<Input> harness(
      "input",
      R"(kafka { bootstrap_servers => "b1:9092,b2:9092" topics => ["a","b"] group_id => "g" consumer_threads => 3
         auto_offset_reset => "earliest" isolation_level => "read_committed" security_protocol => "SASL_SSL" sasl_mechanism => "PLAIN"
         sasl_jaas_config => 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p\"w";'
         ssl_endpoint_identification_algorithm => "" fetch_max_bytes => 900000000 group_instance_id => "i" decorate_events => "basic"
         rdkafka => { "queued.min.messages" => "1000" } codec => json })");
  INFO(harness.diagnostics.render());
  CHECK(harness.plugin != nullptr);
  const std::string_view login = R"(x required username="u" password="p\"w" clientId='c' useTicketCache=false;)";
  CHECK(jaas_value(login, "username") == "u");
  CHECK(jaas_value(login, "password") == "p\"w");
  CHECK(jaas_value(login, "clientId") == "c");
  CHECK(jaas_value(login, "useTicketCache") == "false");
  CHECK(jaas_value(login, "name").empty());
}

TEST_CASE("kafka input refuses what can never work, with a way out", "[input][kafka]") {
  CHECK_THAT(refusals(R"(rdkafka => { "queued.min.mesages" => "1" })"),
             Contains("queued.min.mesages") && Contains("No such"));
  CHECK_THAT(refusals(R"(topics => ["a"] topics_pattern => "b.*")"), Contains("exclude each other"));
  CHECK_THAT(refusals(R"(security_protocol => "SASL_PLAINTEXT" sasl_mechanism => "PLAIN")"), Contains("needs a user"));
  CHECK_THAT(refusals(R"(security_protocol => "SSL" ssl_truststore_location => "/etc/hostname")"),
             Contains("ssl_truststore_type => PEM"));
  CHECK_THAT(refusals(R"(schema_registry_url => "http://r")"), Contains("JSON"));
  CHECK_THAT(refusals(R"(group_protocol => "consumer")"), Contains("classic"));
  CHECK_THAT(refusals(R"(codec => dots)"), Contains("codec"));
}

TEST_CASE("kafka input without a broker ends when it is told to", "[input][kafka]") {
  TestAcceptor place;
  const std::string address = fmt::format("127.0.0.1:{}", place.port());
  place.stop();
  PluginHarness<Input> harness("input", fmt::format(R"(kafka {{ bootstrap_servers => "{}" }})", address));
  REQUIRE(harness.plugin != nullptr);
  RecordingSink sink;
  { RunningInput running(*harness.plugin, sink); }
  harness.plugin.reset();
  CHECK(sink.lines().empty());
}

TEST_CASE("kafka input goes on with partitions that were paused when they left it", "[input][kafka]") {
  constexpr int kAtATime = 1000;
  PlayedBroker broker;
  // The eager strategy: all partitions go and come at each change of the group.
  const std::string text = broker.input(R"(partition_assignment_strategy => "range" max_poll_records => 50)");
  PluginHarness<Input> harness("input", text);
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  RecordingSink sink;
  RunningInput running(*harness.plugin, sink);
  broker.produce(kAtATime);
  CHECK(missing_of(sink, kAtATime) == std::vector<int>());
  sink.refuse(true);
  broker.produce(kAtATime);
  wait_for("a pause", [&] { return harness.metrics.counter("pauses").value() > 0; });
  {
    PluginHarness<Input> guest("input", text);
    RunningInput running_guest(*guest.plugin, sink);
    wait_for("a share for the guest", [&] { return guest.metrics.counter("partitions_assigned").value() > 0; });
    sink.refuse(false);
    CHECK(missing_of(sink, 2 * kAtATime) == std::vector<int>());
  }
  broker.produce(kAtATime);
  CHECK(missing_of(sink, 3 * kAtATime) == std::vector<int>());
}

TEST_CASE("kafka input passes no message over when its group changes while it reads", "[input][kafka]") {
  PlayedBroker broker;
  const std::string text = broker.input("");
  PluginHarness<Input> harness("input", text);
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  RecordingSink sink;
  RunningInput running(*harness.plugin, sink);
  std::atomic<bool> is_enough = false;
  std::thread sender([&] {  // a trickle: each change meets messages that were just read
    while (!is_enough) broker.produce(10);
  });
  Counter& rebalances = harness.metrics.counter("rebalances");
  wait_for("the first assignment", [&] { return rebalances.value() > 0; });
  for (int round = 0; round < 2; ++round) {
    PluginHarness<Input> guest("input", text);
    const auto before = rebalances.value();
    RunningInput running_guest(*guest.plugin, sink);
    wait_for("a change", [&] { return rebalances.value() > before; });
  }
  is_enough = true;
  sender.join();
  CHECK(missing_of(sink, broker.produced()) == std::vector<int>());
}

}  // namespace logboom
