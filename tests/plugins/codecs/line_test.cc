#include "tests/plugins/plugin_harness.h"

using namespace logboom;

namespace {
std::string messages(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    out += out.empty() ? "" : "\n";
    out += "{\"message\":";
    write_json_string(text, out);
    out += "}";
  }
  return out;
}
}  // namespace

TEST_CASE("line makes an event of every line, also of empty ones and of the last without a delimiter", "[codec][line]") {
  CHECK(CodecHarness("line").decode({"a\n\nb\r\nc"}) == messages({"a", "", "b\r", "c"}));
  CHECK(CodecHarness("line").decode({"a\n"}) == messages({"a"}));
  CHECK(CodecHarness("line").decode({}).empty());
}

TEST_CASE("line gives the same events however the stream is cut", "[codec][line]") {
  const std::string text = "first\nsecond \xC3\xA9\n\nfourth||fifth|\n|sixth\xFF\nlast";
  for (const std::string codec : {"line", "line { delimiter => \"||\" }", "line { delimiter => \"h\" }"}) {
    const std::string whole = CodecHarness(codec).decode({text});
    for (std::size_t first = 0; first <= text.size(); ++first)
      for (std::size_t second = first; second <= text.size(); ++second) {
        INFO(codec << " cut at " << first << " and " << second);
        REQUIRE(CodecHarness(codec).decode(
                    {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) == whole);
      }
  }
}

TEST_CASE("line finds a delimiter of several bytes as a reader from the front does", "[codec][line]") {
  CHECK(CodecHarness("line { delimiter => \"aa\" }").decode({"xaaay"}) == messages({"x", "ay"}));
}

TEST_CASE("line cuts what is longer than its limit, tags it and goes on behind it", "[codec][line]") {
  const std::string limited = "line { decode_size_limit_bytes => 4 }";
  const std::string cut = R"({"message":"1234","tags":["_line_too_long"]})";
  CHECK(CodecHarness(limited).decode({"12345678\nok\n"}) == cut + "\n" + messages({"ok"}));
  for (std::size_t at = 0; at <= 11; ++at) {
    const std::string text = "12345678\nok\n";
    INFO("cut at " << at);
    CHECK(CodecHarness(limited).decode({text.substr(0, at), text.substr(at)}) == cut + "\n" + messages({"ok"}));
  }
  CHECK(CodecHarness(limited).decode({"1234\n"}) == messages({"1234"}));
}

TEST_CASE("line holds no more than its limit of an endless line", "[codec][line]") {
  CodecHarness codec("line { decode_size_limit_bytes => 1000 }");
  std::size_t most = 0;
  std::size_t events = 0;
  for (int i = 0; i < 1000; ++i) {
    Chunk chunk(Buffer::copy_of(std::string(500, 'x')), Timestamp{});
    codec.decoder().decode(chunk.received().view(), chunk);
    events += chunk.events().size();
    most = std::max(most, codec.decoder().held_bytes());
  }
  CHECK(events == 1);
  CHECK(most <= 1500);
}

TEST_CASE("a line ends at 64 MiB when nothing else is said, of JSON too", "[codec][line]") {
  const std::string mebibyte(1024 * 1024, 'x');
  std::vector<std::string> pieces(64, mebibyte);
  pieces.emplace_back("y\n{\"message\":\"next\"}\n");
  const std::string lines = CodecHarness("line").decode(pieces);
  CHECK(lines.find("y") == std::string::npos);
  CHECK(lines.find("\"tags\":[\"_line_too_long\"]") != std::string::npos);
  const std::string documents = CodecHarness("json_lines").decode(pieces);
  CHECK(documents.find("_line_too_long") != std::string::npos);
  CHECK(documents.find("\n{\"message\":\"next\"}") != std::string::npos);
}

TEST_CASE("line finds line ends in UTF-16, whatever the pieces", "[codec][line]") {
  const std::string text(
      "\xFF\xFE"
      "a\0\n\0"
      "\x0A\x01"
      "b\0\n\0"
      "c\0",
      14);  // U+010A holds the byte of a line feed
  for (std::size_t at = 0; at <= text.size(); ++at) {
    INFO("cut at " << at);
    CHECK(CodecHarness("line { charset => \"UTF-16\" }").decode({text.substr(0, at), text.substr(at)}) ==
          messages({"a", "Ċb", "c"}));
  }
}

TEST_CASE("line keeps each text in event.original under ECS", "[codec][line]") {
  CHECK(CodecHarness("line", EcsMode::V1).decode({"x\n"}) == R"({"message":"x","event":{"original":"x"}})");
}

TEST_CASE("line gives an unfinished line back as it came", "[codec][line]") {
  CodecHarness codec("line");
  CHECK(codec.decode({"a\nb\xFF"}, false) == messages({"a"}));
  CHECK(codec.decoder().held_bytes() == 2);
  CHECK(codec.decoder().take_unfinished() == "b\xFF");
  CHECK(codec.decoder().held_bytes() == 0);
}

TEST_CASE("line refuses an empty delimiter", "[codec][line]") {
  CHECK(CodecHarness("line { delimiter => \"\" }").codec == nullptr);
}

TEST_CASE("line writes its format and the delimiter", "[codec][line]") {
  CHECK(CodecHarness(R"(line { format => "%{a}" delimiter => ";" })").encode(R"({"a":"x"})") == "x;");
  CHECK(CodecHarness("line").encode(R"({"message":"m","host":"h"})") == "2023-11-14T22:13:20.000Z h m\n");
}
