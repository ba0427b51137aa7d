// TLS at the server's edge: who may speak, what a failed handshake costs, and that everything above works as without.
#include "tests/support/listener_fixture.h"
#include "tests/support/test_certificates.h"
#include "tests/support/test_tls_socket.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

const TestCertificates& certificates() {
  static const TestCertificates made;
  return made;
}

TlsServerSettings server_settings() {
  TlsServerSettings settings;
  settings.certificate = certificates().path("server.pem");
  settings.key = certificates().path("server.key");
  return settings;
}

TlsClientSettings client_settings(const std::string& certificate = {}) {
  TlsClientSettings settings;
  settings.certificate_authorities = {certificates().path("ca.pem")};
  if (!certificate.empty()) {
    settings.certificate = certificates().path(certificate + ".pem");
    settings.key = certificates().path(certificate + ".key");
  }
  return settings;
}

TlsServerSettings asking_settings(TlsClientAuthentication authentication) {
  TlsServerSettings settings = server_settings();
  settings.client_authentication = authentication;
  settings.certificate_authorities = {certificates().path("ca.pem")};
  return settings;
}

Endpoint with_tls(Endpoint endpoint, const TlsServerSettings& settings) {
  auto context = TlsContext::for_server(settings);
  REQUIRE(context.has_value());
  endpoint.tls = *context;
  return endpoint;
}

/// Says who it speaks with, then echoes.
class IdentityService final : public StreamService {
 public:
  Awaitable<void> serve(ByteStream& peer, EventSink&) override {
    const TlsSession* tls = peer.tls();
    const std::string line = (tls != nullptr ? tls->protocol + " " + tls->client_subject : std::string("plain")) + "\n";
    const auto sent = co_await peer.write(line);
    if (!sent) co_return;
    for (;;) {
      const Buffer received = co_await peer.read_some();
      if (received.empty()) co_return;
      const auto echoed = co_await peer.write(received.view());
      if (!echoed) co_return;
    }
  }
};

Endpoint identity_endpoint() {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.stream = std::make_shared<IdentityService>();
  return endpoint;
}

std::vector<std::string> messages(const Fixture& fixture) {
  std::vector<std::string> found;
  for (const std::string& event : fixture.sink->events())
    found.push_back(event.substr(sizeof(R"({"message":")") - 1, event.size() - sizeof(R"({"message":""})") + 1));
  return found;
}

}  // namespace

TEST_CASE("a listener with TLS serves streams and requests as without", "[listener][tls]") {
  Fixture lines(with_tls(line_endpoint(), server_settings()));
  {
    TestTlsSocket client(lines.listener->port(), client_settings());
    REQUIRE(client.problem().empty());
    REQUIRE(client.send("one\ntwo\nunfinished"));
    client.say_goodbye();
    CHECK(client.is_closed_by_peer());
  }
  CHECK(messages(lines) == std::vector<std::string>{"one", "two", "unfinished"});

  Fixture requests(with_tls(echo_endpoint(), server_settings()));
  TestTlsSocket client(requests.listener->port(), client_settings());
  REQUIRE(client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"));
  CHECK_THAT(client.read_until("abc\n"), Contains("echo POST /a 3 abc"));
}

TEST_CASE("megabytes pass through TLS in both directions unchanged", "[listener][tls]") {
  Fixture fixture(with_tls(identity_endpoint(), server_settings()));
  TestTlsSocket client(fixture.listener->port(), client_settings());
  std::string block;
  for (int i = 0; block.size() < 300'000; ++i) block += std::to_string(i) + " ";
  client.read_until("\n");
  for (int round = 0; round < 10; ++round) {
    REQUIRE(client.send(block + "#"));
    CHECK(client.read_until("#") == block + "#");
  }
  CHECK(fixture.count("bytes_in") == 10 * (block.size() + 1));
}

TEST_CASE("TLS 1.2 and 1.3 are spoken, or only what was chosen", "[listener][tls]") {
  Fixture both(with_tls(identity_endpoint(), server_settings()));
  for (const std::string protocol : {"TLSv1.2", "TLSv1.3"}) {
    TlsClientSettings settings = client_settings();
    settings.supported_protocols = {protocol};
    TestTlsSocket client(both.listener->port(), settings);
    REQUIRE(client.problem().empty());
    CHECK(client.read_until("\n") == protocol + " \n");
  }
  TlsServerSettings newest = server_settings();
  newest.supported_protocols = {"TLSv1.3"};
  Fixture strict(with_tls(identity_endpoint(), newest));
  TlsClientSettings old = client_settings();
  old.supported_protocols = {"TLSv1.2"};
  CHECK_FALSE(TestTlsSocket(strict.listener->port(), old).problem().empty());
  CHECK(Fixture::eventually([&] { return strict.count("tls_failures") == 1; }));
}

TEST_CASE("cipher suites are chosen by IANA or OpenSSL name", "[listener][tls]") {
  TlsServerSettings settings = server_settings();
  settings.supported_protocols = {"TLSv1.2"};
  settings.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"};
  Fixture fixture(with_tls(identity_endpoint(), settings));
  TestTlsSocket client(fixture.listener->port(), client_settings());
  REQUIRE(client.problem().empty());
  CHECK(client.session().cipher == "ECDHE-ECDSA-AES128-GCM-SHA256");
  TlsServerSettings unknown = server_settings();
  unknown.cipher_suites = {"ROT13"};
  CHECK_THAT(TlsContext::for_server(unknown).error().message, Contains("ROT13"));
}

TEST_CASE("a client certificate is asked for as the operator says", "[listener][tls]") {
  Fixture required(with_tls(identity_endpoint(), asking_settings(TlsClientAuthentication::Required)));
  {
    TestTlsSocket known(required.listener->port(), client_settings("client"));
    CHECK(known.read_until("\n") == "TLSv1.3 CN=shipper,O=Logboom\n");
    // In TLS 1.3 a client learns of the refusal when it reads.
    TestTlsSocket nobody(required.listener->port(), client_settings());
    CHECK(nobody.read_until("\n").empty());
    TestTlsSocket stranger(required.listener->port(), client_settings("stranger"));
    CHECK(stranger.read_until("\n").empty());
  }
  CHECK(Fixture::eventually([&] { return required.count("tls_failures") == 2; }));

  Fixture optional(with_tls(identity_endpoint(), asking_settings(TlsClientAuthentication::Optional)));
  CHECK(TestTlsSocket(optional.listener->port(), client_settings()).read_until("\n") == "TLSv1.3 \n");
  CHECK(TestTlsSocket(optional.listener->port(), client_settings("client")).read_until("\n") ==
        "TLSv1.3 CN=shipper,O=Logboom\n");
  CHECK(TestTlsSocket(optional.listener->port(), client_settings("stranger")).read_until("\n").empty());
}

TEST_CASE("plain text on a TLS port is closed and counted, and others are served on", "[listener][tls]") {
  Fixture fixture(with_tls(line_endpoint(), server_settings()));
  TestSocket plain = fixture.connect();
  REQUIRE(plain.send("GET / HTTP/1.0\r\n\r\n"));
  CHECK(plain.is_closed_by_peer());
  CHECK(Fixture::eventually([&] { return fixture.count("tls_failures") == 1; }));
  TestTlsSocket client(fixture.listener->port(), client_settings());
  CHECK(client.problem().empty());
  CHECK(messages(fixture).empty());
}

TEST_CASE("a health check that connects and leaves is no failure", "[listener][tls]") {
  Fixture fixture(with_tls(line_endpoint(), server_settings()));
  {
    TestSocket checker = fixture.connect();
    checker.finish_sending();
    CHECK(checker.is_closed_by_peer());
  }
  CHECK(Fixture::eventually([&] { return fixture.listener->open_sessions() == 0 && fixture.count("connections") == 1; }));
  CHECK(fixture.count("tls_failures") == 0);
}

TEST_CASE("a handshake that does not go on ends in time and is counted", "[listener][tls]") {
  Endpoint endpoint = with_tls(line_endpoint(), server_settings());
  endpoint.handshake_seconds = 0.05;
  Fixture fixture(endpoint);
  TestSocket silent = fixture.connect();
  REQUIRE(silent.send("\x16\x03\x01"));
  CHECK(silent.is_closed_by_peer());
  CHECK(Fixture::eventually([&] { return fixture.count("tls_timeouts") == 1; }));
}

TEST_CASE("draining ends a handshake that waits", "[listener][tls]") {
  Fixture fixture(with_tls(line_endpoint(), server_settings()));
  TestSocket silent = fixture.connect();
  REQUIRE(Fixture::eventually([&] { return fixture.listener->open_sessions() == 1; }));
  fixture.listener->drain();
  CHECK(fixture.listener->open_sessions() == 0);
}

TEST_CASE("new connections get the certificate of the last rebinding, live ones go on", "[listener][tls]") {
  Fixture fixture(with_tls(line_endpoint("old "), server_settings()));
  TestTlsSocket live(fixture.listener->port(), client_settings());
  REQUIRE(live.send("a\n"));
  REQUIRE(Fixture::eventually([&] { return messages(fixture).size() == 1; }));
  fixture.listener->rebind(with_tls(line_endpoint("new "), asking_settings(TlsClientAuthentication::Required)),
                           fixture.sink);
  REQUIRE(live.send("b\n"));
  REQUIRE(Fixture::eventually([&] { return messages(fixture).size() == 2; }));
  CHECK(messages(fixture) == std::vector<std::string>{"old a", "new b"});
  TestTlsSocket nobody(fixture.listener->port(), client_settings());
  CHECK(nobody.is_closed_by_peer());
  TestTlsSocket known(fixture.listener->port(), client_settings("client"));
  REQUIRE(known.send("c\n"));
  CHECK(Fixture::eventually([&] { return messages(fixture).size() == 3; }));
}

TEST_CASE("files that TLS cannot use are named", "[tls]") {
  TlsServerSettings settings = server_settings();
  settings.certificate = "/no/such.pem";
  CHECK_THAT(TlsContext::for_server(settings).error().message, Contains("/no/such.pem"));
  settings = server_settings();
  settings.key = certificates().path("client.key");
  CHECK_THAT(TlsContext::for_server(settings).error().message, Contains("client.key"));
  settings = server_settings();
  settings.key = certificates().path("server-locked.key");
  CHECK_THAT(TlsContext::for_server(settings).error().message, Contains("passphrase"));
  settings.key_passphrase = "open sesame";
  CHECK(TlsContext::for_server(settings).has_value());
  settings.supported_protocols = {"SSLv3"};
  CHECK_THAT(TlsContext::for_server(settings).error().message, Contains("SSLv3"));
}

TEST_CASE("a client holds the server's certificate against the host that it wanted", "[tls]") {
  Fixture fixture(with_tls(identity_endpoint(), server_settings()));
  const std::uint16_t port = fixture.listener->port();
  CHECK(TestTlsSocket(port, client_settings(), "127.0.0.1").problem().empty());
  CHECK_THAT(TestTlsSocket(port, client_settings(), "example.org").problem(), Contains("ostname mismatch"));
  TlsClientSettings settings = client_settings();
  settings.verification = TlsVerification::Certificate;
  CHECK(TestTlsSocket(port, settings, "example.org").problem().empty());
  settings.certificate_authorities.clear();
  CHECK_THAT(TestTlsSocket(port, settings, "localhost").problem(), Contains("certificate verify failed"));
  settings.verification = TlsVerification::None;
  CHECK(TestTlsSocket(port, settings, "example.org").problem().empty());
}

TEST_CASE("a socket file is listened on, replaced when it is a dead process's, and removed at the end", "[listener][unix]") {
  const std::string path = "/tmp/logboom-listener-" + std::to_string(getpid()) + ".sock";
  Endpoint endpoint = line_endpoint();
  endpoint.unix_path = path;
  endpoint.unix_mode = "660";
  for (int life = 0; life < 2; ++life) {
    Fixture fixture(endpoint);
    {
      TestSocket client = TestSocket::on_unix_path(path);
      REQUIRE(client.send("hello\n"));
      client.finish_sending();
      CHECK(client.is_closed_by_peer());
    }
    CHECK(messages(fixture) == std::vector<std::string>{"hello"});
    MetricScope metrics;
    auto second = Listener::open(fixture.network, endpoint, fixture.sink, "input unix", metrics);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == ErrorCode::AlreadyExists);
    // What a killed process leaves behind: a bound file without a listener.
    if (life == 0) TestSocket::leave_dead_unix_path(path + ".dead");
  }
  CHECK(access(path.c_str(), F_OK) != 0);
  endpoint.unix_path = path + ".dead";
  REQUIRE(access(endpoint.unix_path.c_str(), F_OK) == 0);
  Fixture fixture(endpoint);
  TestSocket client = TestSocket::on_unix_path(endpoint.unix_path);
  REQUIRE(client.send("again\n"));
  client.finish_sending();
  CHECK(client.is_closed_by_peer());
  CHECK(messages(fixture) == std::vector<std::string>{"again"});
}

TEST_CASE("a socket file that is answered on is taken over only when that is asked for", "[listener][unix]") {
  const std::string path = "/tmp/logboom-takeover-" + std::to_string(getpid()) + ".sock";
  Endpoint endpoint = line_endpoint("old ");
  endpoint.unix_path = path;
  Fixture old(endpoint);
  endpoint = line_endpoint("new ");
  endpoint.unix_path = path;
  endpoint.takes_unix_path_over = true;
  Fixture taking(endpoint);
  TestSocket client = TestSocket::on_unix_path(path);
  REQUIRE(client.send("hello\n"));
  client.finish_sending();
  CHECK(client.is_closed_by_peer());
  CHECK(messages(taking) == std::vector<std::string>{"new hello"});
  CHECK(messages(old).empty());
}

}  // namespace logboom
