// The beats input's frames as events: fields, codecs, options, malformed frames. Acknowledgement: beats_session_test.cc.
#include "tests/plugins/inputs/beats_conversation.h"

namespace logboom::beats_test {
namespace {

using Catch::Matchers::Contains;

/// The events of one window, as lines of fields, a blank and metadata.
std::vector<std::string> events_of(std::string_view text, const std::string& frames, EcsMode ecs = EcsMode::Disabled) {
  Conversation talk(text, ecs);
  talk.say({frames});
  std::vector<std::string> out;
  for (std::size_t i = 0; i < talk.sink.lines.size(); ++i) out.push_back(talk.sink.lines[i] + " " + talk.sink.metadata[i]);
  return out;
}
std::string event_of(std::string_view text, const std::string& document, EcsMode ecs = EcsMode::Disabled) {
  const auto events = events_of(text, window(1) + json(1, document), ecs);
  return events.size() == 1 ? events[0] : std::to_string(events.size()) + " events";
}
std::string problems_of(std::string_view text) {
  PluginHarness<Input> harness("input", text);
  return harness.diagnostics.render();
}

}  // namespace

TEST_CASE("beats puts a message and its sender where Logstash does", "[input][beats]") {
  const std::string document = R"({"@metadata":{"beat":"filebeat","version":"8.1.0"},"message":"hi","host":{"name":"web"}})";
  CHECK(event_of("beats { }", document) ==
        R"({"message":"hi","host":{"name":"web"},"tags":["beats_input_codec_plain_applied"]} )"
        R"({"beat":"filebeat","version":"8.1.0","ip_address":"10.1.2.3"})");
  CHECK(event_of("beats { }", document, EcsMode::V1) ==
        R"({"message":"hi","host":{"name":"web"},"event":{"original":"hi"},"tags":["beats_input_codec_plain_applied"]} )"
        R"({"beat":"filebeat","version":"8.1.0","input":{"beats":{"host":{"ip":"10.1.2.3"}}}})");
}

TEST_CASE("beats marks an event without a message as raw", "[input][beats]") {
  CHECK(event_of("beats { }", R"({"cpu":1})", EcsMode::V1) ==
        R"({"cpu":1,"tags":["beats_input_raw_event"]} {"input":{"beats":{"host":{"ip":"10.1.2.3"}}}})");
  CHECK_THAT(event_of("beats { }", R"({"message":null})"), Contains("beats_input_raw_event"));
}

TEST_CASE("beats keeps what the Beat says of event, tags, time and input", "[input][beats]") {
  CHECK_THAT(event_of("beats { }", R"({"message":"m","event":{"original":"o","module":"x"}})", EcsMode::V1),
             Contains(R"("event":{"original":"o","module":"x"})"));
  CHECK_THAT(event_of("beats { }", R"({"message":"m","event":{"module":"x"}})", EcsMode::V1),
             Contains(R"("event":{"module":"x","original":"m"})"));
  CHECK_THAT(event_of("beats { }", R"({"message":"m","tags":["a"]})"),
             Contains(R"("tags":["a","beats_input_codec_plain_applied"])"));
  CHECK_THAT(event_of("beats { }", R"({"message":"m","@metadata":{"input":{"beats":{"x":1}}}})", EcsMode::V1),
             Contains(R"({"input":{"beats":{"x":1,"host":{"ip":"10.1.2.3"}}}})"));
  Conversation talk;
  talk.sink.completes_at_once = false;
  talk.peer.send(window(1) + json(1, R"({"@timestamp":"2024-05-06T07:08:09.123Z","message":"m"})"));
  talk.start();
  talk.until([&] { return !talk.sink.held.empty(); });
  CHECK_THAT(talk.sink.lines[0], !Contains("timestampparsefailure"));
}

TEST_CASE("beats makes a text of a message that is none", "[input][beats]") {
  CHECK_THAT(event_of("beats { }", R"({"message":42})"), Contains(R"("message":"42")"));
  CHECK_THAT(event_of("beats { }", R"({"message":{"a":1}})"), Contains(R"("message":"{\"a\":1}")"));
}

TEST_CASE("enrich says what is added", "[input][beats]") {
  const std::string document = R"({"message":"m"})";
  CHECK(event_of("beats { enrich => none }", document, EcsMode::V1) == R"({"message":"m"} )");
  CHECK(event_of("beats { enrich => [source_metadata] }", document) == R"({"message":"m"} {"ip_address":"10.1.2.3"})");
  CHECK(event_of("beats { enrich => codec_metadata }", document, EcsMode::V1) ==
        R"({"message":"m","event":{"original":"m"},"tags":["beats_input_codec_plain_applied"]} )");
  CHECK(event_of("beats { enrich => none codec => plain }", document, EcsMode::V1) ==
        R"({"message":"m","event":{"original":"m"}} )");
  CHECK(event_of("beats { include_codec_tag => false }", document) == R"({"message":"m"} {"ip_address":"10.1.2.3"})");
  CHECK_THAT(problems_of("beats { enrich => [all, source_metadata] }"), Contains("stand alone"));
  CHECK_THAT(problems_of("beats { enrich => all include_codec_tag => true }"), Contains("same thing"));
  CHECK_THAT(problems_of("beats { enrich => source_metadat }"), Contains("did you mean \"source_metadata\""));
}

TEST_CASE("add_hostname copies the Beat's host name where there is none", "[input][beats]") {
  const std::string document = R"({"message":"m","beat":{"hostname":"web-1"}})";
  CHECK_THAT(event_of("beats { add_hostname => true }", document), Contains(R"("host":"web-1")"));
  CHECK_THAT(event_of("beats { add_hostname => true }", document, EcsMode::V1), Contains(R"("name":"web-1")"));
  CHECK_THAT(event_of("beats { add_hostname => true }", R"({"message":"m","host":"x","beat":{"hostname":"y"}})"),
             Contains(R"("host":"x")"));
}

TEST_CASE("the common options decorate events before the codec's tag", "[input][beats]") {
  CHECK(event_of(R"(beats { enrich => codec_metadata type => "t" tags => ["mine"] add_field => { "f" => "%{message}!" } })",
                 R"({"message":"m"})") ==
        R"({"message":"m","f":"m!","tags":["mine","beats_input_codec_plain_applied"],"type":"t"} )");
  CHECK_THAT(event_of(R"(beats { type => "t" })", R"({"message":"m","type":"of the beat"})"),
             Contains(R"("type":"of the beat")"));
}

TEST_CASE("a codec decodes the message, and the Beat's fields are laid over the result", "[input][beats][codec]") {
  const std::string document =
      R"({"@timestamp":"2024-05-06T07:08:09Z","@metadata":{"beat":"b"},"message":"{\"host\":{\"a\":1},\"x\":1}","host":{"b":2},"x":2})";
  CHECK(event_of("beats { codec => json }", document) ==
        R"({"host":{"a":1,"b":2},"x":2,"tags":["beats_input_codec_json_applied"]} {"beat":"b","ip_address":"10.1.2.3"})");
  const auto two =
      events_of("beats { codec => json }", window(1) + json(1, R"({"message":"[{\"a\":1},{\"a\":2}]","o":{}})"));
  REQUIRE(two.size() == 2);
  CHECK_THAT(two[0], Contains(R"({"a":1,"o":{})"));
  CHECK_THAT(two[1], Contains(R"({"a":2,"o":{})"));
  CHECK_THAT(event_of("beats { codec => plain { charset => \"ISO-8859-1\" } }", R"({"message":"m","a":1})"),
             Contains(R"({"message":"m","a":1,"tags":["beats_input_codec_plain_applied"]})"));
  CHECK_THAT(problems_of("beats { codec => multiline { pattern => \"x\" what => previous } }"), Contains("multiline"));
  CHECK_THAT(problems_of("beats { codec => rubydebug }"), Contains("cannot read"));
}

TEST_CASE("version 1 frames are names and texts; line is the message", "[input][beats][v1]") {
  const auto events =
      events_of("beats { enrich => codec_metadata }", window(2, '1') + data(7, {{"line", "one"}, {"file", "/var/log/x"}}) +
                                                          data(8, {{"line", "caf\xe9"}, {"a", "1"}, {"a", "2"}}));
  REQUIRE(events.size() == 2);
  CHECK(events[0] == R"({"file":"/var/log/x","message":"one","tags":["beats_input_codec_plain_applied"]} )");
  CHECK(events[1] == "{\"a\":\"2\",\"message\":\"caf\xEF\xBF\xBD\",\"tags\":[\"beats_input_codec_plain_applied\"]} ");
}

TEST_CASE("the client certificate is told in the metadata", "[input][beats][tls]") {
  const auto metadata_of = [](const std::string& subject, EcsMode ecs) {
    Conversation talk("beats { }", ecs);
    beats::Enrichment enrichment;
    enrichment.is_ecs = ecs == EcsMode::V1;
    enrichment.has_source = false;
    enrichment.has_tls_peer = true;
    talk.peer.tls_session = TlsSession{"TLSv1.3", "TLS_AES_256_GCM_SHA384", subject};
    const PluginNode node;
    const PluginContext context(node, "test", {}, talk.metrics, *std::make_unique<SharedSlot>(), talk.diagnostics);
    const beats::EventSettings settings(enrichment, nullptr, "plain", context);
    beats::EventMaker maker(settings, talk.peer);
    Chunk chunk(Buffer::copy_of("{}"), Timestamp{});
    maker.begin(chunk);
    REQUIRE(maker.add_json(chunk.received().view(), chunk));
    std::string out;
    write_json(chunk.events().at(0)->metadata(), out);
    return out;
  };
  CHECK(
      metadata_of("CN=peer", EcsMode::V1) ==
      R"({"tls_peer":{"status":"verified"},"input":{"beats":{"tls":{"version_protocol":"TLSv1.3","client":{"subject":"CN=peer"},"cipher":"TLS_AES_256_GCM_SHA384"}}}})");
  CHECK(
      metadata_of("CN=peer", EcsMode::Disabled) ==
      R"({"tls_peer":{"status":"verified","protocol":"TLSv1.3","subject":"CN=peer","cipher_suite":"TLS_AES_256_GCM_SHA384"}})");
  CHECK(metadata_of("", EcsMode::V1) == R"({"tls_peer":{"status":"unverified"}})");
}

TEST_CASE("beats declares where it listens, under both of its names", "[input][beats]") {
  for (const std::string name : {"beats", "elastic_agent"}) {
    PluginHarness<Input> harness("input", name + " { host => \"10.1.1.1\" max_connections => 9 }");
    REQUIRE(harness.plugin != nullptr);
    const Endpoint endpoint = harness.plugin->endpoints().at(0);
    CHECK(endpoint.host == "10.1.1.1");
    CHECK(endpoint.port == 5044);
    CHECK(endpoint.max_connections == 9);
    CHECK(endpoint.stream != nullptr);
  }
}

TEST_CASE("older spellings of options are understood, and better ones named", "[input][beats]") {
  CHECK_THAT(problems_of("beats { ssl_verify_mode => peer ssl_client_authentication => none }"), Contains("same thing"));
  CHECK_THAT(problems_of("beats { tls_min_version => 1.2 ssl_supported_protocols => [\"TLSv1.3\"] }"),
             Contains("same thing"));
  CHECK_THAT(problems_of("beats { tls_min_version => 1.3 tls_max_version => 1.2 }"), Contains("no TLS version"));
  CHECK_THAT(problems_of("beats { ssl_peer_metadata => true }"), Contains("deprecated"));
  CHECK_THAT(problems_of("beats { congestion_threshold => 5 }"), Contains("obsolete"));
  CHECK_THAT(problems_of("beats { client_inactivity_timout => 5 }"), Contains("did you mean \"client_inactivity_timeout\""));
  CHECK_THAT(problems_of("beats { max_frame_bytes => \"8GiB\" }"), Contains("max_frame_bytes"));
  beats::BeatsOptions options;
  const auto read = [&](std::string_view text) {
    struct Reader : PluginHarness<Input> {
      explicit Reader(std::string_view text) : PluginHarness<Input>("input", text) {
        options = beats::beats_options().read(node_, diagnostics);
        beats::resolve_tls_spellings(options, *context_);
      }
      beats::BeatsOptions options;
    };
    return Reader(text).options;
  };
  options = read("beats { ssl_verify_mode => force_peer tls_min_version => 1.3 }");
  CHECK(options.ssl_client_authentication == "required");
  CHECK(options.ssl_supported_protocols == std::vector<std::string>{"TLSv1.3"});
  CHECK(read("beats { ssl_verify_mode => peer }").ssl_client_authentication == "optional");
  CHECK(read("beats { ssl_certificate_authorities => \"ca.pem\" }").ssl_client_authentication == "required");
  CHECK(read("beats { tls_max_version => 1.2 tls_min_version => 1.1 }").ssl_supported_protocols ==
        std::vector<std::string>{"TLSv1.1", "TLSv1.2"});
}

TEST_CASE("malformed frames close the connection, are counted, and leave no half of an event", "[input][beats][hostile]") {
  const std::string good = json(1, R"({"n":1})");
  const std::string deep(1001, '[');
  const auto [what, counter, bytes] = GENERATE_COPY(table<std::string, std::string, std::string>({
      {"a wrong version", "wrong_version", "3W" + number(1)},
      {"plain text", "wrong_version", "GET / HTTP/1.1\r\n\r\n"},
      {"TLS on a plain port", "wrong_version", "\x16\x03\x01\x02"},
      {"an unknown frame", "unknown_frame", "2X" + number(1)},
      {"an acknowledgement", "unknown_frame", ack(1)},
      {"a window of 2^32 - 1", "window_too_large", window(0xFFFFFFFF)},
      {"JSON past the limit", "frame_too_large", window(1) + "2J" + number(1) + number(3000)},
      {"a compressed frame past the limit", "frame_too_large", "2C" + number(0xFFFFFFFF)},
      {"a name past the limit", "frame_too_large", window(1, '1') + "1D" + number(1) + number(1) + number(5000)},
      {"2^32 - 1 pairs", "frame_too_large", window(1, '1') + "1D" + number(1) + number(0xFFFFFFFF)},
      {"many long pairs", "frame_too_large",
       window(1, '1') + data(1, {{"a", std::string(900, 'x')}, {"b", std::string(900, 'x')}, {"c", std::string(900, 'x')}})},
      {"JSON of no bytes", "empty_frame", window(1) + "2J" + number(1) + number(0)},
      {"data without pairs", "empty_frame", window(1, '1') + "1D" + number(1) + number(0)},
      {"a compressed frame of no bytes", "empty_frame", "2C" + number(0)},
      {"an event without a window", "event_without_window", good},
      {"an event behind an empty window", "event_without_window", window(0) + good},
      {"zlib garbage", "inflate_failure", window(1) + "2C" + sized("this is not zlib")},
      {"cut zlib", "inflate_failure", window(1) + "2C" + sized(compressed(good).substr(6, 12))},
      {"bytes behind zlib", "inflate_failure", window(1) + "2C" + sized(compressed(good).substr(6) + "more")},
      {"a bomb", "inflated_too_large", window(1) + compressed(json(1, std::string(100'000, ' ')))},
      {"nested compression", "nested_compression", window(1) + compressed(compressed(good))},
      {"a cut frame inside", "cut_short", window(1) + compressed(good.substr(0, good.size() - 1))},
      {"half a header inside", "cut_short", window(2) + compressed(good + "2J")},
      {"a frame too large inside", "frame_too_large", window(1) + compressed("2J" + number(1) + number(2500))},
      {"no JSON", "bad_json", window(1) + json(1, "{\"a\":")},
      {"two documents", "bad_json", window(1) + json(1, "{}{}")},
      {"a JSON array", "bad_json", window(1) + json(1, "[{}]")},
      {"JSON of 1001 levels", "bad_json", window(1) + json(1, deep)},
      {"bad JSON behind a good event", "bad_json", window(2) + good + json(2, "nonsense")},
      {"bad JSON in a compressed frame", "bad_json", window(2) + compressed(good + json(2, "nonsense"))},
  }));
  INFO(what);
  set_log_level(LogLevel::Off);
  const bool is_in_pieces = GENERATE(false, true);
  Conversation talk("beats { max_frame_bytes => 2000 max_inflated_bytes => 10000 }");
  if (is_in_pieces) {
    for (const char byte : bytes) talk.peer.send(std::string(1, byte));
  } else {
    talk.peer.send(bytes);
  }
  talk.start();
  talk.until_over();  // although the peer did not leave
  CHECK(talk.counter("refused_" + counter) == 1);
  // Byte by byte a good event may have been handed over before the bad one came.
  CHECK(talk.sink.lines.size() <= (is_in_pieces ? 1 : 0));
  if (!is_in_pieces) CHECK_THAT(acks_in(talk.peer.written), !Contains(":1"));
}

}  // namespace logboom::beats_test
