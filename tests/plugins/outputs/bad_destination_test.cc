// What the elasticsearch, http and kafka outputs make of destinations that are not what they should be: one message that
// names plugin, pipeline and remedy, the right class, and an end that comes soon.
#include <fmt/format.h>

#include <thread>

#include "tests/plugins/plugin_harness.h"
#include "tests/support/fake_web_service.h"
#include "tests/support/recorded_delivery.h"
#include "tests/support/test_acceptor.h"
#include "tests/support/test_certificates.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

/// A delivery that also keeps what it is told while its events wait.
class WatchedDelivery final : public Delivery {
 public:
  explicit WatchedDelivery(std::shared_ptr<RecordedDelivery> inner) : inner_(std::move(inner)) {
    events_ = inner_->events();
  }
  void report(std::size_t index, Outcome outcome) override {
    {
      const std::lock_guard lock(mutex_);
      if (trouble_.empty()) trouble_ = outcome.reason;
    }
    inner_->report(index, std::move(outcome));
    changed_.notify_all();
  }
  void report_all(const Outcome& outcome) override {
    for (std::size_t i = 0; i < events_.size(); ++i) report(i, outcome);
  }
  void note_trouble(std::string_view reason) override {
    {
      const std::lock_guard lock(mutex_);
      trouble_ = reason;
    }
    changed_.notify_all();
  }
  /// What went wrong, whether the output gave the event back or keeps it; empty when nothing is told within ten seconds.
  std::string trouble() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !trouble_.empty(); });
    return trouble_;
  }

 private:
  std::shared_ptr<RecordedDelivery> inner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string trouble_;
};

struct Told {
  std::string trouble;
  Outcome at_end;  // of the event, once the output was stopped
};

/// Gives an output one event, waits until it tells of trouble, and stops it.
Told trouble_of(std::string_view text, const std::string& event = "{}") {
  PluginHarness<Output> harness("output", text);
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  REQUIRE(harness.plugin->start().has_value());
  const auto inner = std::make_shared<RecordedDelivery>(std::vector<std::string>{event});
  const auto watched = std::make_shared<WatchedDelivery>(inner);
  harness.plugin->deliver(watched);
  Told told;
  told.trouble = watched->trouble();
  harness.plugin->stop();  // must come back: the test's time limit says so
  told.at_end = inner->wait().at(0);
  return told;
}

std::shared_ptr<const TlsContext> server_tls(const TestCertificates& certificates, const std::string& name,
                                             bool wants_client = false) {
  TlsServerSettings settings;
  settings.certificate = certificates.path(name + ".pem");
  settings.key = certificates.path(name + ".key");
  if (wants_client) {
    settings.certificate_authorities = {certificates.path("ca.pem")};
    settings.client_authentication = TlsClientAuthentication::Required;
  }
  auto made = TlsContext::for_server(settings);
  REQUIRE(made.has_value());
  return *made;
}

HttpResponse good_answer(const HttpRequest& request) {
  if (request.target.find("_bulk") == std::string::npos)
    return json_answer(200, R"({"version":{"number":"8.12.0","build_flavor":"default"}})");
  return json_answer(200, R"({"errors":false,"items":[{"create":{"status":201}}]})");
}

/// The two outputs that speak HTTP, as users write them for an address.
std::vector<std::string> outputs_for(const std::string& url, const std::string& options) {
  return {
      fmt::format(R"(http {{ url => "{}" http_method => post {} }})", url, options),
      fmt::format(R"(elasticsearch {{ hosts => ["{}"] index => "ii" manage_template => false ilm_enabled => false {} }})",
                  url, options)};
}

/// Reads what comes and answers with these bytes, connection after connection, until it is destroyed.
class RawServer {
 public:
  explicit RawServer(std::string answer) : answer_(std::move(answer)), thread_([this] { run(); }) {}
  ~RawServer() {
    is_ending_ = true;
    const TestSocket last(acceptor_.port());
    thread_.join();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", acceptor_.port()); }

 private:
  void run() {
    while (!is_ending_) {
      TestSocket peer = acceptor_.accept();
      if (is_ending_) return;
      peer.read_until("\r\n\r\n");
      peer.send(answer_);
    }
  }
  const std::string answer_;
  std::atomic<bool> is_ending_{false};
  TestAcceptor acceptor_;
  std::thread thread_;
};

}  // namespace

TEST_CASE(
    "certificates that are expired, for another host or of an unknown authority are named with a remedy, and events wait",
    "[output][http][elasticsearch]") {
  const TestCertificates certificates;
  const std::string trusts = fmt::format("ssl_certificate_authorities => \"{}\"", certificates.path("ca.pem"));
  struct Case {
    const char* certificate;
    const char* problem;
    const char* remedy;
  };
  const Case cases[] = {
      {"expired", "expired", "renew the server's certificate"},
      {"other-host", "127.0.0.1", "the certificate is for another host"},
      {"foreign", "certificate", "trust its authority with ssl_certificate_authorities"},
  };
  for (const Case& one : cases) {
    FakeWebService web(good_answer, server_tls(certificates, one.certificate));
    for (const std::string& text : outputs_for(web.url(), trusts)) {
      INFO(text);
      const Told told = trouble_of(text);
      CHECK_THAT(told.trouble, Contains("pipeline main, output test") && Contains(web.url()));
      CHECK_THAT(told.trouble, Contains(one.problem) && Contains(one.remedy));
      CHECK(told.at_end.kind == OutcomeKind::Retry);
    }
    CHECK(web.requests().empty());
  }
}

TEST_CASE("a server that wants a client's certificate is told apart from one that has a bad one",
          "[output][http][elasticsearch]") {
  const TestCertificates certificates;
  const std::string trusts = fmt::format("ssl_certificate_authorities => \"{}\"", certificates.path("ca.pem"));
  FakeWebService web(good_answer, server_tls(certificates, "server", true));
  for (const std::string& text : outputs_for(web.url(), trusts)) {
    INFO(text);
    const Told told = trouble_of(text);
    CHECK_THAT(told.trouble, Contains("pipeline main, output test") && Contains("ssl_certificate and ssl_key"));
    CHECK(told.at_end.kind == OutcomeKind::Retry);
  }
}

TEST_CASE("TLS where the server speaks none, and none where it does, is named", "[output][http][elasticsearch]") {
  const TestCertificates certificates;
  FakeWebService plain(good_answer);
  const std::string url = fmt::format("https://127.0.0.1:{}", plain.port());
  for (const std::string& text : outputs_for(url, "")) {
    const Told told = trouble_of(text);
    CHECK_THAT(told.trouble, Contains("pipeline main, output test") && Contains("begin the address with http://"));
    CHECK(told.at_end.kind == OutcomeKind::Retry);
  }
}

TEST_CASE("wrong credentials: elasticsearch keeps the events, http gives them up as its codes say",
          "[output][http][elasticsearch]") {
  FakeWebService web([](const HttpRequest&) { return json_answer(401, R"({"error":"no"})"); });
  const auto texts = outputs_for(web.url(), R"(user => "u" password => "secret")");
  const Told http = trouble_of(texts[0]);
  CHECK(http.at_end.kind == OutcomeKind::Permanent);
  CHECK(http.at_end.code == 401);
  CHECK_THAT(http.trouble, Contains("pipeline main, output test") && Contains("check user and password"));
  CHECK_THAT(http.trouble, !Contains("secret"));
  const Told elasticsearch = trouble_of(texts[1]);
  CHECK(elasticsearch.at_end.kind == OutcomeKind::Retry);
  CHECK_THAT(elasticsearch.trouble, Contains("pipeline main, output test") && Contains("check user and password"));
  CHECK_THAT(elasticsearch.trouble, !Contains("secret"));
}

TEST_CASE("an HTML page and other services at the address are named", "[output][http][elasticsearch]") {
  FakeWebService web([](const HttpRequest&) {
    HttpResponse page(404, "<!DOCTYPE html><title>Welcome to the proxy</title>");
    page.headers.emplace_back("content-type", "text/html");
    return page;
  });
  const auto texts = outputs_for(web.url(), "");
  const Told http = trouble_of(texts[0]);
  CHECK(http.at_end.kind == OutcomeKind::Permanent);
  CHECK_THAT(http.trouble, Contains("check url") && Contains("an HTML page") && Contains("Welcome to the proxy"));
  const Told elasticsearch = trouble_of(texts[1]);
  CHECK(elasticsearch.at_end.kind == OutcomeKind::Retry);
  CHECK_THAT(elasticsearch.trouble, Contains("pipeline main, output test") && Contains("HTML page instead of JSON"));
}

TEST_CASE("answers that end in the middle, or are no HTTP, are no answers: events are tried again",
          "[output][http][elasticsearch]") {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\ncontent-length: 500\r\ncontent-type: application/json\r\n\r\n{\"errors\":fa",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"e", "HTTP/1.1 20", "", "SSH-2.0-OpenSSH_9.2p1\r\n"}) {
    RawServer server(answer);
    for (const std::string& text : outputs_for(server.url(), "")) {
      INFO(text << " " << answer);
      const Told told = trouble_of(text);
      CHECK(told.at_end.kind == OutcomeKind::Retry);
      CHECK_THAT(told.trouble, Contains("pipeline main, output test") && Contains(server.url()));
    }
  }
}

TEST_CASE("a silent destination does not hold up the end", "[output][http][elasticsearch]") {
  TestAcceptor silent;
  for (const std::string& text : outputs_for(fmt::format("http://127.0.0.1:{}", silent.port()), "")) {
    PluginHarness<Output> harness("output", text);
    REQUIRE(harness.plugin != nullptr);
    REQUIRE(harness.plugin->start().has_value());
    const auto delivery = std::make_shared<RecordedDelivery>(std::vector<std::string>{"{}"});
    harness.plugin->deliver(delivery);
    harness.plugin->stop();
    CHECK(delivery->wait().at(0).kind == OutcomeKind::Retry);
  }
}

TEST_CASE("an event of 100 MB that the destination does not take is given up with the reason; its neighbours arrive",
          "[output][http][elasticsearch]") {
  constexpr std::size_t kHuge = 100'000'000;
  const std::string huge = fmt::format(R"({{"message":"{}"}})", std::string(kHuge, 'x'));
  FakeWebService web([](const HttpRequest& request) {
    if (request.body.size() > 1'000'000) return json_answer(413, "");
    return good_answer(request);
  });
  for (const std::string& text : outputs_for(web.url(), "")) {
    INFO(text);
    PluginHarness<Output> harness("output", text);
    REQUIRE(harness.plugin != nullptr);
    REQUIRE(harness.plugin->start().has_value());
    const auto delivery = std::make_shared<RecordedDelivery>(std::vector<std::string>{huge, R"({"a":1})"});
    harness.plugin->deliver(delivery);
    const auto outcomes = delivery->wait();
    harness.plugin->stop();
    CHECK(outcomes[0].kind == OutcomeKind::Permanent);
    CHECK(outcomes[0].code == 413);
    CHECK_THAT(outcomes[0].reason, Contains("pipeline main, output test"));
    CHECK(outcomes[0].reason.size() < 1000);
    CHECK(outcomes[1].kind == OutcomeKind::Delivered);
  }
  const Told kafka = trouble_of(R"(kafka { bootstrap_servers => "127.0.0.1:9" topic_id => "tt" codec => json })", huge);
  CHECK(kafka.at_end.kind == OutcomeKind::Permanent);
  CHECK_THAT(kafka.trouble, Contains("pipeline main, output test") && Contains("raise max_request_size"));
}

TEST_CASE("kafka names a broker's certificate, and what is no broker, as the cause of messages that are not taken",
          "[output][kafka]") {
  const TestCertificates certificates;
  struct Case {
    const char* certificate;
    const char* options;
    const char* told;
  };
  const Case cases[] = {
      {"expired", "security_protocol => SSL", "trust the broker's authority"},
      {"foreign", "security_protocol => SSL", "trust the broker's authority"},
      {"other-host", "security_protocol => SSL", "trust the broker's authority"},
  };
  for (const Case& one : cases) {
    FakeWebService broker(good_answer, server_tls(certificates, one.certificate));
    const Told told = trouble_of(fmt::format(
        R"(kafka {{ bootstrap_servers => "127.0.0.1:{}" topic_id => "tt" delivery_timeout_ms => 2000 linger_ms => 0
           ssl_truststore_type => "PEM" ssl_truststore_location => "{}" {} }})",
        broker.port(), certificates.path("ca.pem"), one.options));
    INFO(one.certificate << ": " << told.trouble);
    CHECK(told.at_end.kind == OutcomeKind::Retry);
    CHECK_THAT(told.trouble, Contains("pipeline main, output test") && Contains(one.told));
  }
}

}  // namespace logboom
