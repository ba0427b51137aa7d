// The http input's answers and events; the protocol itself is tested in tests/server/listener_test.cc.
#include "tests/plugins/inputs/http_service_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

/// An http input and what is posted to it.
class Fixture : public HttpServiceFixture {
 public:
  using HttpServiceFixture::HttpServiceFixture;
  HttpResponse post(std::string_view body, HttpHeaders headers = {}) { return send(request(body, std::move(headers))); }
  static HttpRequest request(std::string_view body, HttpHeaders headers) {
    return HttpServiceFixture::request("POST", "/in?x=1", body, std::move(headers));
  }
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
      R"({"http":{"method":"replaced","kept":1},"url":"kept","host":{"name":"kept"},"@metadata":{"kept":1}})",
      {{"content-type", "application/json"}, {"host", "[::1]:8080"}, {"user-agent", "curl"}, {"content-length", "26"}});
  const auto events = fixture.sink.events();
  REQUIRE(events.size() == 1);
  CHECK(
      events[0] ==
      R"({"http":{"method":"POST","kept":1,"version":"HTTP/1.1","request":{"body":{"bytes":"26"},)"
      R"("mime_type":"application/json"}},"url":"kept","host":{"name":"kept","ip":"10.0.0.9"},)"
      R"("event":{"original":"{\"http\":{\"method\":\"replaced\",\"kept\":1},\"url\":\"kept\",\"host\":{\"name\":\"kept\"},)"
      R"(\"@metadata\":{\"kept\":1}}"},"user_agent":{"original":"curl"}})"
      "\t"
      R"({"kept":1,"input":{"http":{"request":{"headers":{"content_type":"application/json","http_host":"[::1]:8080",)"
      R"("http_user_agent":"curl","content_length":"26","request_method":"POST","request_path":"/in?x=1",)"
      R"("http_version":"HTTP/1.1"}}}}})");
}

TEST_CASE("http gives each event fields of its own", "[input][http]") {
  Fixture fixture("http { }", EcsMode::V1);
  fixture.post(R"([{"a":1},{"a":2}])", {{"content-type", "application/json"}, {"host", "[::1]:8080"}});
  const auto events = fixture.sink.events();
  REQUIRE(events.size() == 2);
  CHECK_THAT(events[1], Contains(R"("url":{"path":"/in?x=1","domain":"::1","port":8080})") &&
                            Contains(R"("host":{"ip":"10.0.0.9"})") && Contains("\t{\"input\":{\"http\":"));
  CollectingSink sink(CollectingSink::Answer::Later);
  HttpResponse response;
  boost::asio::io_context context;
  const auto ask = [&]() -> Awaitable<void> {
    response = co_await fixture.endpoint.http->answer(Fixture::request(R"([{"a":1},{"a":2}])", kJson), sink);
  };
  boost::asio::co_spawn(context, ask(), boost::asio::detached);
  context.poll();
  const ChunkPtr chunk = sink.held_chunk();
  REQUIRE(chunk != nullptr);
  const auto path = *FieldRef::parse("[url][path]");
  const auto method = *FieldRef::parse("[@metadata][input][http][request][headers][request_method]");
  chunk->events()[0]->set(path, Value::string("changed"));
  chunk->events()[0]->set(method, Value::string("changed"));
  CHECK(chunk->events()[1]->string_at(path) == "/in?x=1");
  CHECK(chunk->events()[1]->string_at(method) == "POST");
  sink.deliver_held();
  context.restart();
  context.run();
  CHECK(response.status == 200);
}

TEST_CASE("http asks for user and password and takes only the right ones", "[input][http]") {
  Fixture fixture("http { user => \"al\" password => \"pa:ss\" }");
  const HttpResponse without = fixture.post("x");
  CHECK(without.status == 401);
  CHECK(without.headers == HttpHeaders{{"WWW-Authenticate", "Basic realm=\"Logstash HTTP Input\""}});
  CHECK(fixture.post("x", {{"authorization", "Basic YWw6cGE6c3o="}}).status == 401);
  CHECK(fixture.post("x", {{"authorization", "Basic"}}).status == 401);
  CHECK(fixture.post("x", {{"authorization", "ApiKey YWw6cGE6c3M="}}).status == 401);
  CHECK(fixture.post("x", {{"authorization", "basic YWw6cGE6c3M="}}).status == 200);
  CHECK(fixture.sink.events().size() == 1);
  CHECK(fixture.count("unauthorized") == 4);
}

TEST_CASE("http answers 503 with Retry-After when events were not delivered", "[input][http]") {
  Fixture fixture("http { }", EcsMode::Disabled, CollectingSink::Answer::NotDelivered);
  const HttpResponse response = fixture.post("x");
  CHECK(response.status == 503);
  CHECK(response.headers == HttpHeaders{{"Retry-After", "5"}});
  CHECK_THAT(response.body, Contains("send them again"));
  CHECK(fixture.count("not_delivered") == 1);
}

TEST_CASE("http waits for the acknowledgement, at most response_timeout", "[input][http]") {
  Fixture patient("http { max_pending_requests => 1 response_timeout => 0 }", EcsMode::Disabled,
                  CollectingSink::Answer::Later);
  boost::asio::io_context context;
  HttpResponse first(0, "");
  HttpResponse second(0, "");
  boost::asio::co_spawn(context, patient.ask(Fixture::request("x", {}), first), boost::asio::detached);
  boost::asio::co_spawn(context, patient.ask(Fixture::request("y", {}), second), boost::asio::detached);
  context.poll();
  CHECK(first.status == 0);
  CHECK(second.status == 0);  // the queue has room, so it is not max_pending_requests that counts
  CHECK(patient.count("pending_requests") == 2);
  CHECK(patient.count("held_requests") == 0);
  patient.sink.deliver_held();
  context.restart();
  context.run();
  CHECK(first.status == 200);
  CHECK(second.status == 200);
  CHECK(patient.count("pending_requests") == 0);

  Fixture hasty("http { response_timeout => 0.001 }", EcsMode::Disabled, CollectingSink::Answer::Later);
  const HttpResponse response = hasty.post("x");
  CHECK(response.status == 503);
  CHECK_THAT(response.body, Contains("not delivered in time"));
  CHECK(hasty.count("response_timeouts") == 1);
  hasty.sink.deliver_held();  // too late, and harmless
}

TEST_CASE("http holds max_pending_requests while the queue is full and answers 429 beyond", "[input][http]") {
  Fixture fixture("http { max_pending_requests => 2 }");
  fixture.sink.set_full(true);
  boost::asio::io_context context;
  HttpResponse held[2] = {HttpResponse(0, ""), HttpResponse(0, "")};
  for (HttpResponse& response : held)
    boost::asio::co_spawn(context, fixture.ask(Fixture::request("x", {}), response), boost::asio::detached);
  context.poll();
  CHECK(held[0].status == 0);
  CHECK(fixture.count("held_requests") == 2);
  const HttpResponse refused = fixture.post("z");
  CHECK(refused.status == 429);
  CHECK(refused.headers == HttpHeaders{{"Retry-After", "1"}});
  CHECK(fixture.count("refused_pending") == 1);
  fixture.sink.set_full(false);
  context.restart();
  context.run();
  CHECK(held[0].status == 200);
  CHECK(held[1].status == 200);
  CHECK(fixture.count("held_requests") == 0);
  CHECK(fixture.post("z").status == 200);
  CHECK(fixture.sink.events().size() == 3);
}

TEST_CASE("http holds no more than 64 MiB of requests, however few they are", "[input][http]") {
  Fixture fixture("http { codec => line }");
  fixture.sink.set_full(true);
  boost::asio::io_context context;
  HttpResponse held(0, "");
  boost::asio::co_spawn(context, fixture.ask(Fixture::request(std::string(70'000'000, 'x'), {}), held), boost::asio::detached);
  context.poll();
  CHECK(fixture.count("held_requests") == 1);  // one is always held
  CHECK(fixture.post("y").status == 429);
  fixture.sink.set_full(false);
  context.restart();
  context.run();
  CHECK(held.status == 200);
  CHECK(fixture.post("y").status == 200);
}

TEST_CASE("http gives up on a full queue at response_timeout, and when it is stopping", "[input][http]") {
  Fixture late("http { response_timeout => 0.001 }");
  late.sink.set_full(true);
  CHECK(late.post("x").status == 503);
  CHECK(late.post("x").status == 503);
  CHECK(late.count("held_requests") == 0);
  CHECK(late.sink.waiting() == 1);  // asked once, however many gave up
  late.sink.set_full(false);
  CHECK(late.post("x").status == 200);
  CHECK(late.sink.events().size() == 1);

  Fixture stopping("http { }");
  stopping.sink.set_full(true);
  boost::asio::io_context context;
  HttpResponse response(0, "");
  boost::asio::co_spawn(context, stopping.ask(Fixture::request("x", {}), response), boost::asio::detached);
  context.poll();
  stopping.sink.stop();
  context.restart();
  context.run();
  CHECK(response.status == 503);
}

TEST_CASE("http lets requests that wait for room go first", "[input][http]") {
  Fixture fixture("http { }");
  fixture.sink.set_full(true);
  boost::asio::io_context context;
  HttpResponse first(0, "");
  HttpResponse second(0, "");
  boost::asio::co_spawn(context, fixture.ask(Fixture::request("first", {}), first), boost::asio::detached);
  context.poll();
  fixture.sink.set_full_quietly(false);  // there is room, but those that wait have not been told yet
  boost::asio::co_spawn(context, fixture.ask(Fixture::request("second", {}), second), boost::asio::detached);
  context.restart();
  context.poll();
  CHECK(second.status == 0);
  fixture.sink.set_full(false);
  context.restart();
  context.run();
  REQUIRE(fixture.sink.events().size() == 2);
  CHECK_THAT(fixture.sink.events()[0], Contains("first"));
}

TEST_CASE("http answers browsers of the allowed origins", "[input][http][cors]") {
  Fixture fixture(
      "http { user => \"al\" password => \"pa:ss\" cors_allowed_origins => [\"https://*.shop.example\", "
      "\"http://localhost:3000\"] }");
  HttpRequest preflight = Fixture::request("", {{"origin", "https://app.shop.example"},
                                                {"access-control-request-method", "POST"},
                                                {"access-control-request-headers", "authorization,content-type"}});
  preflight.method = "OPTIONS";
  HttpResponse response;
  run_to_end(fixture.ask(preflight, response));
  CHECK(response.status == 204);
  CHECK(response.headers == HttpHeaders{{"Access-Control-Allow-Methods", "POST, PUT, GET, HEAD"},
                                        {"Access-Control-Allow-Headers", "authorization,content-type"},
                                        {"Access-Control-Max-Age", "7200"},
                                        {"Access-Control-Allow-Origin", "https://app.shop.example"},
                                        {"Vary", "Origin"}});
  const HttpResponse posted =
      fixture.post("x", {{"origin", "http://localhost:3000"}, {"authorization", "Basic YWw6cGE6c3M="}});
  CHECK(posted.status == 200);
  CHECK(posted.headers == HttpHeaders{{"Content-Type", "text/plain"},
                                      {"Access-Control-Allow-Origin", "http://localhost:3000"},
                                      {"Vary", "Origin"}});
  CHECK(fixture.post("x", {{"origin", "https://evil.example"}, {"authorization", "Basic YWw6cGE6c3M="}}).status == 403);
  CHECK(fixture.post("x", {{"origin", "https://shop.example.evil.example"}}).status == 403);
  CHECK(fixture.post("x", {{"authorization", "Basic YWw6cGE6c3M="}}).status == 200);
  CHECK(fixture.sink.events().size() == 2);
}

TEST_CASE("http without allowed origins takes OPTIONS as any method, but not CONNECT and TRACE", "[input][http]") {
  Fixture fixture("http { }");
  HttpRequest request = Fixture::request("x", {{"origin", "https://a"}, {"access-control-request-method", "POST"}});
  HttpResponse response;
  for (const char* method : {"OPTIONS", "GET", "HEAD", "PUT", "DELETE", "PATCH"}) {
    request.method = method;
    run_to_end(fixture.ask(request, response));
    CHECK(response.status == 200);
  }
  for (const char* method : {"CONNECT", "TRACE"}) {
    request.method = method;
    run_to_end(fixture.ask(request, response));
    CHECK(response.status == 405);
    CHECK(response.headers == HttpHeaders{{"Allow", "POST, PUT, GET, HEAD"}});
  }
  CHECK(fixture.sink.events().size() == 6);
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
  CHECK_THAT(refusals("http { user => \"a\" }"), Contains("belong together"));
  CHECK_THAT(refusals("http { response_code => 500 }"), Contains("500"));
  CHECK_THAT(refusals("http { response_headers => { \"a b\" => \"c\" } }"), Contains("cannot be a header"));
  CHECK_THAT(refusals("http { keystore => \"/a.jks\" }"), Contains("openssl pkcs12"));
  CHECK_THAT(refusals("http { ssl_truststore_path => \"/a.jks\" }"), Contains("ssl_certificate_authorities"));
  CHECK_THAT(refusals("http { ssl_verify_mode => \"some\" }"), Contains("force_peer"));
  CHECK_THAT(refusals("http { ssl => true tls_min_version => 1.3 tls_max_version => 1.2 }"), Contains("no version of TLS"));
}

TEST_CASE("http reads the older spellings of its TLS options, with a warning", "[input][http][tls]") {
  const auto report = [](std::string_view options) {
    PluginHarness<Input> harness("input", "http { ssl => true " + std::string(options) + " }");
    CHECK(harness.plugin == nullptr);  // there is no certificate
    return harness.diagnostics.render();
  };
  CHECK_THAT(report(""), Contains("warning") && Contains("it is called ssl_enabled") && Contains("needs ssl_certificate"));
  CHECK_THAT(report("ssl_verify_mode => \"force_peer\""), Contains("ssl_client_authentication => required needs"));
  CHECK_THAT(report("verify_mode => \"peer\""), Contains("ssl_client_authentication => optional needs"));
  CHECK_THAT(report("tls_min_version => 1.2 cipher_suites => \"AES128-SHA\""),
             Contains("ssl_supported_protocols") && Contains("it is called ssl_cipher_suites"));
}

}  // namespace logboom
