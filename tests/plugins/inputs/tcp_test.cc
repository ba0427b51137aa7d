// The tcp input's streams as events; sockets are tested in tests/server/listener_test.cc.
#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/memory_stream.h"
#include "tests/support/test_certificates.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

/// Runs one connection through `tcp { … }`.
std::vector<std::string> serve(std::string_view text, MemoryStream& stream, EcsMode ecs = EcsMode::Disabled) {
  PluginHarness<Input> harness("input", text, ecs);
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  CollectingSink sink;
  const auto endpoints = harness.plugin->endpoints();
  REQUIRE(endpoints.size() == 1);
  run_to_end(endpoints[0].stream->serve(stream, sink));
  return sink.events();
}

std::string refusals(std::string_view text) {
  PluginHarness<Input> harness("input", text);
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

constexpr std::string_view kPlain = "tcp { port => 1 dns_reverse_lookup_enabled => false }";

}  // namespace

TEST_CASE("tcp makes an event of each line and says whom it came from", "[input][tcp]") {
  MemoryStream stream({"one\ntw", "o\nrest"});
  const auto events = serve(kPlain, stream);
  REQUIRE(events.size() == 3);
  CHECK(events[1] == "{\"message\":\"two\",\"host\":\"127.0.0.1\",\"port\":4711}\t{\"ip_address\":\"127.0.0.1\"}");
  CHECK_THAT(events[2], Contains("\"rest\""));
}

TEST_CASE("tcp keeps the peer in the metadata with ECS", "[input][tcp]") {
  MemoryStream stream({"one\n"});
  const auto events = serve(kPlain, stream, EcsMode::V1);
  REQUIRE(events.size() == 1);
  CHECK_THAT(events[0], Contains(R"({"input":{"tcp":{"source":{"name":"127.0.0.1","ip":"127.0.0.1","port":4711}}}})"));
  CHECK_THAT(events[0], !Contains("\"host\""));
}

TEST_CASE("tcp keeps the fields that an event brings, and reads json as lines", "[input][tcp]") {
  MemoryStream stream({"{\"host\":\"mine\"}\n{\"a\":1}\n"});
  const auto events = serve("tcp { port => 1 codec => json dns_reverse_lookup_enabled => false }", stream);
  REQUIRE(events.size() == 2);
  CHECK_THAT(events[0], Contains(R"("host":"mine")"));
  CHECK_THAT(events[1], Contains(R"("host":"127.0.0.1")"));
}

TEST_CASE("tcp gives an unfinished line back when it is replaced", "[input][tcp][reload]") {
  MemoryStream stream({"one\nhal"});
  stream.ends_by_rebinding = true;
  CHECK(serve(kPlain, stream).size() == 1);
  CHECK(stream.given_back == "hal");
}

TEST_CASE("tcp reads PROXY headers of both versions", "[input][tcp][proxy]") {
  constexpr std::string_view kProxied = "tcp { port => 1 proxy_protocol => true dns_reverse_lookup_enabled => false }";
  std::string binary("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\0\x50\x01\xbb", 28);
  for (const std::string& header : {std::string("PROXY TCP4 10.0.0.1 10.0.0.2 80 443\r\n"), binary}) {
    MemoryStream stream({header.substr(0, 5), header.substr(5) + "one\n"});
    const auto events = serve(kProxied, stream);
    REQUIRE(events.size() == 1);
    CHECK_THAT(events[0], Contains(R"("host":"10.0.0.1","port":80,"proxy_host":"10.0.0.2","proxy_port":443)"));
  }
  MemoryStream without({"no header\n"});
  CHECK(serve(kProxied, without).empty());
  MemoryStream endless({std::string("PROXY TCP4 ") + std::string(200, '1')});
  CHECK(serve(kProxied, endless).empty());
}

TEST_CASE("tcp gives the PROXY header back with what follows it", "[input][tcp][proxy][reload]") {
  MemoryStream stream({"PROXY UNKNOWN\r\nhal"});
  stream.ends_by_rebinding = true;
  serve("tcp { port => 1 proxy_protocol => true dns_reverse_lookup_enabled => false }", stream);
  CHECK(stream.given_back == "PROXY UNKNOWN\r\nhal");
}

TEST_CASE("tcp declares what it listens on or connects to", "[input][tcp]") {
  PluginHarness<Input> harness("input", "tcp { port => 5000 host => \"10.1.1.1\" mode => client tcp_keep_alive => true }");
  REQUIRE(harness.plugin != nullptr);
  const Endpoint endpoint = harness.plugin->endpoints().at(0);
  CHECK(endpoint.mode == Endpoint::Mode::Connect);
  CHECK(endpoint.host == "10.1.1.1");
  CHECK(endpoint.port == 5000);
  CHECK(endpoint.has_tcp_keep_alive);
}

TEST_CASE("tcp refuses what it cannot do", "[input][tcp]") {
  const std::string without_files = refusals("tcp { port => 1 ssl_enabled => true }");
  CHECK_THAT(without_files, Contains("ssl_enabled needs ssl_certificate") && Contains("ssl_enabled needs ssl_key") &&
                                Contains("ssl_client_authentication => required needs ssl_certificate_authorities"));
  CHECK_THAT(refusals("tcp { port => 1 ssl_enabled => true ssl_certificate => \"/no.pem\" ssl_key => \"/no.key\" "
                      "ssl_client_authentication => none }"),
             Contains("the file \"/no.pem\" cannot be read") && Contains("the file \"/no.key\" cannot be read"));
  CHECK_THAT(refusals("tcp { port => 1 codec => rubydebug }"), Contains("cannot read"));
  CHECK_THAT(refusals("tcp { port => 70000 }"), Contains("70000"));
  CHECK_THAT(refusals("tcp { }"), Contains("port"));
}

TEST_CASE("tcp speaks TLS as a server and as a client, under today's and under older option names", "[input][tcp][tls]") {
  const TestCertificates certificates;
  const std::string files = " ssl_certificate => \"" + certificates.path("server.pem") + "\" ssl_key => \"" +
                            certificates.path("server.key") + "\" ";
  const auto endpoint_of = [](const std::string& options) {
    PluginHarness<Input> harness("input", "tcp { port => 5000 " + options + " }");
    INFO(harness.diagnostics.render());
    REQUIRE(harness.plugin != nullptr);
    return harness.plugin->endpoints().at(0);
  };
  const Endpoint server =
      endpoint_of("ssl_enabled => true ssl_client_authentication => none ssl_handshake_timeout => 1500" + files);
  CHECK(server.tls != nullptr);
  CHECK(server.handshake_seconds == 1.5);
  CHECK(endpoint_of("ssl_enable => true ssl_verify => false" + files).tls != nullptr);
  CHECK(endpoint_of("mode => client host => \"example.org\" ssl_enabled => true").tls->verifies_name());
  CHECK_FALSE(endpoint_of("mode => client ssl_enabled => true ssl_verification_mode => none").tls->verifies_name());
  CHECK(endpoint_of("mode => client").tls == nullptr);
}

}  // namespace logboom
