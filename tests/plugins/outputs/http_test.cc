// The http output against a small server in this process.
#include <fmt/format.h>


#include "server/listen/listener.h"
#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/recorded_delivery.h"
#include "tests/support/test_acceptor.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

/// Keeps requests and answers each with the status that its path names.
class ScriptedService final : public HttpService {
 public:
  Awaitable<HttpResponse> answer(HttpRequest request, EventSink&) override {
    int status = std::atoi(request.target.c_str() + 1);
    if (status == 0) status = 200;
    {
      const std::lock_guard lock(mutex);
      requests.push_back(std::move(request));
    }
    co_return HttpResponse(status, "because");
  }
  std::mutex mutex;
  std::vector<HttpRequest> requests;
};

class WebService {
 public:
  WebService() {
    Endpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.http = service;
    auto opened = Listener::open(threads_, endpoint, std::make_shared<CollectingSink>(), "test", metrics_);
    REQUIRE(opened.has_value());
    listener_ = *opened;
  }
  ~WebService() { listener_->drain(); }
  std::string url(std::string_view path = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", listener_->port(), path);
  }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(service->mutex);
    return service->requests;
  }
  std::shared_ptr<ScriptedService> service = std::make_shared<ScriptedService>();

 private:
  MetricScope metrics_;
  NetworkThreads threads_{1};
  std::shared_ptr<Listener> listener_;
};

/// Delivers events through `http { … }` and returns what became of them.
std::vector<Outcome> deliver(std::string_view text, const std::vector<std::string>& events) {
  PluginHarness<Output> harness("output", text);
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  const auto started = harness.plugin->start();
  REQUIRE(started.has_value());
  const auto delivery = std::make_shared<RecordedDelivery>(events);
  harness.plugin->deliver(delivery);
  auto outcomes = delivery->wait();
  harness.plugin->stop();
  return outcomes;
}

}  // namespace

TEST_CASE("http sends an event as JSON", "[output][http]") {
  WebService web;
  const auto outcomes = deliver(
      fmt::format(
          R"(http {{ url => "{}" http_method => post headers => {{ "X-A" => "%{{a}}" }} user => "u" password => "p" }})",
          web.url("/%{a}")),
      {"{\"a\":\"b\\r\\nX-Evil: 1\"}", R"({"a":"c"})"});
  CHECK(outcomes.at(1).kind == OutcomeKind::Delivered);
  for (const HttpRequest& request : web.requests()) {
    CHECK(request.header("x-evil").empty());
    if (request.target != "/c") continue;
    CHECK(request.method == "POST");
    CHECK(request.body.view() == R"({"a":"c"})");
    CHECK(request.header("content-type") == "application/json");
    CHECK(request.header("x-a") == "c");
    CHECK(request.header("authorization") == "Basic dTpw");
  }
}

TEST_CASE("http sends a batch as one array for each address", "[output][http]") {
  WebService web;
  const auto outcomes =
      deliver(fmt::format(R"(http {{ url => "{}" http_method => put format => json_batch http_compression => true }})",
                          web.url("/%{to}")),
              {R"({"to":"x","n":1})", R"({"to":"400","n":2})", R"({"to":"x","n":3})"});
  CHECK(outcomes.at(0).kind == OutcomeKind::Delivered);
  CHECK(outcomes.at(1).kind == OutcomeKind::Permanent);
  CHECK(outcomes.at(2).kind == OutcomeKind::Delivered);
  const auto requests = web.requests();
  REQUIRE(requests.size() == 2);
  const HttpRequest& batch = requests[requests[0].target == "/x" ? 0 : 1];
  CHECK(batch.header("content-encoding") == "gzip");
  CHECK(batch.body.view() == R"([{"to":"x","n":1},{"to":"x","n":3}])");
}

TEST_CASE("http sends forms, messages and mappings", "[output][http]") {
  WebService web;
  const auto send = [&](std::string_view options) {
    deliver(fmt::format(R"(http {{ url => "{}" http_method => post {} }})", web.url(), options), {R"({"a":"x y&","n":1})"});
    const HttpRequest last = web.requests().back();
    return std::string(last.header("content-type")) + " " + std::string(last.body.view());
  };
  CHECK(send("format => form") == "application/x-www-form-urlencoded a=x%20y%26&n=1");
  CHECK(send("format => form mapping => { \"k\" => \"%{n}\" }") == "application/x-www-form-urlencoded k=1");
  CHECK(send("format => message message => \"<%{a}>\"") == "text/plain <x y&>");
  CHECK(send("content_type => \"a/b\" mapping => { \"k%{n}\" => [\"%{a}\", 2] }") == R"(a/b {"k1":["x y&",2]})");
}

TEST_CASE("http tells apart what to try again, what to drop and what to ignore", "[output][http]") {
  WebService web;
  const auto outcome = [&](std::string_view path, std::string_view options = "") {
    return deliver(fmt::format(R"(http {{ url => "{}" http_method => post {} }})", web.url(path), options), {"{}"}).at(0);
  };
  CHECK(outcome("/201").kind == OutcomeKind::Delivered);
  CHECK(outcome("/503").kind == OutcomeKind::Retry);
  CHECK(outcome("/503").code == 503);
  CHECK(outcome("/503", "retry_failed => false").kind == OutcomeKind::Permanent);
  CHECK(outcome("/404").kind == OutcomeKind::Permanent);
  CHECK_THAT(outcome("/404").reason, Contains("404") && Contains("because"));
  CHECK(outcome("/404", "retryable_codes => [404]").kind == OutcomeKind::Retry);
  CHECK(outcome("/404", "ignorable_codes => [404]").kind == OutcomeKind::Delivered);
}

TEST_CASE("http tries again when its service cannot be reached or is silent", "[output][http]") {
  TestAcceptor place;
  const std::string url = fmt::format("http://127.0.0.1:{}/", place.port());
  const std::string text = fmt::format(R"(http {{ url => "{}" http_method => get request_timeout => 0.1 }})", url);
  const Outcome silent = deliver(text, {"{}"}).at(0);
  CHECK(silent.kind == OutcomeKind::Retry);
  CHECK_THAT(silent.reason, Contains("imed out") || Contains("imeout"));
  place.stop();
  CHECK(deliver(text, {"{}"}).at(0).kind == OutcomeKind::Retry);
  CHECK(deliver(R"(http { url => "%{missing}" http_method => get })", {"{}"}).at(0).kind == OutcomeKind::Permanent);
}

TEST_CASE("http gives back what is under way when it stops", "[output][http]") {
  TestAcceptor silent;
  PluginHarness<Output> harness(
      "output", fmt::format(R"(http {{ url => "http://127.0.0.1:{}/" http_method => post }})", silent.port()));
  REQUIRE(harness.plugin != nullptr);
  REQUIRE(harness.plugin->start().has_value());
  const auto delivery = std::make_shared<RecordedDelivery>(std::vector<std::string>{"{}", "{}"});
  harness.plugin->deliver(delivery);
  harness.plugin.reset();
  for (const Outcome& outcome : delivery->wait()) CHECK(outcome.kind == OutcomeKind::Retry);
}

TEST_CASE("http output refuses what it cannot do", "[output][http]") {
  const auto refusals = [](std::string_view text) {
    PluginHarness<Output> harness("output", text);
    CHECK(harness.plugin == nullptr);
    return harness.diagnostics.render();
  };
  CHECK_THAT(refusals("http { url => \"ftp://h\" http_method => post }"), Contains("http://"));
  CHECK_THAT(refusals("http { url => \"http://h\" http_method => post format => message }"), Contains("needs it"));
  CHECK_THAT(refusals("http { url => \"http://h\" }"), Contains("http_method"));
  CHECK_THAT(refusals("http { url => \"https://h\" http_method => post ssl_cipher_suites => [\"NOPE\"] }"),
             Contains("NOPE"));
  CHECK_THAT(refusals("http { url => \"https://h\" http_method => post ssl_key => \"/dev/null\" }"),
             Contains("belong together"));
  PluginHarness<Output> known(
      "output",
      "http { url => \"https://h\" http_method => post ssl_supported_protocols => [\"TLSv1.3\"] "
      "ssl_cipher_suites => [\"TLS_AES_256_GCM_SHA384\", \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\"] }");
  CHECK(known.plugin != nullptr);
}

}  // namespace logboom
