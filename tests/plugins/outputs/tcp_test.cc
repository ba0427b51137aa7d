// The tcp output against real sockets.
#include <fmt/format.h>

#include <algorithm>

#include "tests/plugins/plugin_harness.h"
#include "tests/support/recorded_delivery.h"
#include "tests/support/test_acceptor.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

using Harness = PluginHarness<Output>;

std::shared_ptr<RecordedDelivery> deliver(Harness& harness, const std::vector<std::string>& events) {
  auto delivery = std::make_shared<RecordedDelivery>(events);
  harness.plugin->deliver(delivery);
  return delivery;
}

void start(Harness& harness) {
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  const auto started = harness.plugin->start();
  REQUIRE(started.has_value());
}

std::string client_text(std::uint16_t port) {
  return fmt::format("tcp {{ host => \"127.0.0.1\" port => {} codec => json_lines reconnect_interval => 0.01 }}", port);
}

}  // namespace

TEST_CASE("tcp writes events to its destination and then counts them as delivered", "[output][tcp]") {
  TestAcceptor destination;
  Harness harness("output", client_text(destination.port()));
  start(harness);
  const auto delivery = deliver(harness, {R"({"a":1})", R"({"a":2})"});
  TestSocket peer = destination.accept();
  CHECK(peer.read_until("{\"a\":2}\n") == "{\"a\":1}\n{\"a\":2}\n");
  for (const Outcome& outcome : delivery->wait()) CHECK(outcome.kind == OutcomeKind::Delivered);
  harness.plugin->stop();
  CHECK(peer.is_closed_by_peer());
}

TEST_CASE("tcp asks for a retry while nobody listens, and says where", "[output][tcp]") {
  TestAcceptor destination;
  const std::uint16_t port = destination.port();
  destination.stop();
  Harness harness("output", client_text(port));
  start(harness);
  const auto outcomes = deliver(harness, {R"({"a":1})"})->wait();
  CHECK(outcomes.at(0).kind == OutcomeKind::Retry);
  CHECK_THAT(outcomes.at(0).reason, Contains(fmt::format("127.0.0.1:{}", port)));
}

TEST_CASE("tcp connects again after its destination closed", "[output][tcp]") {
  TestAcceptor destination;
  Harness harness("output", client_text(destination.port()));
  start(harness);
  {
    const auto first = deliver(harness, {R"({"a":1})"});
    TestSocket peer = destination.accept();
    peer.read_until("\n");
    CHECK(first->wait().at(0).kind == OutcomeKind::Delivered);
  }
  // Whatever the connection's end is noticed by, what was not written is offered again.
  std::shared_ptr<RecordedDelivery> second;
  do {
    second = deliver(harness, {R"({"a":2})"});
  } while (second->wait().at(0).kind == OutcomeKind::Retry);
  CHECK(harness.metrics.counter("connects").value() >= 1);
}

TEST_CASE("tcp as a server writes to everyone who is connected", "[output][tcp]") {
  TestAcceptor place;
  const std::uint16_t port = place.port();
  place.stop();
  Harness harness("output",
                  fmt::format("tcp {{ mode => server host => \"127.0.0.1\" port => {} codec => json_lines }}", port));
  start(harness);
  CHECK(deliver(harness, {R"({"a":0})"})->wait().at(0).kind == OutcomeKind::Delivered);
  CHECK(harness.metrics.counter("without_clients").value() == 1);
  TestSocket first(port);
  TestSocket second(port);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (harness.metrics.counter("connections").value() < 2 && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 1);
  const auto delivery = deliver(harness, {R"({"a":1})"});
  CHECK(first.read_until("\n") == "{\"a\":1}\n");
  CHECK(second.read_until("\n") == "{\"a\":1}\n");
  CHECK(delivery->wait().at(0).kind == OutcomeKind::Delivered);

  Harness again("output", fmt::format("tcp {{ mode => server host => \"127.0.0.1\" port => {} }}", port));
  REQUIRE(again.plugin != nullptr);
  const auto started = again.plugin->start();
  REQUIRE_FALSE(started.has_value());
  CHECK_THAT(started.error().message, Contains(std::to_string(port)));
  harness.plugin->stop();
  CHECK(first.is_closed_by_peer());
}

TEST_CASE("tcp output refuses what it cannot do", "[output][tcp]") {
  Harness tls("output", "tcp { host => \"h\" port => 1 ssl_enabled => true }");
  CHECK(tls.plugin == nullptr);
  CHECK_THAT(tls.diagnostics.render(), Contains("TLS is not available in this version"));
}

}  // namespace logboom
