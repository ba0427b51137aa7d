#include "tests/plugins/plugin_harness.h"

using namespace logboom;

TEST_CASE("json_lines makes events of lines however the stream is cut", "[codec][json_lines]") {
  const std::string text = "{\"a\":\"é\"}\r\n\n[{\"b\":1},{\"b\":2}]\nbad\n{\"c\":3}";
  const std::string expected =
      "{\"a\":\"é\"}\n{\"b\":1}\n{\"b\":2}\n{\"message\":\"bad\",\"tags\":[\"_jsonparsefailure\"]}\n{\"c\":3}";
  for (std::size_t at = 0; at <= text.size(); ++at) {
    INFO("cut at " << at);
    CHECK(CodecHarness("json_lines").decode({text.substr(0, at), text.substr(at)}) == expected);
  }
}

TEST_CASE("json_lines sets no event.original", "[codec][json_lines]") {
  CHECK(CodecHarness("json_lines", EcsMode::V1).decode({"{\"a\":1}\n"}) == "{\"a\":1}");
}

TEST_CASE("json_lines cuts and tags a line over its limit", "[codec][json_lines]") {
  CHECK(CodecHarness("json_lines { decode_size_limit_bytes => 7 }").decode({"{\"a\":12345}\n{\"a\":1}\n"}) ==
        "{\"message\":\"{\\\"a\\\":12\",\"tags\":[\"_line_too_long\"]}\n{\"a\":1}");
}

TEST_CASE("json_lines puts documents under its target", "[codec][json_lines]") {
  CHECK(CodecHarness("json_lines { target => \"d\" }").decode({"{\"a\":1}\n"}) == R"({"d":{"a":1}})");
}

TEST_CASE("json_lines writes an event and its delimiter", "[codec][json_lines]") {
  CHECK(CodecHarness("json_lines { delimiter => \";\" }").encode("{}") ==
        R"({"@timestamp":"2023-11-14T22:13:20.000Z","@version":"1"};)");
}
