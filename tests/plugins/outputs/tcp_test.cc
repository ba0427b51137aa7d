// The tcp output against real sockets.
#include <fmt/format.h>

#include <algorithm>

#include "tests/plugins/plugin_harness.h"
#include "tests/support/listener_fixture.h"
#include "tests/support/recorded_delivery.h"
#include "tests/support/test_acceptor.h"
#include "tests/support/test_certificates.h"

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
  Harness tls("output", "tcp { host => \"h\" port => 1 mode => server ssl_enabled => true }");
  CHECK(tls.plugin == nullptr);
  CHECK_THAT(tls.diagnostics.render(), Contains("TLS is not available in this version"));
}

TEST_CASE("tcp speaks TLS to its destination, holds its certificate against the host, and shows one of its own",
          "[output][tcp][tls]") {
  const TestCertificates certificates;
  TlsServerSettings settings;
  settings.certificate = certificates.path("server.pem");
  settings.key = certificates.path("server.key");
  settings.certificate_authorities = {certificates.path("ca.pem")};
  settings.client_authentication = TlsClientAuthentication::Required;
  auto context = TlsContext::for_server(settings);
  REQUIRE(context.has_value());
  Endpoint endpoint = line_endpoint();
  endpoint.tls = *context;
  Fixture destination(endpoint);
  const auto text = [&](const std::string& host, const std::string& options) {
    return fmt::format(
        "tcp {{ host => \"{}\" port => {} codec => json_lines reconnect_interval => 0.01 ssl_enabled => true "
        "ssl_certificate => \"{}\" ssl_key => \"{}\" {} }}",
        host, destination.listener->port(), certificates.path("client.pem"), certificates.path("client.key"), options);
  };
  const std::string trusted = "ssl_certificate_authorities => \"" + certificates.path("ca.pem") + "\"";
  {
    Harness harness("output", text("localhost", trusted));
    start(harness);
    const std::string padding(100'000, 'x');
    const auto delivery = deliver(harness, {R"({"a":1})", R"({"a":")" + padding + R"("})"});
    for (const Outcome& outcome : delivery->wait()) CHECK(outcome.kind == OutcomeKind::Delivered);
    harness.plugin->stop();
    CHECK(destination.sink->wait_for(2).size() == 2);
  }
  {
    Harness harness("output", text("localhost", ""));  // the authority is none of the system's
    start(harness);
    const auto outcomes = deliver(harness, {R"({"a":1})"})->wait();
    CHECK(outcomes.at(0).kind == OutcomeKind::Retry);
    CHECK_THAT(outcomes.at(0).reason, Contains("certificate verify failed"));
    harness.plugin->stop();
  }
  Harness harness("output", text("localhost", "ssl_verify => false"));
  start(harness);
  CHECK(deliver(harness, {R"({"a":3})"})->wait().at(0).kind == OutcomeKind::Delivered);
  harness.plugin->stop();
}

}  // namespace logboom
