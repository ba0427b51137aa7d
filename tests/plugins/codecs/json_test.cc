#include "tests/plugins/plugin_harness.h"

using namespace logboom;

TEST_CASE("json makes events of an object and of every object of an array", "[codec][json]") {
  CHECK(CodecHarness("json").decode_messages({R"({"a":1})", R"([{"a":2},{"a":3}])", "[]", "  "}) ==
        "{\"a\":1}\n{\"a\":2}\n{\"a\":3}");
}

TEST_CASE("json tags what is no object", "[codec][json]") {
  for (const std::string bad : {"{", "1", "true", "[1]", "[{},2]", "x", "{\"a\":1} 2"}) {
    CodecHarness codec("json");
    std::string expected = "{\"message\":";
    write_json_string(bad, expected);
    INFO(bad);
    CHECK(codec.decode_messages({bad}) == expected + R"(,"tags":["_jsonparsefailure"]})");
  }
}

TEST_CASE("json keeps a lone document in event.original under ECS, unless it brings that field", "[codec][json]") {
  CHECK(CodecHarness("json", EcsMode::V1).decode_messages({R"({"a":1})"}) == R"({"a":1,"event":{"original":"{\"a\":1}"}})");
  CHECK(CodecHarness("json", EcsMode::V1).decode_messages({R"({"event":{"original":"o"}})"}) ==
        R"({"event":{"original":"o"}})");
  CHECK(CodecHarness("json", EcsMode::V1).decode_messages({R"([{"a":1},{"a":2}])"}) == "{\"a\":1}\n{\"a\":2}");
}

TEST_CASE("json puts the document under its target", "[codec][json]") {
  CHECK(CodecHarness("json { target => \"[x][y]\" }").decode_messages({R"({"a":1})"}) == R"({"x":{"y":{"a":1}}})");
}

TEST_CASE("json reads other character sets", "[codec][json]") {
  CHECK(CodecHarness("json { charset => \"CP1252\" }").decode_messages({"{\"a\":\"\xE9\"}"}) == R"({"a":"é"})");
}

TEST_CASE("json moves tags and times that cannot be taken", "[codec][json]") {
  CHECK(CodecHarness("json").decode_messages({R"({"tags":1})"}) == R"({"_tags":[1],"tags":["_tagsparsefailure"]})");
}

TEST_CASE("json writes an event without a line end", "[codec][json]") {
  CHECK(CodecHarness("json").encode(R"({"a":"x/é","@metadata":{"m":1}})") ==
        R"({"a":"x/é","@timestamp":"2023-11-14T22:13:20.000Z","@version":"1"})");
}
