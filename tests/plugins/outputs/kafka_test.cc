// The kafka output without a broker: options, what is final and what is tried again. Against a real one:
// tests/peers/kafka_peer.py.
#include <fmt/format.h>

#include "tests/plugins/plugin_harness.h"
#include "tests/support/recorded_delivery.h"
#include "tests/support/test_acceptor.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

std::string refusals(std::string_view options) {
  PluginHarness<Output> harness("output", fmt::format("kafka {{ {} }}", options));
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

}  // namespace

TEST_CASE("kafka output gives back what it cannot send, and tells final failures from the others", "[output][kafka]") {
  TestAcceptor place;
  const std::string address = fmt::format("127.0.0.1:{}", place.port());
  place.stop();
  PluginHarness<Output> harness(
      "output",
      fmt::format(
          R"(kafka {{ bootstrap_servers => "{}" topic_id => "t-%{{app}}" message_key => "%{{k}}" max_request_size => 2000
                               message_headers => {{ "from" => "%{{app}}" }} codec => json delivery_timeout_ms => 1000 }})",
          address));
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  REQUIRE(harness.plugin->start().has_value());
  const auto delivery = std::make_shared<RecordedDelivery>(
      std::vector<std::string>{R"({"app":"shop","k":"1"})", R"({"k":"1"})",
                               fmt::format(R"({{"app":"shop","message":"{}"}})", std::string(5000, 'x'))});
  harness.plugin->deliver(delivery);
  const auto outcomes = delivery->wait();
  CHECK(outcomes[0].kind == OutcomeKind::Retry);  // no broker
  CHECK_THAT(outcomes[0].reason, Contains("pipeline main, output test"));
  CHECK(outcomes[1].kind == OutcomeKind::Permanent);
  CHECK_THAT(outcomes[1].reason, Contains("t-%{app}"));
  CHECK(outcomes[2].kind == OutcomeKind::Permanent);
  CHECK_THAT(outcomes[2].reason, Contains("max_request_size"));
  harness.plugin->stop();
  CHECK(harness.metrics.counter("documents.rejected").value() == 2);
}

TEST_CASE("kafka output reports what is under way when it stops", "[output][kafka]") {
  TestAcceptor silent;
  PluginHarness<Output> harness(
      "output", fmt::format(R"(kafka {{ bootstrap_servers => "127.0.0.1:{}" topic_id => "tt" }})", silent.port()));
  REQUIRE(harness.plugin != nullptr);
  REQUIRE(harness.plugin->start().has_value());
  const auto delivery = std::make_shared<RecordedDelivery>(std::vector<std::string>{"{}"});
  harness.plugin->deliver(delivery);
  harness.plugin->stop();
  CHECK(delivery->wait().at(0).kind == OutcomeKind::Retry);
  const auto late = std::make_shared<RecordedDelivery>(std::vector<std::string>{"{}"});
  harness.plugin->deliver(late);
  CHECK(late->wait().at(0).kind == OutcomeKind::Retry);
}

TEST_CASE("kafka output refuses what can never work", "[output][kafka]") {
  CHECK_THAT(refusals(""), Contains("topic_id"));
  CHECK_THAT(refusals(R"(topic_id => "tt" acks => "1" enable_idempotence => true)"), Contains("needs acks => all"));
  CHECK_THAT(refusals(R"(topic_id => "tt" rdkafka => { "acks" => "many" })"), Contains("acks"));
  CHECK_THAT(refusals(R"(topic_id => "tt" compression_type => "rar")"), Contains("compression_type"));
}

}  // namespace logboom
