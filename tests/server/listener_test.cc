// The server's edge on real sockets: who gets in, what is refused, and what a reload does to live connections.
#include "server/listen/listener.h"

#include <catch2/catch.hpp>

#include "pipeline/net/gzip.h"
#include "tests/support/listener_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using namespace std::chrono_literals;

const std::string kPost = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";

}  // namespace

TEST_CASE("a connection's lines reach the sink, its last one when it closes", "[listen]") {
  Fixture fixture(line_endpoint());
  TestSocket client = fixture.connect();
  client.send("one\ntw");
  CHECK(fixture.sink->wait_for(1) == std::vector<std::string>{R"({"message":"one"})"});
  client.send("o\nrest");
  client.finish_sending();
  CHECK(fixture.sink->wait_for(3).back() == R"({"message":"rest"})");
  CHECK(client.is_closed_by_peer());
  CHECK(fixture.count("bytes_in") == 12);
  CHECK(fixture.count("connections") == 1);
  CHECK(Fixture::eventually([&] { return fixture.count("current_connections") == 0; }));
}

TEST_CASE("a large stream arrives whole", "[listen]") {
  Fixture fixture(line_endpoint());
  TestSocket client = fixture.connect();
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "line " + std::to_string(i) + "\n";
  REQUIRE(client.send(text));
  client.finish_sending();
  const auto events = fixture.sink->wait_for(20'000);
  REQUIRE(events.size() == 20'000);
  CHECK(events.back() == R"({"message":"line 19999"})");
}

TEST_CASE("a full sink stops the reading, and room starts it again", "[listen]") {
  Fixture fixture(line_endpoint());
  fixture.sink->set_full(true);
  TestSocket client = fixture.connect();
  client.send("one\n");
  REQUIRE(fixture.sink->wait_for_waiter());
  CHECK(fixture.sink->events().empty());
  fixture.sink->set_full(false);
  CHECK(fixture.sink->wait_for(1).size() == 1);
}

TEST_CASE("connections beyond the limit are closed and counted, and room is given back", "[listen]") {
  Endpoint endpoint = line_endpoint();
  endpoint.max_connections = 1;
  Fixture fixture(endpoint);
  {
    TestSocket first = fixture.connect();
    first.send("one\n");
    fixture.sink->wait_for(1);
    TestSocket second = fixture.connect();
    CHECK(second.is_closed_by_peer());
    CHECK(fixture.count("refused_limit") == 1);
  }
  REQUIRE(Fixture::eventually([&] { return fixture.listener->open_sessions() == 0; }));
  TestSocket third = fixture.connect();
  third.send("three\n");
  CHECK(fixture.sink->wait_for(2).size() == 2);
}

TEST_CASE("a silent connection is closed at the idle limit", "[listen]") {
  Endpoint endpoint = line_endpoint();
  endpoint.idle_seconds = 0.05;
  Fixture fixture(endpoint);
  TestSocket client = fixture.connect();
  client.send("half");
  CHECK(client.is_closed_by_peer());
  CHECK(fixture.count("idle_closed") == 1);
  CHECK(fixture.sink->wait_for(1) == std::vector<std::string>{R"({"message":"half"})"});
}

TEST_CASE("a port in use is named with its remedy", "[listen]") {
  Fixture fixture(line_endpoint());
  Endpoint again = line_endpoint();
  again.port = fixture.listener->port();
  const auto opened = Listener::open(fixture.network, again, fixture.sink, "input tcp", fixture.metrics);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::AlreadyExists);
  CHECK_THAT(opened.error().message,
             Contains("127.0.0.1:" + std::to_string(again.port)) && Contains("in use") && Contains("choose another port"));
}

TEST_CASE("an address of another machine is refused", "[listen]") {
  NetworkThreads network{2};
  MetricScope metrics;
  Endpoint endpoint = line_endpoint();
  endpoint.host = "192.0.2.1";
  const auto opened = Listener::open(network, endpoint, std::make_shared<CollectingSink>(), "input tcp", metrics);
  REQUIRE_FALSE(opened.has_value());
  CHECK_THAT(opened.error().message, Contains("192.0.2.1:0") && Contains("0.0.0.0"));
}

TEST_CASE("a rebinding keeps the connection and the half line", "[listen][reload]") {
  Fixture fixture(line_endpoint("old "));
  TestSocket client = fixture.connect();
  client.send("one\nhal");
  fixture.sink->wait_for(1);
  const auto next_sink = std::make_shared<CollectingSink>();
  fixture.listener->rebind(line_endpoint("new "), next_sink);
  client.send("f\n");
  CHECK(next_sink->wait_for(1) == std::vector<std::string>{R"({"message":"new half"})"});
  CHECK(fixture.sink->events() == std::vector<std::string>{R"({"message":"old one"})"});
  fixture.listener->rebind(line_endpoint("third "), fixture.sink);
  client.send("x\n");
  CHECK(fixture.sink->wait_for(2).back() == R"({"message":"third x"})");
  CHECK(fixture.count("connections") == 1);
}

TEST_CASE("draining ends sessions at their border and refuses new ones", "[listen][drain]") {
  Fixture fixture(line_endpoint());
  TestSocket client = fixture.connect();
  client.send("one\n");
  fixture.sink->wait_for(1);
  fixture.listener->drain(10s);
  CHECK(fixture.listener->open_sessions() == 0);
  CHECK(fixture.count("cut") == 0);
  CHECK(client.is_closed_by_peer());
}

TEST_CASE("draining cuts what does not end in time", "[listen][drain]") {
  Fixture fixture(echo_endpoint());
  TestSocket client = fixture.connect();
  client.send("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc");
  REQUIRE(Fixture::eventually([&] { return fixture.count("bytes_in") > 0; }));
  fixture.listener->drain(20ms);
  CHECK(fixture.listener->open_sessions() == 0);
  CHECK(fixture.count("cut") == 1);
}

TEST_CASE("a connecting endpoint connects again after its peer closed", "[listen][client]") {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(server, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(server, 5) == 0);
  getsockname(server, reinterpret_cast<sockaddr*>(&address), &size);
  Endpoint endpoint = line_endpoint();
  endpoint.mode = Endpoint::Mode::Connect;
  endpoint.port = ntohs(address.sin_port);
  endpoint.reconnect_seconds = 0.01;
  Fixture fixture(endpoint);
  for (std::size_t i = 1; i <= 2; ++i) {
    TestSocket peer = TestSocket::of_descriptor(accept(server, nullptr, nullptr));
    peer.send("hello\n");
    CHECK(fixture.sink->wait_for(i).size() == i);
  }
  fixture.listener->drain(10s);
  CHECK(fixture.listener->open_sessions() == 0);
  close(server);
}

TEST_CASE("HTTP requests are answered one after the other on one connection", "[listen][http]") {
  Fixture fixture(echo_endpoint());
  TestSocket client = fixture.connect();
  client.send(kPost);
  CHECK_THAT(client.read_until("abc\n"), StartsWith("HTTP/1.1 200 OK\r\n") && Contains("content-length: 19\r\n"));
  client.send("GET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n" + kPost);  // pipelined
  CHECK_THAT(client.read_until("GET /b 0 \n"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(client.read_until("GET /c 0 \n"), StartsWith("HTTP/1.1 200"));
  CHECK_THAT(client.read_until("POST /a 3 abc\n"), StartsWith("HTTP/1.1 200"));
  CHECK(fixture.count("requests") == 4);
}

TEST_CASE("an HTTP request may arrive byte by byte", "[listen][http]") {
  Fixture fixture(echo_endpoint());
  TestSocket client = fixture.connect();
  for (const char byte : kPost + kPost) client.send(std::string_view(&byte, 1));
  client.read_until("POST /a 3 abc\n");
  CHECK_THAT(client.read_until("POST /a 3 abc\n"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("chunked bodies are put together", "[listen][http]") {
  Fixture fixture(echo_endpoint());
  TestSocket client = fixture.connect();
  client.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n");
  client.send("2\r\nde\r\n0\r\n\r\n");
  CHECK_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  CHECK(client.read_until("\n") == "echo POST / 5 abcde\n");
}

TEST_CASE("a client that asks first is told to continue", "[listen][http]") {
  Fixture fixture(echo_endpoint());
  TestSocket client = fixture.connect();
  client.send("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  CHECK_THAT(client.read_until("abc\n"), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("HEAD and HTTP/1.0 are answered as they ask", "[listen][http]") {
  Fixture fixture(echo_endpoint());
  TestSocket client = fixture.connect();
  client.send("HEAD / HTTP/1.0\r\n\r\n");
  const std::string answer = client.read_all();
  CHECK_THAT(answer, Contains("connection: close") && Catch::Matchers::EndsWith("\r\n\r\n"));
}

TEST_CASE("gzip and deflate bodies are inflated", "[listen][http]") {
  Fixture fixture(echo_endpoint());
  const std::string body = gzip_compress("compressed words");
  TestSocket client = fixture.connect();
  client.send("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
              body);
  CHECK_THAT(client.read_until("words\n"), Contains("POST / 16 compressed words"));
  client.send("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
  CHECK_THAT(client.read_until("cut short\n"), StartsWith("HTTP/1.1 400") && Contains("damaged"));
}

TEST_CASE("a gzip bomb is refused with 413", "[listen][http]") {
  Endpoint endpoint = echo_endpoint();
  endpoint.max_request_bytes = 1024 * 1024;
  Fixture fixture(endpoint);
  const std::string bomb = gzip_compress(std::string(64 * 1024 * 1024, 'a'));
  REQUIRE(bomb.size() < endpoint.max_request_bytes);
  TestSocket client = fixture.connect();
  client.send("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(bomb.size()) + "\r\n\r\n" +
              bomb);
  client.finish_sending();
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 413") && Contains("decompressed"));
  CHECK(fixture.count("too_large_requests") == 1);
}

TEST_CASE("hostile HTTP gets a refusal that says why, and the connection closes", "[listen][http]") {
  Endpoint endpoint = echo_endpoint();
  endpoint.max_request_bytes = 1000;
  Fixture fixture(endpoint);
  struct Case {
    std::string request;
    std::string status;
  };
  const std::vector<Case> cases = {
      {"not http\x01 at all\r\n\r\n", "400"},
      {"GET / HTTP/3.0\r\n\r\n", "505"},
      {"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", "413"},
      {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + std::string(1024, 'a') + "\r\n0\r\n\r\n", "413"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(400'000, 'e'), "400"},
      {"GET / HTTP/1.1\r\nX: " + std::string(40'000, 'h') + "\r\n\r\n", "431"},
  };
  for (const Case& hostile : cases) {
    INFO(hostile.request.substr(0, 90));
    TestSocket client = fixture.connect();
    client.send(hostile.request);
    CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 " + hostile.status));
  }
}

TEST_CASE("a request that does not end gets 408", "[listen][http]") {
  Endpoint endpoint = echo_endpoint();
  endpoint.request_seconds = 0.05;
  Fixture fixture(endpoint);
  TestSocket client = fixture.connect();
  client.send("POST / HTTP/1.1\r\nContent-Le");
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 408"));
  CHECK(fixture.count("request_timeouts") == 1);
}

TEST_CASE("a client that never reads is cut", "[listen][http]") {
  Endpoint endpoint = echo_endpoint();
  endpoint.request_seconds = 0.2;
  const auto service = std::make_shared<EchoService>("big");
  service->padding = 16 * 1024 * 1024;
  endpoint.http = service;
  Fixture fixture(endpoint);
  TestSocket client(fixture.listener->port(), 4096);
  client.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(Fixture::eventually([&] { return fixture.count("write_timeouts") == 1; }));
  CHECK(Fixture::eventually([&] { return fixture.listener->open_sessions() == 0; }));
}

TEST_CASE("an HTTP connection switches its service between two requests", "[listen][http][reload]") {
  Fixture fixture(echo_endpoint("old"));
  TestSocket client = fixture.connect();
  client.send(kPost);
  CHECK_THAT(client.read_until("abc\n"), Contains("old POST"));
  fixture.listener->rebind(echo_endpoint("new"), fixture.sink);
  client.send(kPost);
  CHECK_THAT(client.read_until("abc\n"), Contains("new POST"));
  CHECK(fixture.count("connections") == 1);
}

TEST_CASE("draining closes an idle HTTP connection at once", "[listen][http][drain]") {
  Fixture fixture(echo_endpoint());
  TestSocket client = fixture.connect();
  client.send(kPost);
  client.read_until("abc\n");
  fixture.listener->drain(10s);
  CHECK(client.is_closed_by_peer());
  CHECK(fixture.count("cut") == 0);
}

TEST_CASE("half a gzip member, raw deflate and several members are told apart", "[listen][gzip]") {
  const std::string whole = gzip_compress("first ");
  CHECK(inflate_body(whole + gzip_compress("second"), 100)->view() == "first second");
  CHECK(inflate_body(std::string_view(whole).substr(0, whole.size() - 3), 100).error().code == ErrorCode::Corrupt);
  CHECK(inflate_body(whole + "tail", 100).error().code == ErrorCode::Corrupt);
  CHECK(inflate_body(whole, 5).error().code == ErrorCode::TooLarge);
  CHECK(inflate_body(whole, 6).has_value());
  const std::string raw = whole.substr(10, whole.size() - 18);  // between gzip's header and trailer lies raw deflate
  CHECK(inflate_body(raw, 100)->view() == "first ");
}

}  // namespace logboom
