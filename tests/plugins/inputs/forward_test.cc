// The forward input beside the byte-level cases of forward_messages_test.cc.
#include <fmt/format.h>

#include <functional>

#include "pipeline/event/msgpack.h"
#include "pipeline/net/fluent_handshake.h"
#include "pipeline/net/gzip.h"
#include "pipeline/net/zstd.h"
#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/memory_stream.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using Answer = CollectingSink::Answer;

/// MessagePack of a JSON text; {"$et":[seconds, nanoseconds]} becomes an EventTime, {"$bin":"…"} binary.
std::string packed(const Value& value) {
  static const Key event_time = make_key("$et");
  static const Key binary = make_key("$bin");
  std::string out;
  if (value.is_object()) {
    if (const Value* parts = value.as_object().find(event_time)) {
      write_msgpack_event_time(
          {parts->as_array()[0].as_integer(), static_cast<std::uint32_t>(parts->as_array()[1].as_integer())}, out);
      return out;
    }
    if (const Value* bytes = value.as_object().find(binary)) {
      write_msgpack_binary(bytes->as_string(), out);
      return out;
    }
    write_msgpack_map_head(value.as_object().size(), out);
    for (const ObjectEntry& entry : value.as_object()) {
      write_msgpack_string(entry.key.text(), out);
      out += packed(entry.value);
    }
  } else if (value.is_array()) {
    write_msgpack_array_head(value.as_array().size(), out);
    for (const Value& item : value.as_array()) out += packed(item);
  } else {
    write_msgpack(value, out);
  }
  return out;
}
std::string packed(std::string_view text) {
  Arena arena;
  const auto value = JsonReader().parse_unpadded(text, arena);
  REQUIRE(value.has_value());
  return packed(*value);
}
/// A PackedForward message: `entries` are JSON texts, `options` one too.
std::string packed_forward(std::string_view tag, const std::vector<std::string>& entries, std::string_view options,
                           const std::function<std::string(std::string_view)>& compress = {}) {
  std::string bytes;
  for (const std::string& entry : entries) bytes += packed(entry);
  if (compress) bytes = compress(bytes);
  std::string out;
  write_msgpack_array_head(3, out);
  write_msgpack_string(tag, out);
  write_msgpack_binary(bytes, out);
  return out + packed(options);
}

/// Runs connections through `forward { … }`.
class Forward {
 public:
  explicit Forward(std::string_view options = "", Answer answer = Answer::Delivered)
      : harness("input", "forward { " + std::string(options) + " }"), sink(answer) {
    INFO(harness.diagnostics.render());
    REQUIRE(harness.plugin != nullptr);
    endpoints = harness.plugin->endpoints();
  }
  std::vector<std::string> serve(MemoryStream& stream) {
    run_to_end(endpoints.at(0).stream->serve(stream, sink));
    return sink.events();
  }
  std::vector<std::string> serve(std::vector<std::string> pieces) {
    MemoryStream stream(std::move(pieces));
    auto events = serve(stream);
    written = stream.written;
    return events;
  }
  std::uint64_t counter(std::string_view name) { return harness.metrics.counter(name).value(); }

  PluginHarness<Input> harness;
  CollectingSink sink;
  std::vector<Endpoint> endpoints;
  std::string written;
};

/// Runs what can be run without anything from outside.
void run_until_it_waits(boost::asio::io_context& context) {
  while (context.poll() > 0) {
  }
  context.restart();
}

std::string refusals(std::string_view options) {
  PluginHarness<Input> harness("input", "forward { " + std::string(options) + " }");
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

/// A peer that answers what it reads. `next` gets what was written so far and gives the next piece; empty: it closes.
class TalkingPeer final : public ByteStream {
 public:
  explicit TalkingPeer(std::function<std::string(const std::string&)> next) : next_(std::move(next)) {}
  Awaitable<Buffer> read_some() override {
    if (has_reading_ended) co_return Buffer();
    const std::string piece = next_(written);
    co_return piece.empty() ? Buffer() : Buffer::copy_of(piece);
  }
  Awaitable<Result<void>> write(std::string_view bytes) override {
    written += bytes;
    co_return Result<void>();
  }
  void unread(std::string_view) override { FAIL("nothing is given back here"); }
  bool is_rebinding() const override { return false; }
  void end_reading() override { has_reading_ended = true; }
  const PeerAddress& peer() const override { return address_; }
  const PeerAddress& local() const override { return address_; }
  std::string written;
  bool has_reading_ended = false;

 private:
  std::function<std::string(const std::string&)> next_;
  PeerAddress address_{"192.0.2.7", 1};
};

/// The PING of a client that knows `key`, made from the HELO at the start of what the server wrote.
std::string ping_for(const std::string& written, std::string_view key, std::string_view user = "",
                     std::string_view password = "") {
  Arena arena;
  MsgpackReader reader(written);
  MsgpackItem item;
  std::string_view nonce, auth;
  REQUIRE(reader.next(item) == MsgpackStatus::Read);
  REQUIRE(reader.next(item) == MsgpackStatus::Read);
  CHECK(item.bytes == "HELO");
  REQUIRE(reader.next(item) == MsgpackStatus::Read);
  for (std::uint32_t pairs = item.size; pairs > 0; --pairs) {
    MsgpackItem name, value;
    REQUIRE(reader.next(name) == MsgpackStatus::Read);
    REQUIRE(reader.next(value) == MsgpackStatus::Read);
    if (name.bytes == "nonce") nonce = value.bytes;
    if (name.bytes == "auth") auth = value.bytes;
  }
  std::string ping;
  write_msgpack_array_head(6, ping);
  for (const std::string& text :
       {std::string("PING"), std::string("client"), std::string("salt"), fluent_digest({"salt", "client", nonce, key}),
        std::string(user), fluent_digest({auth, user, password})})
    write_msgpack_string(text, ping);
  return ping;
}

const std::string kOne = R"(["app", 1700000001, {"n":1}])";

}  // namespace

TEST_CASE("forward makes the record the event's fields and keeps the tag in the metadata", "[input][forward]") {
  Forward forward;
  const auto events = forward.serve({packed(kOne)});
  REQUIRE(events.size() == 1);
  CHECK(events[0] == "{\"n\":1}\t{\"fluent\":{\"tag\":\"app\"}}");
}

TEST_CASE("forward sets the fields that options name", "[input][forward]") {
  Forward forward(
      R"(tag_field => "[log][tag]" source_address_key => "from" add_tag_prefix => "pre" tags => ["t"] type => "ty"
                     add_field => { "x" => "%{n}" })");
  const auto events = forward.serve({packed(kOne)});
  REQUIRE(events.size() == 1);
  CHECK(events[0] == R"({"n":1,"log":{"tag":"pre.app"},"from":"127.0.0.1","x":"1","tags":["t"],"type":"ty"})"
                     "\t{\"fluent\":{\"tag\":\"pre.app\"}}");
}

TEST_CASE("forward keeps Fluent Bit's metadata and groups, and drops what is no log", "[input][forward]") {
  Forward forward;
  const auto events = forward.serve({
      packed(R"(["m", [[[1700000001, {"k":"v"}], {"n":1}]]])"),
      packed(R"(["m", 1700000001, {"n":2}, {"metadata":{"k":"w"}}])"),
      packed(R"(["g", [[[{"$et":[4294967295,0]}, {"schema":"otlp"}], {"resource":{"attributes":{"host":"h"}}}],
                       [[1700000001, {}], {"n":3}], [[{"$et":[4294967294,0]}, {}], {}], [1700000001, {"n":4}]]])"),
      packed_forward("metrics", {R"({"meta":{}})"}, R"({"fluent_signal":1,"chunk":"c1"})"),
      packed(R"(["metrics", [[1700000001, {"n":5}]], {"fluent_signal":2}])"),
  });
  REQUIRE(events.size() == 4);
  CHECK_THAT(events[0], Contains(R"({"fluent":{"tag":"m","metadata":{"k":"v"}}})"));
  CHECK_THAT(events[1], Contains(R"({"fluent":{"tag":"m","metadata":{"k":"w"}}})"));
  CHECK_THAT(events[2], Contains(R"("group":{"resource":{"attributes":{"host":"h"}}},"group_metadata":{"schema":"otlp"})"));
  CHECK(events[3] == "{\"n\":4}\t{\"fluent\":{\"tag\":\"g\"}}");
  CHECK(forward.counter("signals") == 2);
  CHECK(forward.written == packed(R"({"ack":"c1"})"));
}

TEST_CASE("forward takes compressed entries of several members, and refuses bombs", "[input][forward]") {
  const auto twice = [](auto compress) {
    return [compress](std::string_view bytes) {
      return compress(bytes.substr(0, bytes.size() / 2)) + compress(bytes.substr(bytes.size() / 2));
    };
  };
  const std::vector<std::string> entries = {R"([1700000001, {"n":1}])", R"([1700000001, {"n":2}])",
                                            R"([1700000001, {"n":3}])"};
  Forward forward;
  const auto events =
      forward.serve({packed_forward("t", entries, R"({"compressed":"gzip","chunk":"a"})", twice(gzip_compress)),
                     packed_forward("t", entries, R"({"compressed":"zstd","chunk":"b"})", twice(zstd_compress)),
                     packed_forward("t", entries, R"({"compressed":"zstd"})", gzip_compress)});
  CHECK(events.size() == 6);
  CHECK(forward.written == packed(R"({"ack":"a"})") + packed(R"({"ack":"b"})"));
  CHECK(forward.counter("corrupt_messages") == 1);

  Forward small("decompression_size_limit => 1000");
  const std::string bomb(100'000, '\xc0');
  for (const auto& compress : {gzip_compress, zstd_compress}) {
    const char* options = compress == gzip_compress ? R"({"compressed":"gzip"})" : R"({"compressed":"zstd"})";
    CHECK(small.serve({packed_forward("t", {}, options, [&](std::string_view) { return compress(bomb); })}).empty());
  }
  CHECK(small.counter("corrupt_messages") == 2);
}

TEST_CASE("forward echoes chunk as it came, whatever type it has", "[input][forward]") {
  Forward forward;
  forward.serve({packed(R"(["t", 1, {}, {"chunk":"QUJD\n"}])"), packed(R"(["t", 1, {}, {"chunk":17}])"),
                 packed(R"(["t", 1, {}, {"chunk":{"$bin":"xyz"}}])"), packed(R"(["t", 1, {}, {"chunk":null}])")});
  CHECK(forward.written == packed(R"({"ack":"QUJD\n"})") + packed(R"({"ack":17})") + packed(R"({"ack":{"$bin":"xyz"}})"));
  CHECK(forward.counter("acks") == 3);
}

TEST_CASE("forward acknowledges only what was delivered", "[input][forward]") {
  Forward forward("", Answer::Later);
  MemoryStream stream({packed(R"(["t", 1, {"n":1}, {"chunk":"a"}])") + packed(R"(["t", 1, {"n":2}, {"chunk":"b"}])") +
                       packed(R"(["t", true, {}, {"chunk":"c"}])")});
  boost::asio::io_context context;
  boost::asio::co_spawn(context, forward.endpoints.at(0).stream->serve(stream, forward.sink), boost::asio::detached);
  run_until_it_waits(context);
  CHECK(forward.sink.events().size() == 2);
  CHECK(stream.written.empty());  // "c" has no events, but waits for its turn
  forward.sink.deliver_held();
  context.run();
  CHECK(stream.written == packed(R"({"ack":"a"})") + packed(R"({"ack":"b"})") + packed(R"({"ack":"c"})"));
}

TEST_CASE("forward does not acknowledge what was given up", "[input][forward]") {
  Forward forward("", Answer::Later);
  MemoryStream stream({packed(R"(["t", 1, {"n":1}, {"chunk":"a"}])")});
  boost::asio::io_context context;
  boost::asio::co_spawn(context, forward.endpoints.at(0).stream->serve(stream, forward.sink), boost::asio::detached);
  run_until_it_waits(context);
  forward.sink.forget_held();
  context.run();
  CHECK(stream.written.empty());
  CHECK(forward.counter("not_delivered") == 1);
}

TEST_CASE("forward takes messages cut at every byte, and many in one piece", "[input][forward]") {
  const std::string whole = packed(kOne) + packed(R"(["t", [[1, {"n":2}], [1, {"n":3}]], {"chunk":"x"}])") +
                            packed_forward("t", {R"([1, {"n":4}])"}, "{}") + packed(R"(["t", 1, {"n":5}, {"chunk":"y"}])") +
                            packed("null") + packed(R"(["t", 1, {"n":6}])");
  std::vector<std::string> expected;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    Forward forward;
    std::vector<std::string> pieces;
    if (cut > 0) pieces.push_back(whole.substr(0, cut));
    if (cut < whole.size()) pieces.push_back(whole.substr(cut));
    const auto events = forward.serve(pieces);
    if (expected.empty()) expected = events;
    REQUIRE(events.size() == 6);
    REQUIRE(events == expected);
    REQUIRE(forward.written == packed(R"({"ack":"x"})") + packed(R"({"ack":"y"})"));
  }
  Forward forward;
  std::vector<std::string> bytes;
  for (const char c : whole) bytes.emplace_back(1, c);
  CHECK(forward.serve(bytes) == expected);
}

TEST_CASE("forward keeps events whose time is beyond all calendars", "[input][forward]") {
  Forward forward;
  const auto events = forward.serve({packed(R"(["t", 1700000001000, {"n":1}])"), packed(R"(["t", 1700000001.5, {"n":2}])")});
  REQUIRE(events.size() == 2);
  CHECK_THAT(events[0], Contains(R"("_@timestamp":1700000001000,"tags":["_timestampparsefailure"])"));
  CHECK_THAT(events[1], Contains(R"({"n":2})"));
}

TEST_CASE("forward leaves events out that are too deep, and keeps their neighbours", "[input][forward]") {
  const std::string deep = std::string(2000, '\x91') + '\xc0';
  std::string out;
  write_msgpack_array_head(2, out);
  write_msgpack_string("t", out);
  write_msgpack_array_head(2, out);
  write_msgpack_array_head(2, out);
  write_msgpack_integer(1, out);
  write_msgpack_map_head(1, out);
  write_msgpack_string("a", out);
  out += deep + packed(R"([1, {"n":1}])");
  Forward forward;
  CHECK(forward.serve({out}).size() == 1);
  CHECK(forward.counter("invalid_events") == 1);
}

TEST_CASE("forward closes on malformed messages, and counts them", "[input][forward]") {
  struct Malformed {
    const char* what;
    std::string bytes;
    const char* counter;
  };
  const std::vector<Malformed> all = {
      {"a byte that is never used", "\xc1", "corrupt_messages"},
      {"the same inside a message", "\x92\xa1t\xc1", "corrupt_messages"},
      {"broken JSON", "[\"t\",1,{x}]", "corrupt_messages"},
      {"text behind JSON", "[\"t\",1,{}]x", "corrupt_messages"},
      {"garbage as gzip", packed_forward("t", {}, R"({"compressed":"gzip"})", [](auto) { return std::string("garbage"); }),
       "corrupt_messages"},
      {"gzip cut short",
       packed_forward("t", {R"([1,{}])"}, R"({"compressed":"gzip"})",
                      [](std::string_view bytes) { return gzip_compress(bytes).substr(0, 15); }),
       "corrupt_messages"},
      {"a number", "\x05", "invalid_messages"},
      {"plain text", "GET / HTTP/1.1\r\n\r\n", "invalid_messages"},
      {"a TLS greeting on a plain port", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
       "invalid_messages"},
      {"an empty array", "\x90", "invalid_messages"},
      {"a map", packed(R"({"a":1})"), "invalid_messages"},
      {"a message of a tag alone", packed(R"(["t"])"), "invalid_messages"},
      {"a message without record", packed(R"(["t",1])"), "invalid_messages"},
      {"an array as tag", packed(R"([[1],1,{}])"), "invalid_messages"},
  };
  for (const Malformed& given : all) {
    INFO(given.what);
    Forward forward;
    CHECK(forward.serve({given.bytes}).size() <= 1);
    CHECK(forward.counter(given.counter) >= 1);
  }
}

TEST_CASE("forward passes over a message past the limit in any pieces, and goes on behind it", "[input][forward]") {
  const std::string large = packed("[\"t\", 1, {\"a\":\"" + std::string(500, 'x') + "\"}]");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{50}, std::size_t{10'000}}) {
    Forward forward("chunk_size_limit => 200");
    const std::string whole = packed(kOne) + large + packed(kOne);
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < whole.size(); at += piece) pieces.push_back(whole.substr(at, piece));
    CHECK(forward.serve(pieces).size() == 2);
    CHECK(forward.counter("too_large_messages") == 1);
  }
}

TEST_CASE("forward refuses a whole message when invalid events must not be skipped", "[input][forward]") {
  Forward forward("skip_invalid_event => false");
  CHECK(forward.serve({packed(R"(["t", [[1, {"n":1}], ["bad", {}]], {"chunk":"x"}])"), packed(kOne)}).empty());
  CHECK(forward.written.empty());
}

TEST_CASE("forward gives a begun message back when it is replaced", "[input][forward][reload]") {
  const std::string message = packed(kOne);
  MemoryStream stream({message + message.substr(0, 5), message.substr(5, 3)});
  stream.ends_by_rebinding = true;
  Forward forward;
  CHECK(forward.serve(stream).size() == 1);
  CHECK(stream.given_back == message.substr(0, 8));
}

TEST_CASE("forward shakes hands with who knows the key, and with nobody else", "[input][forward][security]") {
  constexpr const char* kSecured = R"(self_hostname => "srv" shared_key => "key")";
  Forward forward(kSecured);
  int turn = 0;
  TalkingPeer good([&](const std::string& written) {
    return ++turn == 1 ? ping_for(written, "key") : turn == 2 ? packed(kOne) : std::string();
  });
  run_to_end(forward.endpoints[0].stream->serve(good, forward.sink));
  CHECK(forward.sink.events().size() == 1);
  CHECK_THAT(good.written, Contains("PONG") && Contains("srv"));

  turn = 0;
  TalkingPeer bad([&](const std::string& written) { return ++turn == 1 ? ping_for(written, "other") : packed(kOne); });
  run_to_end(forward.endpoints[0].stream->serve(bad, forward.sink));
  CHECK(forward.sink.events().size() == 1);
  CHECK_THAT(bad.written, Contains("shared_key mismatch"));

  TalkingPeer eager(
      [&](const std::string& written) { return written.find("PONG") == std::string::npos ? packed(kOne) : ""; });
  run_to_end(forward.endpoints[0].stream->serve(eager, forward.sink));
  CHECK_THAT(eager.written, Contains("invalid ping message"));
  CHECK(forward.counter("handshake_failures") == 2);

  TalkingPeer silent([](const std::string&) { return std::string(); });  // a heartbeat
  run_to_end(forward.endpoints[0].stream->serve(silent, forward.sink));
  CHECK(forward.counter("handshake_failures") == 2);
}

TEST_CASE("forward closes a connection after a handshake when it is replaced", "[input][forward][security][reload]") {
  // Whoever serves it next would greet in the middle: see that the stream does not ask for that.
  class Rebinding final : public ByteStream {
   public:
    Awaitable<Buffer> read_some() override {
      ++reads;
      if (reads == 1) co_return Buffer::copy_of(ping_for(written, "key"));
      is_rebinding_ = true;
      co_return Buffer();
    }
    Awaitable<Result<void>> write(std::string_view bytes) override {
      written += bytes;
      co_return Result<void>();
    }
    void unread(std::string_view bytes) override { given_back = bytes; }
    bool is_rebinding() const override { return is_rebinding_; }
    void end_reading() override { is_rebinding_ = false; }
    const PeerAddress& peer() const override { return address_; }
    const PeerAddress& local() const override { return address_; }
    std::string written, given_back;
    int reads = 0;

   private:
    bool is_rebinding_ = false;
    PeerAddress address_{"127.0.0.1", 1};
  };
  Forward forward(R"(self_hostname => "srv" shared_key => "key")");
  Rebinding stream;
  run_to_end(forward.endpoints[0].stream->serve(stream, forward.sink));
  CHECK_FALSE(stream.is_rebinding());
  CHECK(stream.given_back.empty());
}

TEST_CASE("forward applies the rule of the first network that covers a sender", "[input][forward][security]") {
  const auto answer = [](std::string_view options, std::string_view key, std::string_view user, std::string_view password) {
    Forward forward(std::string(R"(self_hostname => "srv" shared_key => "common" )") + std::string(options));
    int turn = 0;
    TalkingPeer peer([&](const std::string& written) { return ++turn == 1 ? ping_for(written, key, user, password) : ""; });
    run_to_end(forward.endpoints[0].stream->serve(peer, forward.sink));
    return peer.written.substr(peer.written.find("PONG"));
  };
  constexpr std::string_view kRules =
      R"(allow_anonymous_source => false clients => { "192.0.2.0/24" => { shared_key => "theirs" } "0.0.0.0/0" => {} })";
  CHECK_THAT(answer(kRules, "theirs", "", ""), Contains("srv"));
  CHECK_THAT(answer(kRules, "common", "", ""), Contains("shared_key mismatch"));
  CHECK_THAT(
      answer(R"(allow_anonymous_source => false clients => { "10.0.0.0/8" => {} "2001:db8::/32" => {} })", "common", "", ""),
      Contains("anonymous source host '192.0.2.7' denied"));
  constexpr std::string_view kUsers =
      R"(user_auth => true users => { "ann" => "a" "bob" => "b" } clients => { "192.0.2.7" => { users => ["bob"] } })";
  CHECK_THAT(answer(kUsers, "common", "bob", "b"), Contains("srv"));
  CHECK_THAT(answer(kUsers, "common", "ann", "a"), Contains("username/password mismatch"));
  CHECK_THAT(answer(kUsers, "common", "bob", "x"), Contains("username/password mismatch"));
  CHECK_THAT(answer(kUsers, "common", "eve", ""), Contains("username/password mismatch"));
}

TEST_CASE("forward answers UDP heartbeats on its port", "[input][forward]") {
  class Heartbeats final : public DatagramBatch {
   public:
    std::span<const Datagram> datagrams() const override { return datagrams_; }
    const Buffer& received() const override { return bytes_; }
    const PeerAddress& local() const override { return address_; }
    void reply(const Datagram& to, std::string_view bytes) override {
      answers += std::string(bytes) + "to " + to.peer->ip + " ";
    }
    std::string answers;

   private:
    Buffer bytes_ = Buffer::copy_of(std::string_view("\0", 1));
    PeerAddress address_{"127.0.0.1", 24224};
    PeerAddress peer_{"10.0.0.1", 5};
    std::vector<Datagram> datagrams_ = {{bytes_.view(), &peer_}};
  };
  Forward forward("port => 4000 host => \"127.0.0.1\"");
  REQUIRE(forward.endpoints.size() == 2);
  CHECK(forward.endpoints[1].port == 4000);
  Heartbeats batch;
  run_to_end(forward.endpoints[1].datagram->take(batch, forward.sink));
  CHECK(batch.answers == std::string("\0to 10.0.0.1 ", 13));
  CHECK(Forward("udp_heartbeat => false").endpoints.size() == 1);
}

TEST_CASE("forward refuses configurations that cannot work", "[input][forward]") {
  CHECK_THAT(refusals("tag => \"\""), Contains("tag: it is empty"));
  CHECK_THAT(refusals("shared_key => \"k\""), Contains("needs self_hostname"));
  CHECK_THAT(refusals("users => { \"a\" => \"b\" }"), Contains("without shared_key"));
  CHECK_THAT(refusals(R"(shared_key => "k" self_hostname => "s" user_auth => true)"), Contains("nobody could log in"));
  CHECK_THAT(refusals(R"(shared_key => "k" self_hostname => "s" clients => { "10.0.0.1" => { users => ["x"] } })"),
             Contains("there is no user \"x\""));
  CHECK_THAT(refusals(R"(shared_key => "k" self_hostname => "s" clients => { "10.0.0.1" => { key => "x" } })"),
             Contains("is no part of a rule"));
  CHECK_THAT(refusals("deny_keepalive => true send_keepalive_packet => true"), Contains("leaves no connection to probe"));
}

}  // namespace logboom
