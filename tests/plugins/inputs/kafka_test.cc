// The kafka input without a broker: options, refusals. Against a real one: tests/peers/kafka_peer.py.
#include <fmt/format.h>

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

}  // namespace logboom
