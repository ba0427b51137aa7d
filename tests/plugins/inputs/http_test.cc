// The http input's answers and events; the protocol itself is tested in tests/server/listener_test.cc.
#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/memory_stream.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

/// One http input, its sink, and requests to it.
class Fixture {
 public:
  explicit Fixture(std::string_view text, EcsMode ecs = EcsMode::Disabled,
                   CollectingSink::Answer answer = CollectingSink::Answer::Delivered)
      : sink(answer), harness_("input", text, ecs) {
    INFO(harness_.diagnostics.render());
    REQUIRE(harness_.plugin != nullptr);
    endpoint = harness_.plugin->endpoints().at(0);
  }
  HttpResponse post(std::string_view body, HttpHeaders headers = {}) {
    HttpResponse response;
    run_to_end(ask(request(body, std::move(headers)), response));
    return response;
  }
  static HttpRequest request(std::string_view body, HttpHeaders headers) {
    HttpRequest made;
    made.method = "POST";
    made.target = "/in?x=1";
    made.version = "HTTP/1.1";
    made.headers = std::move(headers);
    made.body = Buffer::copy_of(body);
    made.peer.ip = "10.0.0.9";
    return made;
  }
  Awaitable<void> ask(HttpRequest request, HttpResponse& response) {
    response = co_await endpoint.http->answer(std::move(request), sink);
  }

  CollectingSink sink;
  Endpoint endpoint;

 private:
  PluginHarness<Input> harness_;
};

const HttpHeaders kJson = {{"content-type", "application/json; charset=UTF-8"}};

}  // namespace

TEST_CASE("http makes a plain event of a body and answers ok", "[input][http]") {
  Fixture fixture("http { }");
  const HttpResponse response = fixture.post("hello", {{"user-agent", "curl"}, {"x-a-b", "c"}, {"authorization", "secret"}});
  CHECK(response.status == 200);
  CHECK(response.body == "ok");
  CHECK(response.headers == HttpHeaders{{"Content-Type", "text/plain"}});
  CHECK(fixture.sink.events() ==
        std::vector<std::string>{R"({"message":"hello","host":"10.0.0.9","headers":{"http_user_agent":"curl","x_a_b":"c",)"
                                 R"("request_method":"POST","request_path":"/in?x=1","http_version":"HTTP/1.1"}})"});
}

TEST_CASE("http makes an event of a request that says all in its path", "[input][http]") {
  Fixture fixture("http { }");
  CHECK(fixture.post("").status == 200);
  CHECK(fixture.post("", kJson).status == 200);
  const auto events = fixture.sink.events();
  REQUIRE(events.size() == 1);
  CHECK_THAT(events[0], Contains(R"("message":"")") && Contains(R"("request_path":"/in?x=1")"));
}

TEST_CASE("http makes an event of each item of a JSON array", "[input][http]") {
  Fixture fixture("http { }");
  CHECK(fixture.post(R"([{"a":1},{"a":2}])", kJson).status == 200);
  const auto events = fixture.sink.events();
  REQUIRE(events.size() == 2);
  CHECK_THAT(events[1], Contains(R"("a":2)") && Contains(R"("host":"10.0.0.9")"));
}

TEST_CASE("http describes the request in ECS fields", "[input][http]") {
  Fixture fixture("http { }", EcsMode::V1);
  fixture.post(
      R"({"http":{"method":"kept"}})",
      {{"content-type", "application/json"}, {"host", "[::1]:8080"}, {"user-agent", "curl"}, {"content-length", "26"}});
  const auto events = fixture.sink.events();
  REQUIRE(events.size() == 1);
  CHECK_THAT(events[0], Contains(R"("method":"kept")") &&
                            Contains(R"("url":{"path":"/in?x=1","domain":"::1","port":8080})") &&
                            Contains(R"("user_agent":{"original":"curl"})") && Contains(R"("body":{"bytes":"26"})") &&
                            Contains(R"("host":{"ip":"10.0.0.9"})") &&
                            Contains("\t{\"input\":{\"http\":{\"request\":{\"headers\":{\"content_type\""));
}

TEST_CASE("http asks for user and password and takes only the right ones", "[input][http]") {
  Fixture fixture("http { user => \"al\" password => \"pa:ss\" }");
  const HttpResponse without = fixture.post("x");
  CHECK(without.status == 401);
  CHECK(without.headers == HttpHeaders{{"WWW-Authenticate", "Basic realm=\"Logstash HTTP Input\""}});
  CHECK(fixture.post("x", {{"authorization", "Basic YWw6cGE6c3o="}}).status == 401);
  CHECK(fixture.post("x", {{"authorization", "Basic"}}).status == 401);
  CHECK(fixture.post("x", {{"authorization", "basic YWw6cGE6c3M="}}).status == 200);
  CHECK(fixture.sink.events().size() == 1);
}

TEST_CASE("http answers 503 when events were not delivered, and waits for the acknowledgement", "[input][http]") {
  Fixture refused("http { }", EcsMode::Disabled, CollectingSink::Answer::NotDelivered);
  CHECK(refused.post("x").status == 503);

  Fixture later("http { max_pending_requests => 1 }", EcsMode::Disabled, CollectingSink::Answer::Later);
  boost::asio::io_context context;
  HttpResponse first(0, "");
  HttpResponse second(0, "");
  boost::asio::co_spawn(context, later.ask(Fixture::request("x", {}), first), boost::asio::detached);
  boost::asio::co_spawn(context, later.ask(Fixture::request("y", {}), second), boost::asio::detached);
  context.poll();
  CHECK(first.status == 0);
  CHECK(second.status == 429);
  later.sink.deliver_held();
  context.restart();
  context.run();
  CHECK(first.status == 200);
}

TEST_CASE("http converts charsets and refuses what it cannot read", "[input][http]") {
  Fixture fixture("http { }");
  CHECK(fixture.post("caf\xe9", {{"content-type", "text/plain; charset=\"ISO-8859-1\""}}).status == 200);
  CHECK_THAT(fixture.sink.events().at(0), Contains("café"));
  CHECK(fixture.post("x", {{"content-type", "text/plain; charset=../../evil"}}).status == 400);
  CHECK(fixture.post("\xff", {{"content-type", "text/plain; charset=euc-jp"}}).status == 400);
}

TEST_CASE("http answers as configured", "[input][http]") {
  Fixture fixture(
      "http { response_code => 204 response_headers => { \"X-A\" => \"b\" } additional_codecs => { \"a/b\" => \"line\" } "
      "remote_host_target_field => \"[from]\" request_headers_target_field => \"[@metadata][h]\" }");
  const HttpResponse response = fixture.post("one\ntwo", {{"content-type", "a/b"}});
  CHECK(response.status == 204);
  CHECK(response.body.empty());
  CHECK(response.headers == HttpHeaders{{"X-A", "b"}});
  const auto events = fixture.sink.events();
  REQUIRE(events.size() == 2);
  CHECK_THAT(events[0], Contains(R"({"message":"one","from":"10.0.0.9"})") && Contains("\t{\"h\":"));
}

TEST_CASE("http declares its endpoint's limits", "[input][http]") {
  Fixture fixture("http { max_content_length => 1000 host => \"::1\" }");
  CHECK(fixture.endpoint.port == 8080);
  CHECK(fixture.endpoint.host == "::1");
  CHECK(fixture.endpoint.max_request_bytes == 1000);
}

TEST_CASE("http refuses what it cannot do", "[input][http]") {
  const auto refusals = [](std::string_view text) {
    PluginHarness<Input> harness("input", text);
    CHECK(harness.plugin == nullptr);
    return harness.diagnostics.render();
  };
  CHECK_THAT(refusals("http { ssl_enabled => true }"), Contains("TLS is not available in this version"));
  CHECK_THAT(refusals("http { user => \"a\" }"), Contains("belong together"));
  CHECK_THAT(refusals("http { response_code => 500 }"), Contains("500"));
  CHECK_THAT(refusals("http { response_headers => { \"a b\" => \"c\" } }"), Contains("cannot be a header"));
}

}  // namespace logboom
