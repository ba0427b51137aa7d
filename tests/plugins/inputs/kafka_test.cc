// The kafka input without a broker: options, offsets in order, refusals. Against a real one: tests/peers/kafka_peer.py.
#include <fmt/format.h>

#include "pipeline/plugin/kafka_options.h"
#include "plugins/inputs/kafka/partition_ledger.h"
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

struct StoredOffsets {
  std::vector<std::int64_t> offsets;
  std::shared_ptr<PartitionLedger> ledger =
      std::make_shared<PartitionLedger>([this](std::int64_t next_offset) { offsets.push_back(next_offset); });
};

}  // namespace

TEST_CASE("kafka stores an offset when it and all before it are delivered, whatever the order", "[input][kafka]") {
  StoredOffsets stored;
  const auto first = stored.ledger->expect(10);
  const auto second = stored.ledger->expect(20);
  stored.ledger->note(21);
  const auto third = stored.ledger->expect(30);
  third->finished(AckResult::Delivered);
  second->finished(AckResult::Delivered);
  CHECK(stored.offsets.empty());
  CHECK_FALSE(stored.ledger->is_settled());
  first->finished(AckResult::Delivered);
  CHECK(stored.offsets == std::vector<std::int64_t>{30});
  CHECK(stored.ledger->stored_offset() == 30);
  CHECK(stored.ledger->is_settled());
}

TEST_CASE("kafka stores nothing past messages that were not delivered, and nothing of a partition that is gone",
          "[input][kafka]") {
  StoredOffsets stored;
  const auto first = stored.ledger->expect(10);
  const auto second = stored.ledger->expect(20);
  const auto third = stored.ledger->expect(30);
  first->finished(AckResult::Delivered);
  second->finished(AckResult::NotDelivered);
  third->finished(AckResult::Delivered);
  CHECK(stored.offsets == std::vector<std::int64_t>{10});
  CHECK(stored.ledger->is_settled());

  StoredOffsets gone;
  const auto late = gone.ledger->expect(5);
  gone.ledger->abandon();
  late->finished(AckResult::Delivered);
  CHECK(gone.offsets.empty());
}

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

}  // namespace logboom
