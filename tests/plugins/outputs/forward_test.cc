// The forward output against real sockets: what it sends, and what it makes of answers, silence and closed connections.
#include <fmt/format.h>

#include "pipeline/event/msgpack.h"
#include "pipeline/net/fluent_handshake.h"
#include "pipeline/net/gzip.h"
#include "pipeline/net/zstd.h"
#include "tests/plugins/plugin_harness.h"
#include "tests/support/recorded_delivery.h"
#include "tests/support/test_acceptor.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

class Harness : public PluginHarness<Output> {
 public:
  explicit Harness(const std::string& options) : PluginHarness("output", "forward { " + options + " }") {
    INFO(diagnostics.render());
    REQUIRE(plugin != nullptr);
    REQUIRE(plugin->start().has_value());
  }
  std::shared_ptr<RecordedDelivery> deliver(const std::vector<std::string>& events) {
    auto delivery = std::make_shared<RecordedDelivery>(events);
    plugin->deliver(delivery);
    return delivery;
  }
  std::uint64_t counter(std::string_view name) { return metrics.counter(name).value(); }
};

std::string to(const TestAcceptor& server, std::string_view more = "") {
  return fmt::format("servers => \"127.0.0.1:{}\" self_hostname => \"us\" connections => 1 heartbeat_type => none {}",
                     server.port(), more);
}

/// A message as the server reads it.
struct Received {
  std::string tag;
  std::vector<std::string> entries;  // "time record" each
  std::string options;               // JSON without chunk
  std::string chunk;

  explicit Received(std::string_view bytes) {
    Arena arena;
    MsgpackReader reader(bytes);
    MsgpackItem item;
    REQUIRE(reader.next(item) == MsgpackStatus::Read);
    REQUIRE(item.kind == MsgpackKind::Array);
    REQUIRE(item.size == 3);
    REQUIRE(reader.next(item) == MsgpackStatus::Read);
    tag = item.bytes;
    REQUIRE(reader.next(item) == MsgpackStatus::Read);
    REQUIRE(item.kind == MsgpackKind::Binary);
    const std::string_view payload = item.bytes;
    Value map;
    REQUIRE(reader.read(arena, map) == MsgpackStatus::Read);
    Object& fields = map.as_object();
    if (const Value* id = fields.find(make_key("chunk"))) chunk = id->as_string();
    fields.erase(make_key("chunk"));
    write_json(fields, options);
    Buffer plain = Buffer::copy_of(payload);
    if (options.find("gzip") != std::string::npos) plain = *inflate_body(payload, 1 << 20);
    if (options.find("zstd") != std::string::npos) plain = *zstd_decompress_body(payload, 1 << 20);
    MsgpackReader entry(plain.view());
    while (!entry.at_end()) {
      Value pair;
      REQUIRE(entry.read(arena, pair) == MsgpackStatus::Read);
      std::string text;
      append_value_text(pair.as_array()[0], text);
      text += ' ';
      write_json(pair.as_array()[1], text);
      entries.push_back(text);
    }
  }
};

/// A server's side of one connection.
class Server {
 public:
  explicit Server(TestSocket socket) : socket_(std::move(socket)) {}
  /// The next whole MessagePack item.
  std::string next() {
    MsgpackScanner scanner;
    std::string message;
    for (;;) {
      std::string byte = socket_.read_bytes(1);
      REQUIRE(byte.size() == 1);
      message += byte;
      std::size_t used = 0;
      if (scanner.scan(byte, used) == MsgpackScanner::Outcome::Complete) return message;
    }
  }
  void acknowledge(std::string_view id) {
    std::string answer;
    write_msgpack_map_head(1, answer);
    write_msgpack_string("ack", answer);
    write_msgpack_string(id, answer);
    REQUIRE(socket_.send(answer));
  }
  TestSocket& socket() { return socket_; }

 private:
  TestSocket socket_;
};

std::string refusals(const std::string& options) {
  PluginHarness<Output> harness("output", "forward { " + options + " }");
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

}  // namespace

TEST_CASE("forward output sends events by tag and counts them as delivered when acknowledged", "[output][forward]") {
  TestAcceptor place;
  Harness harness(to(place));
  const auto delivery =
      harness.deliver({R"({"@metadata":{"fluent":{"tag":"a"}},"n":1,"@timestamp":"2021-03-05T07:08:09.123456789Z"})",
                       R"({"n":2})", R"({"@metadata":{"fluent":{"tag":"a"}},"n":3,"sub":{"x":[1,null]}})"});
  Server server(place.accept());
  const Received first(server.next());
  CHECK(first.tag == "a");
  REQUIRE(first.entries.size() == 2);
  CHECK_THAT(first.entries[1], Contains(R"({"n":3,"sub":{"x":[1,null]}})"));
  CHECK(first.options == R"({"size":2})");
  CHECK(first.chunk.size() == 24);
  server.acknowledge(first.chunk);
  const Received second(server.next());
  CHECK(second.tag == "logboom");
  CHECK(second.chunk != first.chunk);
  server.acknowledge(second.chunk);
  for (const Outcome& outcome : delivery->wait()) CHECK(outcome.kind == OutcomeKind::Delivered);
  CHECK(harness.counter("acks") == 2);
}

TEST_CASE("forward output writes the event's time with nanoseconds, or whole seconds when told", "[output][forward]") {
  for (const bool is_integer : {false, true}) {
    TestAcceptor place;
    Harness harness(
        to(place, is_integer ? "time_as_integer => true require_ack_response => false" : "require_ack_response => false"));
    class Timed final : public Delivery {
     public:
      Timed() : chunk_(Buffer(), Timestamp{1'700'000'000, 5}) {
        chunk_.new_event().add_defaults(chunk_.now());
        events_ = chunk_.events();
      }
      void report(std::size_t, Outcome) override {}
      void report_all(const Outcome&) override {}

     private:
      Chunk chunk_;
    };
    harness.plugin->deliver(std::make_shared<Timed>());
    Server server(place.accept());
    const Received message(server.next());
    REQUIRE(message.entries.size() == 1);
    CHECK(message.entries[0] ==
          (is_integer ? R"(1700000000 {"@version":"1"})" : R"(2023-11-14T22:13:20.000000005Z {"@version":"1"})"));
  }
}

TEST_CASE("forward output compresses", "[output][forward]") {
  for (const char* compression : {"gzip", "zstd"}) {
    TestAcceptor place;
    Harness harness(to(place, fmt::format("compress => {} tag => \"fixed\"", compression)));
    const auto delivery = harness.deliver({R"({"n":1})", R"({"n":2})"});
    Server server(place.accept());
    const Received message(server.next());
    CHECK(message.tag == "fixed");
    CHECK(message.entries.size() == 2);
    CHECK(message.options == fmt::format(R"({{"size":2,"compressed":"{}"}})", compression));
    server.acknowledge(message.chunk);
    CHECK(delivery->wait()[0].kind == OutcomeKind::Delivered);
  }
}

TEST_CASE("forward output cuts messages at chunk_limit_size", "[output][forward]") {
  TestAcceptor place;
  Harness harness(to(place, "chunk_limit_size => 100"));
  const std::string event = fmt::format(R"({{"m":"{}"}})", std::string(60, 'x'));
  const auto delivery = harness.deliver({event, event, event});
  Server server(place.accept());
  const Received first(server.next());
  const Received second(server.next());  // the first is not acknowledged yet
  CHECK(first.entries.size() == 2);
  CHECK(second.entries.size() == 1);
  server.acknowledge(first.chunk);
  server.acknowledge(second.chunk);
  CHECK(delivery->wait().size() == 3);
}

TEST_CASE("forward output without acknowledgements delivers to the kernel", "[output][forward]") {
  TestAcceptor place;
  Harness harness(to(place, "require_ack_response => false"));
  const auto delivery = harness.deliver({R"({"n":1})"});
  Server server(place.accept());
  const Received message(server.next());
  CHECK(message.chunk.empty());
  CHECK(delivery->wait()[0].kind == OutcomeKind::Delivered);
}

TEST_CASE("forward output asks for a retry when nobody listens, and names the server", "[output][forward]") {
  TestAcceptor place;
  const std::string options = to(place);
  const std::uint16_t port = place.port();
  place.stop();
  Harness harness(options);
  const Outcome outcome = harness.deliver({R"({"n":1})"})->wait()[0];
  CHECK(outcome.kind == OutcomeKind::Retry);
  CHECK_THAT(outcome.reason, Contains(fmt::format("127.0.0.1:{}", port)));
}

TEST_CASE("forward output gives back what a server closed on", "[output][forward]") {
  TestAcceptor place;
  Harness harness(to(place));
  const auto closed = harness.deliver({R"({"n":1})"});
  {
    Server server(place.accept());
    server.next();
  }
  CHECK(closed->wait()[0].kind == OutcomeKind::Retry);
}

TEST_CASE("forward output does not take a wrong acknowledgement", "[output][forward]") {
  TestAcceptor place;
  Harness harness(to(place));
  const auto wrong = harness.deliver({R"({"n":2})"});
  Server server(place.accept());
  server.next();
  server.acknowledge("something else");
  const Outcome outcome = wrong->wait()[0];
  CHECK(outcome.kind == OutcomeKind::Retry);
  CHECK_THAT(outcome.reason, Contains("no acknowledgement of a message that we sent"));
  CHECK(server.socket().is_closed_by_peer());
}

TEST_CASE("forward output gives up on a server that does not acknowledge in time", "[output][forward]") {
  TestAcceptor place;
  Harness harness(to(place, "ack_response_timeout => 0.05"));
  const auto delivery = harness.deliver({R"({"n":1})"});
  Server server(place.accept());
  server.next();
  const Outcome outcome = delivery->wait()[0];
  CHECK(outcome.kind == OutcomeKind::Retry);
  CHECK_THAT(outcome.reason, Contains("no acknowledgement within"));
}

TEST_CASE("forward output sends to the next server at once when one fails, with the same chunk", "[output][forward]") {
  TestAcceptor bad;
  TestAcceptor good;
  Harness harness(
      fmt::format("servers => [ {{ host => \"127.0.0.1\" port => {} weight => 100 }}, {{ host => \"127.0.0.1\" port => {} "
                  "weight => 1 }} ] connections => 1 heartbeat_type => none",
                  bad.port(), good.port()));
  const auto delivery = harness.deliver({R"({"n":1})"});
  std::string chunk;
  {
    Server server(bad.accept());
    chunk = Received(server.next()).chunk;
  }
  Server server(good.accept());
  CHECK(Received(server.next()).chunk == chunk);
  server.acknowledge(chunk);
  CHECK(delivery->wait()[0].kind == OutcomeKind::Delivered);
  CHECK(harness.counter("resent") == 1);
}

TEST_CASE("forward output shares messages by weight, and leaves a standby in peace", "[output][forward]") {
  TestAcceptor heavy;
  TestAcceptor light;
  TestAcceptor standby;
  Harness harness(fmt::format(
      "servers => [ {{ host => \"127.0.0.1\" port => {} weight => 2 }}, {{ host => \"127.0.0.1\" port => {} weight => 1 }}, "
      "{{ host => \"127.0.0.1\" port => {} standby => true }} ] connections => 1 heartbeat_type => none",
      heavy.port(), light.port(), standby.port()));
  std::vector<std::shared_ptr<RecordedDelivery>> deliveries;
  for (int i = 0; i < 6; ++i) deliveries.push_back(harness.deliver({fmt::format(R"({{"n":{}}})", i)}));
  Server first(heavy.accept());
  Server second(light.accept());
  for (int i = 0; i < 4; ++i) first.acknowledge(Received(first.next()).chunk);
  for (int i = 0; i < 2; ++i) second.acknowledge(Received(second.next()).chunk);
  for (const auto& delivery : deliveries) CHECK(delivery->wait()[0].kind == OutcomeKind::Delivered);
}

TEST_CASE("forward output uses a standby for a server that is away", "[output][forward]") {
  TestAcceptor away;
  TestAcceptor standby;
  const std::uint16_t away_port = away.port();
  away.stop();
  Harness harness(
      fmt::format("servers => [ \"127.0.0.1:{}\", {{ host => \"127.0.0.1\" port => {} standby => true }} ] "
                  "connections => 1 heartbeat_type => none",
                  away_port, standby.port()));
  const auto delivery = harness.deliver({R"({"n":1})"});
  Server server(standby.accept());
  server.acknowledge(Received(server.next()).chunk);
  CHECK(delivery->wait()[0].kind == OutcomeKind::Delivered);
}

TEST_CASE("forward output makes a connection for each message when it must not keep them", "[output][forward]") {
  TestAcceptor place;
  Harness harness(to(place, "keepalive => false"));
  for (int i = 0; i < 2; ++i) {
    const auto delivery = harness.deliver({R"({"n":1})"});
    Server server(place.accept());
    server.acknowledge(Received(server.next()).chunk);
    CHECK(delivery->wait()[0].kind == OutcomeKind::Delivered);
    CHECK(server.socket().is_closed_by_peer());
  }
}

TEST_CASE("forward output shakes hands, and refuses a server that does not know the key", "[output][forward][security]") {
  for (const std::string key : {"right", "wrong"}) {
    TestAcceptor place;
    Harness harness(to(place, "shared_key => \"right\" username => \"bob\" password => \"secret\""));
    const auto delivery = harness.deliver({R"({"n":1})"});
    Server server(place.accept());
    Arena arena;
    std::string helo;
    write_msgpack_array_head(2, helo);
    write_msgpack_string("HELO", helo);
    write_msgpack_map_head(2, helo);  // as Fluent Bit's server: two keys, both str
    write_msgpack_string("nonce", helo);
    write_msgpack_string("\x01\xff\x02", helo);
    write_msgpack_string("auth", helo);
    write_msgpack_string("salt", helo);
    REQUIRE(server.socket().send(helo));
    const auto ping = server.next();
    const auto parsed = parse_msgpack(ping, arena);
    REQUIRE(parsed.has_value());
    const Array& items = parsed->as_array();
    REQUIRE(items.size() == 6);
    CHECK(items[0].as_string() == "PING");
    CHECK(items[1].as_string() == "us");
    const std::string_view salt = items[2].as_string();
    CHECK(items[3].as_string() == fluent_digest({salt, "us", "\x01\xff\x02", "right"}));
    CHECK(items[4].as_string() == "bob");
    CHECK(items[5].as_string() == fluent_digest({"salt", "bob", "secret"}));
    std::string pong;
    write_msgpack_array_head(5, pong);
    write_msgpack_string("PONG", pong);
    write_msgpack(Value::boolean(true), pong);
    write_msgpack_string("", pong);
    write_msgpack_string("srv", pong);
    write_msgpack_string(fluent_digest({salt, "srv", "\x01\xff\x02", key}), pong);
    REQUIRE(server.socket().send(pong));
    if (key == "right") {
      server.acknowledge(Received(server.next()).chunk);
      CHECK(delivery->wait()[0].kind == OutcomeKind::Delivered);
    } else {
      const Outcome outcome = delivery->wait()[0];
      CHECK(outcome.kind == OutcomeKind::Retry);
      CHECK_THAT(outcome.reason, Contains("does not know the shared_key"));
    }
  }
}

TEST_CASE("forward output finds out by heartbeats that a server is there again", "[output][forward]") {
  TestAcceptor place;
  const std::uint16_t port = place.port();
  Harness harness(fmt::format("servers => \"127.0.0.1:{}\" connections => 1 heartbeat_interval => 0.01", port));
  const auto failed = harness.deliver({R"({"n":1})"});
  { place.accept(); }
  CHECK(failed->wait()[0].kind == OutcomeKind::Retry);
  {
    TestSocket heartbeat = place.accept();  // connects, says nothing, goes
    CHECK(heartbeat.read_all().empty());
  }
  const auto delivery = harness.deliver({R"({"n":2})"});
  Server server(place.accept());
  server.acknowledge(Received(server.next()).chunk);
  CHECK(delivery->wait()[0].kind == OutcomeKind::Delivered);
}

TEST_CASE("forward output gives everything back when it stops", "[output][forward]") {
  TestAcceptor place;
  Harness harness(to(place, "ack_response_timeout => 0.2"));
  const auto delivery = harness.deliver({R"({"n":1})"});
  Server server(place.accept());
  server.next();
  harness.plugin->stop();
  CHECK(delivery->wait()[0].kind == OutcomeKind::Retry);
  CHECK(harness.deliver({R"({"n":2})"})->wait()[0].kind == OutcomeKind::Retry);
}

TEST_CASE("forward output refuses configurations that cannot work", "[output][forward]") {
  CHECK_THAT(refusals(""), Contains("there is no server"));
  CHECK_THAT(refusals("host => \"a\" servers => [\"b\"]"), Contains("exclude each other"));
  CHECK_THAT(refusals("servers => [\"a:99999\"]"), Contains("no port that could be"));
  CHECK_THAT(refusals("servers => [ { port => 1 } ]"), Contains("a host is missing"));
  CHECK_THAT(refusals("servers => [ { host => \"a\" wieght => 1 } ]"), Contains("no part of a server"));
  CHECK_THAT(refusals("servers => [ { host => \"a\" standby => true } ]"), Contains("every server is a standby"));
  CHECK_THAT(refusals("host => \"a\" compress => lzma"), Contains("lzma"));
}

}  // namespace logboom
