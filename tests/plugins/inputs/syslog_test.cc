// The syslog input's messages as events; its pieces have tests of their own beside this one.
#include <random>

#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/memory_datagrams.h"
#include "tests/support/memory_stream.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

/// Keeps @timestamp beside the fields: CollectingSink takes it out.
class TimeSink final : public EventSink {
 public:
  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp{1'700'000'000, 0});  // 2023-11-14T22:13:20Z
  }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    for (const Event* event : chunk->events()) times.push_back(to_iso8601(event->timestamp().value()));
    chunk->token().arm(chunk->events().size());
    chunk->token().complete_many(chunk->events().size());
    chunk.reset();
    return true;
  }
  void call_when_room(std::function<void()> callback) override { callback(); }
  bool is_stopping() const override { return false; }
  std::vector<std::string> times;
};

struct Syslog {
  explicit Syslog(std::string_view text, EcsMode ecs = EcsMode::Disabled) : harness("input", text, ecs) {
    INFO(harness.diagnostics.render());
    REQUIRE(harness.plugin != nullptr);
    endpoints = harness.plugin->endpoints();
  }
  /// Runs one TCP connection.
  std::vector<std::string> serve(MemoryStream& stream) {
    CollectingSink sink;
    run_to_end(endpoints.at(0).stream->serve(stream, sink));
    return sink.events();
  }
  std::vector<std::string> serve(std::vector<std::string> pieces) {
    MemoryStream stream(std::move(pieces));
    return serve(stream);
  }
  std::vector<std::string> take(const std::vector<std::pair<std::string, std::string>>& sent) {
    CollectingSink sink;
    MemoryDatagrams batch(sent);
    run_to_end(endpoints.at(1).datagram->take(batch, sink));
    return sink.events();
  }
  std::string time_of(const std::string& line) {
    TimeSink sink;
    MemoryStream stream({line + "\n"});
    run_to_end(endpoints.at(0).stream->serve(stream, sink));
    return sink.times.size() == 1 ? sink.times[0] : "no event";
  }

  PluginHarness<Input> harness;
  std::vector<Endpoint> endpoints;
};

std::string one_event(std::string_view text, const std::string& line, EcsMode ecs = EcsMode::Disabled) {
  const auto events = Syslog(text, ecs).serve({line + "\n"});
  REQUIRE(events.size() == 1);
  return events[0];
}

std::string refusals(std::string_view text) {
  PluginHarness<Input> harness("input", text);
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

const std::string kAsa = "<164>Oct 26 15:19:25 1.2.3.4 %ASA-4-106023: Deny udp src DRAC:10.1.2.3/43434";
const std::string kRfc5424 =
    R"(<165>1 2003-10-11T22:14:15.003Z web.example.com evntslog 77 ID47 [a@1 iut="3" src="A\"B"][b@1 x="1"] text)";

}  // namespace

TEST_CASE("syslog parses RFC 3164 lines into Logstash's fields", "[input][syslog]") {
  CHECK(one_event("syslog { }", kAsa) ==
        R"({"message":"Deny udp src DRAC:10.1.2.3/43434","host":"127.0.0.1","priority":164,"severity":4,"facility":20,)"
        R"("facility_label":"local4","severity_label":"Warning","logsource":"1.2.3.4","program":"%ASA-4-106023",)"
        R"("timestamp":"Oct 26 15:19:25"})");
  CHECK(one_event("syslog { }", "<34>Oct  1 02:14:15 web-1 su[12]: failed") ==
        R"({"message":"failed","host":"127.0.0.1","priority":34,"severity":2,"facility":4,)"
        R"("facility_label":"security/authorization","severity_label":"Critical","logsource":"web-1","program":"su",)"
        R"("pid":"12","timestamp":"Oct  1 02:14:15"})");
}

TEST_CASE("syslog parses RFC 3164 lines into ECS fields", "[input][syslog]") {
  CHECK(one_event("syslog { }", "<34>Oct  1 02:14:15 web-1 su[12]: failed", EcsMode::V1) ==
        R"({"message":"failed","event":{"original":"<34>Oct  1 02:14:15 web-1 su[12]: failed"},)"
        R"("host":{"ip":"127.0.0.1","hostname":"web-1"},"log":{"syslog":{"priority":34,)"
        R"("facility":{"code":4,"name":"security/authorization"},"severity":{"code":2,"name":"Critical"}}},)"
        R"("process":{"name":"su","pid":12},"service":{"type":"system"}})");
}

TEST_CASE("syslog parses RFC 5424 lines with their structured data", "[input][syslog]") {
  CHECK(one_event("syslog { }", kRfc5424) ==
        R"({"message":"text","host":"127.0.0.1","priority":165,"severity":5,"facility":20,"facility_label":"local4",)"
        R"("severity_label":"Notice","logsource":"web.example.com","program":"evntslog","pid":"77",)"
        R"("timestamp8601":"2003-10-11T22:14:15.003Z","timestamp":"2003-10-11T22:14:15.003Z","version":"1",)"
        R"("msgid":"ID47","structured_data":{"a@1":{"iut":"3","src":"A\"B"},"b@1":{"x":"1"}}})");
  const std::string ecs = one_event("syslog { service_type => \"\" }", kRfc5424, EcsMode::V1);
  CHECK_THAT(ecs, Contains(R"("process":{"name":"evntslog","pid":77})") && Contains(R"("hostname":"web.example.com")") &&
                      Contains(R"("version":"1","msgid":"ID47","structured_data":{"a@1":{"iut":"3","src":"A\"B"})") &&
                      !Contains("timestamp") && !Contains("service"));
  CHECK_THAT(one_event("syslog { }", "<14>1 - - - worker-3 - -", EcsMode::V1),
             Contains(R"("message":"")") && Contains(R"("procid":"worker-3")") && !Contains("process") &&
                 !Contains("msgid") && !Contains("hostname") && !Contains("tags"));
}

TEST_CASE("syslog keeps a line that it cannot parse, tags it and takes it for user.notice", "[input][syslog]") {
  CHECK(one_event("syslog { }", "hello world") ==
        R"({"message":"hello world","host":"127.0.0.1","tags":["_grokparsefailure_sysloginput"],"priority":13,"severity":5,)"
        R"("facility":1,"facility_label":"user-level","severity_label":"Notice"})");
  CHECK(one_event("syslog { use_labels => false }", "hello", EcsMode::V1) ==
        R"({"message":"hello","event":{"original":"hello"},"host":{"ip":"127.0.0.1"},)"
        R"("tags":["_grokparsefailure_sysloginput"],"log":{"syslog":{"priority":13,"facility":{"code":1},)"
        R"("severity":{"code":5}}},"service":{"type":"system"}})");
}

TEST_CASE("malformed lines are tagged and whole, never half parsed", "[input][syslog][malformed]") {
  const std::vector<std::string> lines = {
      "<",
      "<>",
      "<13",
      "<13>",
      "<013>Oct 11 22:14:15 host p: m",
      "<-1>Oct 11 22:14:15 host p: m",
      "<9999999999999999999999999>Oct 11 22:14:15 host",
      "<13>Oct 11 22:14:15",
      "<13>Oct 11 22:14:15 ",
      "<13>Oct 11 22:14:15 host",
      "<13>Oct 32 22:14:15 host p: m",
      "<13>Oct 11 24:14:15 host p: m",
      "<13>Oct 11 22:14:61 host p: m",
      "<13>Foo 11 22:14:15 host p: m",
      "<13>Oct 11 22:14:15 my_host p: m",
      "<13>Oct 11 22:14:15 su: no host",
      "<13>2003-13-11T22:14:15Z host p: m",
      "<13>1",
      "<13>1 ",
      "<13>1 -",
      "<13>1 - - - - ",
      "<13>0 - - - - - -",
      "<13>123 - - - - - -",
      "<13>1 yesterday host app - - - m",
      "<13>1 - host app - - [",
      "<13>1 - host app - - []",
      "<13>1 - host app - - [id",
      "<13>1 - host app - - [id a]",
      "<13>1 - host app - - [id a=]",
      "<13>1 - host app - - [id a=\"] m",
      "<13>1 - host app - - [id a=\"\\\"] m",
      "<13>1 - host app - - [id a=\"1\"",
      "<13>1 - host app - - [id a=\"1\"]m",
      "<13>1 - host app - - [id a=\"1\"] [",
  };
  for (const EcsMode ecs : {EcsMode::Disabled, EcsMode::V1}) {
    Syslog syslog("syslog { }", ecs);
    for (const std::string& line : lines) {
      INFO(line);
      const auto events = syslog.serve({line + "\n"});
      REQUIRE(events.size() == 1);
      if (line.back() == '[' && line.find("\"] [") != std::string::npos) {
        CHECK_THAT(events[0], !Contains("tags") && Contains(R"("message":"[")"));  // the one that is fine
        continue;
      }
      std::string quoted;
      write_json_string(line, quoted);
      CHECK_THAT(events[0], Contains("\"message\":" + quoted) && Contains("_grokparsefailure_sysloginput"));
      CHECK_THAT(events[0], !Contains("logsource") && !Contains("hostname") && !Contains("structured_data"));
    }
  }
}

TEST_CASE("syslog reads an emergency of the kernel, which Logstash tags", "[input][syslog]") {
  CHECK_THAT(one_event("syslog { }", "<0>Oct 11 22:14:15 host kernel: panic"),
             Contains(R"("priority":0,"severity":0,"facility":0,"facility_label":"kernel","severity_label":"Emergency")") &&
                 Contains(R"("message":"panic")"));
}

TEST_CASE("syslog finds what Logstash's pattern finds beyond the usual forms", "[input][syslog]") {
  CHECK_THAT(one_event("syslog { }", "before <13>Oct 11 22:14:15 host p: m"),
             Contains(R"("message":"m")") && Contains(R"("priority":13)") && Contains(R"("timestamp":"Oct 11 22:14:15")"));
  CHECK_THAT(one_event("syslog { }", "<13>Oct 11 22:14:15 fe80::1 p: m"), Contains(R"("logsource":"fe80::1")"));
  CHECK_THAT(one_event("syslog { }", "<13>Oct 11 22:14:15 host p:"), Contains(R"("message":"p:")"));
  CHECK_THAT(one_event("syslog { }", "<13>Oct 11 22:14:15 host p: "), Contains(R"("message":"<13>Oct 11)"));
  CHECK_THAT(one_event("syslog { }", "<999>Oct 11 22:14:15 host p: m"),
             Contains(R"("priority":999,"severity":7,"facility":124,"severity_label":"Debug")"));
}

// The straight walk and Logstash's pattern must agree wherever the walk decides at all. Lines are pieces of lines, right and
// wrong ones, joined by chance.
TEST_CASE("the default parse is what the default grok_pattern makes of a line", "[input][syslog]") {
  const std::vector<std::vector<std::string>> pieces = {
      {"", "", "", "x ", "<1> "},
      {"<13>", "<191>", "<999>", "<1>", "<", "13>", "<a>"},
      {"Oct 11 ", "Oct  1 ", "oct 11 ", "October 11 ", "Mai 3 ", "May 3 ", "Feb 30 ", "OCT 11 ", "2003-10-11T",
       "2003-10-11 ", "03-10-11T", "2003-1-1T", "Sept 3 ", "Oct   1 ", "Oct 1", "Oct 41 "},
      {"22:14:15", "2:14:15", "22:14:60", "22:14:5", "22:14:15.123456789012", "22:14:15,1", "22:14", "221415", "22:14:15.",
       "22:14:15:9", "24:00:00"},
      {"", "", "", "Z", "+02:00", "-0530", "+2", "+24:00"},
      {" ", " ", " ", "  ", "", " <4.6> "},
      {"host ", "web-1.example.com ", "1.2.3.4 ", "my_host ", "a. ", "a..b ", "-a ", "::1 ", "fe80::1 ", "su: ", "", "host"},
      {"su: ", "su[12]: ", "su[012]: ", "su[]: ", "su[1]:", "su[1] : ", ":: ", ": ",
       "a:b: ", "su[1][2]: ", "%ASA-4-1: ", "su [1]: ", "[1]: ", "su", "s\xC3\xBC: ", ""},
      {"message", "", " ", "two words", "a: b", "\xE2\x82\xAC"},
  };
  Syslog walk("syslog { }");
  Syslog pattern("syslog { grok_pattern => \"<%{POSINT:priority}>%{SYSLOGLINE}\" }");
  Syslog ecs_walk("syslog { }", EcsMode::V1);
  Syslog ecs_pattern("syslog { grok_pattern => \"<%{POSINT:[log][syslog][priority]:int}>%{SYSLOGLINE}\" }", EcsMode::V1);
  std::mt19937 random(4711);
  std::string stream;
  for (int line = 0; line < 6000; ++line) {
    for (const auto& choice : pieces) {
      // Mostly the first, so that most lines are nearly right.
      const std::size_t which =
          random() % 3 == 0 ? random() % choice.size() : random() % std::min<std::size_t>(choice.size(), 3);
      stream += choice[which];
    }
    stream += '\n';
  }
  const auto as_set = [](std::string event) {  // the order of the fields is not the point
    std::sort(event.begin(), event.end());
    return event;
  };
  const auto by_walk = walk.serve({stream});
  const auto by_pattern = pattern.serve({stream});
  const auto by_ecs_walk = ecs_walk.serve({stream});
  const auto by_ecs_pattern = ecs_pattern.serve({stream});
  REQUIRE(by_walk.size() == 6000);
  REQUIRE(by_pattern.size() == 6000);
  REQUIRE(by_ecs_pattern.size() == 6000);
  int parsed = 0;
  for (std::size_t i = 0; i < by_walk.size(); ++i) {
    INFO(by_walk[i] << "\n" << by_pattern[i] << "\n" << by_ecs_walk[i] << "\n" << by_ecs_pattern[i]);
    REQUIRE(as_set(by_walk[i]) == as_set(by_pattern[i]));
    REQUIRE(as_set(by_ecs_walk[i]) == as_set(by_ecs_pattern[i]));
    parsed += by_walk[i].find("_grokparsefailure") == std::string::npos ? 1 : 0;
  }
  CHECK(parsed > 1000);
  CHECK(parsed < 5500);
}

TEST_CASE("syslog parses with a pattern of the user's own", "[input][syslog]") {
  const std::string text =
      R"(syslog { grok_pattern => "<%{POSINT:priority}>%{SYSLOGTIMESTAMP:timestamp} atypical %{GREEDYDATA:message}" })";
  CHECK(one_event(text, "<164>Oct 26 15:19:25 atypical the message") ==
        R"({"message":"the message","host":"127.0.0.1","priority":164,"timestamp":"Oct 26 15:19:25","severity":4,)"
        R"("facility":20,"facility_label":"local4","severity_label":"Warning"})");
  CHECK_THAT(one_event(text, kAsa), Contains("_grokparsefailure_sysloginput"));
  CHECK_THAT(one_event("syslog { grok_pattern => \"%{GREEDYDATA:message}\" }", "no priority"),
             Contains(R"("priority":13,"severity":5,"facility":1)") && !Contains("tags"));
  CHECK_THAT(one_event("syslog { grok_pattern => \"%{NUMBER:a:int} %{NUMBER:b:float} %{WORD:w}\" }", "12 1.5 x"),
             Contains(R"("a":12,"b":1.5,"w":"x")"));
}

TEST_CASE("syslog parses the field that the option names", "[input][syslog]") {
  const auto events = Syslog("syslog { codec => json syslog_field => \"line\" }")
                          .serve({R"({"line":"<13>Oct 11 22:14:15 host p: m","message":"mine"})"
                                  "\n"});
  REQUIRE(events.size() == 1);
  CHECK_THAT(events[0], Contains(R"("line":"m")") && Contains(R"("message":"mine")") && Contains(R"("program":"p")"));
}

TEST_CASE("syslog reads the times of lines", "[input][syslog]") {
  Syslog utc("syslog { timezone => UTC }");
  CHECK(utc.time_of("<13>Oct 11 22:14:15 h p: m") == "2023-10-11T22:14:15.000Z");
  CHECK(utc.time_of("<13>Oct  1 02:14:15.5 h p: m") == "2023-10-01T02:14:15.500Z");
  CHECK(utc.time_of("<13>Oct 11 22:14:15.123456 h p: m") == "2023-10-11T22:14:15.123456Z");
  CHECK(utc.time_of("<13>Oct 11 22:14:15.123456789999 h p: m") == "2023-10-11T22:14:15.123456789Z");
  CHECK(utc.time_of("<13>2003-10-11T22:14:15.003+02:00 h p: m") == "2003-10-11T20:14:15.003Z");
  CHECK(utc.time_of("<13>2003-10-11 22:14:15 h p: m") == "2003-10-11T22:14:15.000Z");
  CHECK(utc.time_of("<13>1 2003-10-11T22:14:15.123456789012Z h p - - - m") == "2003-10-11T22:14:15.123456789Z");
  CHECK(utc.time_of("<13>1 - h p - - - m") == "2023-11-14T22:13:20.000Z");
  Syslog berlin("syslog { timezone => \"Europe/Berlin\" locale => de }");
  CHECK(berlin.time_of("<13>Jul 11 22:14:15 h p: m") == "2023-07-11T20:14:15.000Z");
  CHECK(berlin.time_of("<13>Mai 11 22:14:15 h p: m") == "2023-05-11T20:14:15.000Z");
  CHECK(berlin.time_of("<13>1 2003-10-11T22:14:15Z h p - - - m") == "2003-10-11T22:14:15.000Z");
  Syslog offset("syslog { timezone => \"-05:00\" }");
  CHECK(offset.time_of("<13>Oct 11 22:14:15 h p: m") == "2023-10-12T03:14:15.000Z");
}

TEST_CASE("syslog tags a time that cannot be, and keeps the rest", "[input][syslog]") {
  for (const char* time : {"Feb 30 22:14:15", "Oct 11 22:14:60", "Mai 11 22:14:15", "2003-02-30T22:14:15Z"}) {
    INFO(time);
    CHECK_THAT(one_event("syslog { timezone => UTC }", std::string("<13>") + time + " h p: m"),
               Contains(R"("tags":["_dateparsefailure"])") && Contains(R"("program":"p")") && Contains(time));
  }
  Syslog utc("syslog { timezone => UTC }");
  CHECK(utc.time_of("<13>Feb 30 22:14:15 h p: m") == "2023-11-14T22:13:20.000Z");
}

TEST_CASE("syslog tells the framings of RFC 6587 apart message by message", "[input][syslog][framing]") {
  Syslog syslog("syslog { }");
  const std::string line = "<13>Oct 11 22:14:15 h p: 1";
  const std::string counted = std::to_string(line.size()) + " " + line;
  const std::string all =
      counted + counted + line + "\n" + counted + line + "\r\n\n" + line + std::string("\0\n", 2) + counted;
  for (std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, all.size()}) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < all.size(); at += piece) pieces.push_back(all.substr(at, piece));
    const auto events = syslog.serve(pieces);
    INFO("pieces of " << piece);
    REQUIRE(events.size() == 7);
    for (const auto& event : events) CHECK_THAT(event, Contains(R"("message":"1")") && !Contains("tags"));
  }
}

TEST_CASE("a counted message may hold line feeds", "[input][syslog][framing]") {
  const std::string message = "<13>Oct 11 22:14:15 h p: a\nb";
  const auto events = Syslog("syslog { }").serve({std::to_string(message.size()) + " " + message + "3 <1>"});
  REQUIRE(events.size() == 2);
  CHECK_THAT(events[0], Contains(R"("message":"a\nb")"));
}

TEST_CASE("syslog takes the last line without its end, and drops a counted message that lacks some", "[input][syslog]") {
  Syslog syslog("syslog { }");
  CHECK(syslog.serve({"<13>Oct 11 22:14:15 h p: m"}).size() == 1);
  CHECK(syslog.serve({"100 <13>Oct 11 22:14:15 h p: m"}).empty());
  CHECK(syslog.harness.metrics.counter("incomplete_messages").value() == 1);
}

TEST_CASE("a message over the limit is cut, and the next one is read", "[input][syslog][framing]") {
  Syslog syslog("syslog { decode_size_limit_bytes => 40 }");
  const std::string next = "<13>Oct 11 22:14:15 h p: next\n";
  const std::string longer = "<13>Oct 11 22:14:15 h p: " + std::string(100, 'x');
  for (const std::string& stream : {longer + "\n" + next, std::to_string(longer.size()) + " " + longer + next}) {
    for (std::size_t piece : {std::size_t{1}, std::size_t{30}, stream.size()}) {
      std::vector<std::string> pieces;
      for (std::size_t at = 0; at < stream.size(); at += piece) pieces.push_back(stream.substr(at, piece));
      const auto events = syslog.serve(pieces);
      REQUIRE(events.size() == 2);
      CHECK_THAT(events[0], Contains(R"("message":"xxxxxxxxxxxxxxx")") && Contains("_line_too_long"));
      CHECK_THAT(events[1], Contains(R"("message":"next")") && !Contains("tags"));
    }
  }
  CHECK(syslog.harness.metrics.counter("messages_too_long").value() == 6);
}

TEST_CASE("syslog gives what has begun back when it is replaced", "[input][syslog][reload]") {
  for (const std::string& rest : {std::string("<13>Oct 11"), std::string("57 <13>Oct"), std::string("57")}) {
    MemoryStream stream({"<13>Oct 11 22:14:15 h p: m\n" + rest});
    stream.ends_by_rebinding = true;
    CHECK(Syslog("syslog { }").serve(stream).size() == 1);
    CHECK(stream.given_back == rest);
  }
}

TEST_CASE("syslog reads PROXY headers and refuses connections without one", "[input][syslog][proxy]") {
  Syslog syslog("syslog { proxy_protocol => true }");
  const auto events = syslog.serve({"PROXY TCP4 1.2.3.4 5.6.7.8 1234 5678\r\n" + kAsa + "\n"});
  REQUIRE(events.size() == 1);
  CHECK_THAT(events[0], Contains(R"("host":"1.2.3.4")"));
  CHECK(syslog.serve({kAsa + "\n"}).empty());
  CHECK(syslog.harness.metrics.counter("bad_proxy_headers").value() == 1);
}

TEST_CASE("syslog makes an event of each datagram and says whom it came from", "[input][syslog]") {
  Syslog syslog("syslog { type => tt }");
  const auto events = syslog.take({{"10.0.0.1", kAsa + "\n"},
                                   {"10.0.0.2", std::string("<13>Oct 11 22:14:15 h p: m\0", 27)},
                                   {"10.0.0.2", "\n"},
                                   {"10.0.0.2", ""},
                                   {"::1", "junk"}});
  REQUIRE(events.size() == 3);
  CHECK_THAT(events[0], Contains(R"("host":"10.0.0.1")") && Contains(R"("type":"tt")") && Contains("43434\""));
  CHECK_THAT(events[1], Contains(R"("host":"10.0.0.2")") && Contains(R"("message":"m")"));
  CHECK_THAT(events[2], Contains(R"("host":"::1")") && Contains("_grokparsefailure_sysloginput"));
  CHECK(syslog.harness.metrics.counter("messages_received").value() == 3);
  CHECK(syslog.harness.metrics.counter("unknown_messages").value() == 1);
}

TEST_CASE("fields that an event has already become lists, as with grok", "[input][syslog]") {
  CHECK_THAT(one_event("syslog { add_field => { \"program\" => \"mine\" } }", kAsa),
             Contains(R"("program":["mine","%ASA-4-106023"])"));
  CHECK_THAT(one_event("syslog { add_field => { \"[service][type]\" => \"mine\" } }", kAsa, EcsMode::V1),
             Contains(R"("service":{"type":"mine"})"));
}

TEST_CASE("bytes that are no UTF-8 are escaped before anything looks at them", "[input][syslog]") {
  CHECK_THAT(one_event("syslog { }", "<13>Oct 11 22:14:15 h p: \xFF"), Contains(R"("message":"\\xFF")"));
}

TEST_CASE("syslog listens on UDP and TCP", "[input][syslog]") {
  Syslog syslog("syslog { host => \"10.1.1.1\" receive_buffer_bytes => 5000 }");
  REQUIRE(syslog.endpoints.size() == 2);
  for (const Endpoint& endpoint : syslog.endpoints) {
    CHECK(endpoint.host == "10.1.1.1");
    CHECK(endpoint.port == 514);
  }
  CHECK(syslog.endpoints[1].receive_buffer_bytes == 5000);
}

TEST_CASE("syslog refuses what it cannot do", "[input][syslog]") {
  CHECK_THAT(refusals("syslog { codec => rubydebug }"), Contains("cannot read"));
  CHECK_THAT(refusals("syslog { timezone => \"Europe/Nowhere\" }"), Contains("timezone"));
  CHECK_THAT(refusals("syslog { locale => \"xx-nothing\" }"), Contains("locale"));
  CHECK_THAT(refusals("syslog { grok_pattern => \"%{NO_SUCH_PATTERN}\" }"), Contains("NO_SUCH_PATTERN"));
  CHECK_THAT(refusals("syslog { grok_pattern => \"(\" }"), Contains("grok_pattern"));
  CHECK_THAT(refusals("syslog { port => 70000 }"), Contains("70000"));
}

}  // namespace logboom
