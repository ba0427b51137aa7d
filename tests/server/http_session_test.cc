// What a service refuses before a request's body is read, and what that costs the connection.
#include "pipeline/net/zstd.h"
#include "tests/support/listener_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

/// Takes requests at /in alone, and says how large they were.
class PickyService final : public HttpService {
 public:
  std::optional<HttpResponse> refuse_early(const HttpRequest& head) override {
    CHECK(head.body.empty());
    if (head.target == "/in") return std::nullopt;
    return HttpResponse(404, "not " + head.target + "\n");
  }
  Awaitable<HttpResponse> answer(HttpRequest request, EventSink&) override {
    HttpResponse response(200, std::to_string(request.body.size()) + " bytes\n");
    co_return response;
  }
};

Endpoint picky_endpoint() {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.http = std::make_shared<PickyService>();
  return endpoint;
}

std::string request(const std::string& target, const std::string& headers, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
}

}  // namespace

TEST_CASE("a small body of a refused request is thrown away, and the connection goes on", "[listen][http]") {
  Fixture fixture(picky_endpoint());
  TestSocket client = fixture.connect();
  for (int i = 0; i < 3; ++i) {
    client.send(request("/no", "", std::string(100'000, 'x')));
    CHECK_THAT(client.read_until("not /no\n"), StartsWith("HTTP/1.1 404 ") && !Contains("connection: close"));
  }
  client.send(request("/in", "", "abc"));
  CHECK_THAT(client.read_until("3 bytes\n"), StartsWith("HTTP/1.1 200 "));
  CHECK(fixture.count("requests") == 1);
  CHECK(fixture.count("answers_2xx") == 1);
  CHECK(fixture.count("answers_4xx") == 3);
  CHECK(fixture.count("bad_requests") == 0);
}

TEST_CASE("a large or endless body of a refused request is not waited for", "[listen][http]") {
  Fixture fixture(picky_endpoint());
  for (const char* head : {"Content-Length: 50000000\r\n", "Transfer-Encoding: chunked\r\n",
                           "Content-Length: 10\r\nExpect: 100-continue\r\n"}) {
    INFO(head);
    TestSocket client = fixture.connect();
    client.send(std::string("POST /no HTTP/1.1\r\n") + head + "\r\n");
    CHECK_THAT(client.read_until("not /no\n"), StartsWith("HTTP/1.1 404 ") && Contains("connection: close"));
    client.finish_sending();
    CHECK(client.is_closed_by_peer());
  }
}

TEST_CASE("bodies that cannot be decompressed are refused, and the connection goes on", "[listen][http]") {
  Endpoint endpoint = picky_endpoint();
  endpoint.max_request_bytes = 100'000;
  Fixture fixture(endpoint);
  TestSocket client = fixture.connect();
  client.send(request("/in", "Content-Encoding: zstd\r\n", "no zstd"));
  CHECK_THAT(client.read_until("cut short\n"), StartsWith("HTTP/1.1 400 "));
  client.send(request("/in", "Content-Encoding: br\r\n", "x"));
  CHECK_THAT(client.read_until("are read\n"), StartsWith("HTTP/1.1 415 "));
  client.send(request("/in", "Content-Encoding: zstd\r\n", zstd_compress(std::string(100'001, 'x'))));
  CHECK_THAT(client.read_until("decompressed\n"), StartsWith("HTTP/1.1 413 "));
  client.send(request("/in", "Content-Encoding: zstd\r\n", zstd_compress(std::string(100'000, 'x'))));
  CHECK_THAT(client.read_until("100000 bytes\n"), StartsWith("HTTP/1.1 200 "));
  CHECK(fixture.count("bad_requests") == 2);
  CHECK(fixture.count("too_large_requests") == 1);
  CHECK(fixture.count("connections") == 1);
}

TEST_CASE("large bodies give way when too much is on its way in", "[listen][http]") {
  Endpoint endpoint = picky_endpoint();
  endpoint.max_receiving_bytes = 1'000'000;
  Fixture fixture(endpoint);
  TestSocket small = fixture.connect();
  small.send("POST /in HTTP/1.1\r\nContent-Length: 3\r\n\r\na");
  TestSocket large = fixture.connect();
  large.send("POST /in HTTP/1.1\r\nContent-Length: 900001\r\n\r\n" + std::string(900'000, 'x'));
  REQUIRE(Fixture::eventually([&] { return fixture.count("bytes_in") > 900'000; }));
  TestSocket second = fixture.connect();
  second.send("POST /in HTTP/1.1\r\nContent-Length: 900001\r\n\r\n" + std::string(900'000, 'x'));
  CHECK_THAT(second.read_until("again\n"), StartsWith("HTTP/1.1 503 ") && Contains("Retry-After: 1\r\n"));
  second.finish_sending();
  CHECK(second.is_closed_by_peer());
  large.send("x");
  CHECK_THAT(large.read_until("bytes\n"), Contains("900001 bytes\n"));
  small.send("bc");
  CHECK_THAT(small.read_until("bytes\n"), Contains("3 bytes\n"));
}

TEST_CASE("requests behind each other are refused and answered in their order", "[listen][http]") {
  Fixture fixture(picky_endpoint());
  TestSocket client = fixture.connect();
  client.send(request("/a", "", "1") + request("/in", "", "22") + request("/b", "", "333"));
  CHECK_THAT(client.read_until("not /b\n"), StartsWith("HTTP/1.1 404 ") && Contains("not /a\n") && Contains("2 bytes\n"));
}

}  // namespace logboom
