// What a Beat is told, and when: windows, partial acknowledgements, keep-alives, backpressure, reload.
#include "tests/plugins/inputs/beats_conversation.h"

namespace logboom::beats_test {
namespace {

std::vector<std::string> numbers(std::uint32_t first, std::uint32_t last) {
  std::vector<std::string> out;
  for (std::uint32_t i = first; i <= last; ++i) out.push_back("{\"n\":" + std::to_string(i) + "}");
  return out;
}

constexpr std::string_view kBare = "beats { enrich => none }";

}  // namespace

TEST_CASE("a window is acknowledged when all of it is safe", "[input][beats][ack]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.times().partial_every = std::chrono::hours(1);
  talk.peer.send(numbered_window(3));
  talk.start();
  talk.until([&] { return talk.sink.held.size() == 1; });
  talk.sink.complete(0, 2);
  talk.until_heard();
  CHECK(talk.peer.written.empty());
  talk.sink.held[0]->token().complete(2);
  talk.until_acks("2:3");
  CHECK(talk.sink.lines == numbers(1, 3));
  CHECK(talk.counter("acknowledgements") == 1);
}

TEST_CASE("the same frames give the same events and acknowledgements however they are cut", "[input][beats]") {
  const std::string all = numbered_window(2) + window(3) + compressed(json(1, "{\"n\":3}") + json(2, "{\"n\":4}")) +
                          json(3, "{\"n\":5}") + compressed(window(1) + json(1, "{\"n\":6}")) + window(1, '1') +
                          data(9, {{"n", "7"}}) + window(0);
  Conversation whole(kBare);
  const std::string acks = whole.say({all});
  CHECK(acks == "2:2 2:3 2:1 1:9 2:0");
  CHECK(whole.sink.lines.size() == 7);
  for (std::size_t at = 1; at < all.size(); ++at) {
    Conversation parts(kBare);
    const std::string told = parts.say({all.substr(0, at), all.substr(at)});
    INFO(at);
    // What was told of a part does not count: it is told again with the rest.
    CHECK(told.substr(told.size() - std::min(told.size(), std::size_t{7})) == "1:9 2:0");
    CHECK(parts.sink.lines == whole.sink.lines);
  }
  std::vector<std::string> bytes;
  for (const char byte : all) bytes.emplace_back(1, byte);
  Conversation trickle(kBare);
  trickle.say(bytes);
  CHECK(trickle.sink.lines == whole.sink.lines);
}

TEST_CASE("windows under way are acknowledged in order, whichever is safe first", "[input][beats][ack]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.times().partial_every = std::chrono::hours(1);
  talk.peer.send(numbered_window(2) + numbered_window(3, 3) + numbered_window(1, 6));
  talk.start();
  talk.until([&] { return talk.sink.held.size() == 3; });
  talk.sink.complete(1);
  talk.sink.complete(2);
  talk.until_heard();
  CHECK(talk.peer.written.empty());
  talk.sink.complete(0);
  talk.until_acks("2:2 2:3 2:1");
}

TEST_CASE("a part of a window is acknowledged as it becomes safe, in order", "[input][beats][ack]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.times().keep_alive_after = std::chrono::hours(1);
  talk.peer.send(numbered_window(5));
  talk.start();
  talk.until([&] { return talk.sink.held.size() == 1; });
  talk.sink.held[0]->token().complete(1);  // not the first: nothing to tell yet
  talk.sink.held[0]->token().complete(3);
  talk.sink.held[0]->token().complete(0);
  talk.until_acks("2:2");
  talk.sink.held[0]->token().complete(2);
  talk.until_acks("2:2 2:4");
  talk.sink.held[0]->token().complete(4);
  talk.until_acks("2:2 2:4 2:5");
  CHECK(talk.counter("partial_acknowledgements") == 2);
}

TEST_CASE("a blocked sender hears keep-alives that repeat what its window was told", "[input][beats][ack]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.peer.send(numbered_window(1) + numbered_window(3));
  talk.start();
  talk.until([&] { return talk.sink.held.size() == 2; });
  talk.until_acks("2:0");
  talk.until_acks("2:0 2:0");
  talk.peer.written.clear();
  talk.sink.complete(0);
  talk.until_acks("2:1 2:0");  // not 1 again: that would acknowledge an event of the second window
  talk.peer.written.clear();
  talk.sink.complete(1, 2);
  talk.until_acks("2:2 2:2");
  CHECK(talk.counter("keep_alives") >= 4);
}

TEST_CASE("a sender of version 1 is told nothing before its window is complete", "[input][beats][ack][v1]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.peer.send(window(2, '1') + data(11, {{"line", "a"}}));
  talk.peer.send(data(12, {{"line", "b"}}) + numbered_window(1));
  talk.start();
  talk.until([&] { return talk.sink.held.size() == 3; });
  talk.sink.complete(0);
  talk.sink.complete(2);
  talk.until_heard();
  CHECK(talk.peer.written.empty());
  talk.sink.complete(1);
  talk.until_acks("1:12 2:1");
}

TEST_CASE("while the queue is full the socket is not read, and keep-alives go on", "[input][beats][backpressure]") {
  Conversation talk(kBare);
  talk.sink.is_full = true;
  talk.peer.send(numbered_window(2));
  talk.start();
  talk.until_acks("2:0");
  talk.peer.send(numbered_window(2, 3));
  talk.peer.written.clear();
  talk.until_acks("2:0");
  CHECK_FALSE(talk.peer.is_heard());
  talk.peer.written.clear();
  talk.times().keep_alive_after = std::chrono::hours(1);
  talk.sink.make_room();
  talk.until_acks("2:2 2:2");
  CHECK(talk.sink.lines == numbers(1, 4));
}

TEST_CASE("a window that is given up closes the connection without an answer", "[input][beats][ack]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.times().keep_alive_after = std::chrono::hours(1);
  talk.peer.send(numbered_window(1) + numbered_window(2) + numbered_window(3));
  talk.start();
  talk.until([&] { return talk.sink.held.size() == 3; });
  talk.sink.complete(0);
  talk.sink.complete(2);
  talk.sink.held[1].reset();  // its token tells that nobody will finish it
  talk.until_over();
  CHECK(acks_in(talk.peer.written) == "2:1");
  CHECK(talk.peer.has_reading_ended);
  CHECK(talk.counter("not_delivered") == 1);
}

TEST_CASE("a pipeline that stops answers what it took and refuses the rest", "[input][beats][ack]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.times().keep_alive_after = std::chrono::hours(1);
  talk.peer.send(numbered_window(2));
  talk.start();
  talk.until([&] { return talk.sink.held.size() == 1; });
  talk.sink.stops = true;
  talk.peer.send(numbered_window(2));
  talk.until_heard();
  CHECK_FALSE(talk.is_over);
  talk.sink.complete(0);
  talk.until_over();
  CHECK(acks_in(talk.peer.written) == "2:2");
}

TEST_CASE("a sender that leaves inside a window is told how far it came", "[input][beats][ack]") {
  Conversation talk(kBare);
  CHECK(talk.say({window(5) + json(1, "{\"n\":1}") + json(2, "{\"n\":2}") + "2J\0\0"}) == "2:2");
  CHECK(talk.sink.lines == numbers(1, 2));
}

TEST_CASE("a sender that is gone does not keep its session", "[input][beats][ack]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.peer.refuses_writes = true;
  talk.peer.send(numbered_window(2));
  talk.start();
  talk.until_over();  // the first keep-alive finds out
  talk.sink.complete(0);
}

TEST_CASE("a window that another one cuts short is acknowledged up to where it came", "[input][beats][ack]") {
  Conversation talk(kBare);
  CHECK(talk.say({window(5) + json(1, "{\"n\":1}") + json(2, "{\"n\":2}") + numbered_window(1, 3)}) == "2:2 2:1");
  CHECK(talk.counter("unfinished_windows") == 1);
  Conversation later(kBare);
  later.times().partial_every = std::chrono::hours(1);
  CHECK(later.say({window(5, '1') + data(1, {{"n", "1"}}), window(1, '1') + data(2, {{"n", "2"}})}) == "1:1 1:2");
}

TEST_CASE("a sender may go on without announcing a window of the same size again", "[input][beats]") {
  Conversation talk(kBare);
  CHECK(talk.say({window(2) + json(1, "{\"n\":1}") + json(2, "{\"n\":2}") + json(3, "{\"n\":3}") + json(4, "{\"n\":4}")}) ==
        "2:2 2:4");
}

TEST_CASE("events that a codec makes or drops are not sequence numbers", "[input][beats][ack][codec]") {
  Conversation talk("beats { codec => json enrich => none }");
  talk.sink.completes_at_once = false;
  talk.times().keep_alive_after = std::chrono::hours(1);
  talk.peer.send(window(4) + json(1, R"({"message":"[{},{}]"})") + json(2, R"({"message":"[]"})") +
                 json(3, R"({"message":"{}"})") + json(4, R"({"message":"{}"})"));
  talk.start();
  talk.until([&] { return talk.sink.held.size() == 1; });
  REQUIRE(talk.sink.held[0]->events().size() == 4);
  talk.sink.held[0]->token().complete(0);  // half of frame 1
  talk.until_heard();
  CHECK(talk.peer.written.empty());
  talk.sink.held[0]->token().complete(1);
  talk.until_acks("2:2");
  talk.sink.held[0]->token().complete(2);
  talk.until_acks("2:2 2:3");
  talk.sink.held[0]->token().complete(3);
  talk.until_acks("2:2 2:3 2:4");
  Conversation nothing("beats { codec => json enrich => none }");
  CHECK(nothing.say({window(1) + json(1, R"({"message":"[]"})")}) == "2:1");
}

TEST_CASE("a reload hands a begun window on, and answers what was read before", "[input][beats][reload]") {
  const std::string frames = numbered_window(4);
  const std::size_t after_two = window(4).size() + 2 * json(1, "{\"n\":1}").size();
  for (std::size_t at = after_two; at < after_two + json(3, "{\"n\":3}").size(); ++at) {
    INFO(at);
    Conversation talk(kBare);
    talk.sink.completes_at_once = false;
    talk.times().partial_every = std::chrono::hours(1);
    talk.peer.send(frames.substr(0, at));
    talk.start();
    talk.until([&] { return talk.sink.held.size() == 1; });
    talk.peer.rebind();
    talk.until_heard();
    CHECK_FALSE(talk.is_over);  // two events are not answered yet
    talk.sink.complete(0);
    talk.until_over();
    CHECK(acks_in(talk.peer.written) == "2:2");
    CHECK(talk.peer.given_back == window(2) + frames.substr(after_two, at - after_two));
    talk.peer.adopt();
    talk.peer.send(frames.substr(at));
    talk.peer.finish();
    talk.sink.completes_at_once = true;
    talk.start();
    talk.until_over();
    CHECK(acks_in(talk.peer.written) == "2:2 2:4");
    CHECK(talk.sink.lines == numbers(1, 4));
  }
}

TEST_CASE("a reload between windows gives nothing back", "[input][beats][reload]") {
  Conversation talk(kBare);
  talk.peer.send(numbered_window(2));
  talk.start();
  talk.until_acks("2:2");
  talk.peer.rebind();
  talk.until_over();
  CHECK(talk.peer.given_back.empty());
  CHECK(talk.peer.is_rebinding());
}

TEST_CASE("a silent connection is closed, unless it waits for an answer", "[input][beats]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.times().inactivity = std::chrono::milliseconds(1);
  talk.peer.send(numbered_window(1));
  talk.start();
  talk.until_acks("2:0");
  talk.until_acks("2:0 2:0");
  CHECK_FALSE(talk.is_over);
  talk.sink.complete(0);
  talk.until_over();
  CHECK(talk.counter("inactive_closed") == 1);
}

TEST_CASE("what a connection has under way is bounded", "[input][beats][backpressure]") {
  Conversation talk(kBare);
  talk.sink.completes_at_once = false;
  talk.times().keep_alive_after = std::chrono::hours(1);
  std::string all;
  constexpr std::uint32_t kWindows = 2000;
  for (std::uint32_t i = 0; i < kWindows; ++i) all += numbered_window(1, i);
  talk.peer.send(all);
  talk.start();
  talk.until_heard();
  const std::size_t held = talk.sink.held.size();
  CHECK(held < kWindows);
  std::size_t done = 0;
  while (done < kWindows) {
    talk.until([&] { return talk.sink.held.size() > done; });
    for (; done < talk.sink.held.size(); ++done) talk.sink.complete(done);
  }
  talk.until([&] { return talk.peer.written.size() == kWindows * 6; });
  CHECK(talk.sink.lines == numbers(0, kWindows - 1));
}

}  // namespace logboom::beats_test
