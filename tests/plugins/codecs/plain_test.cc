#include "tests/plugins/plugin_harness.h"

using namespace logboom;

TEST_CASE("plain makes one event of a message, line breaks and all", "[codec][plain]") {
  CHECK(CodecHarness("plain").decode_messages({"a\nb\r\n", ""}) == R"({"message":"a\nb\r\n"})"
                                                                   "\n"
                                                                   R"({"message":""})");
}

TEST_CASE("plain keeps the text in event.original under ECS alone", "[codec][plain]") {
  CHECK(CodecHarness("plain", EcsMode::V1).decode_messages({"x"}) == R"({"message":"x","event":{"original":"x"}})");
}

TEST_CASE("plain writes bytes that are not UTF-8 as hexadecimal escapes and counts them", "[codec][plain]") {
  CodecHarness codec("plain");
  CHECK(codec.decode_messages({"caf\xE9 \xFF!"}) == R"({"message":"caf\\xE9 \\xFF!"})");
  bool is_counted = false;
  for (const auto& sample : codec.metrics.samples())
    if (sample.path.find("invalid_texts") != std::string::npos) is_counted = sample.value == 1;
  CHECK(is_counted);
}

TEST_CASE("plain keeps NUL bytes", "[codec][plain]") {
  CHECK(CodecHarness("plain").decode_messages({std::string("a\0b", 3)}) == R"({"message":"a\u0000b"})");
}

TEST_CASE("plain converts other character sets", "[codec][plain]") {
  CHECK(CodecHarness(R"(plain { charset => "ISO-8859-1" })").decode_messages({"caf\xE9"}) == R"({"message":"café"})");
  CHECK(CodecHarness(R"(plain { charset => "CP1252" })").decode_messages({"\x80"}) == R"({"message":"€"})");
  CHECK(CodecHarness(R"(plain { charset => "UTF-16LE" })").decode_messages({std::string("a\0\xAC\x20", 4)}) ==
        R"({"message":"a€"})");
  CHECK(CodecHarness(R"(plain { charset => "UTF-16" })").decode_messages({std::string("\xFE\xFF\0a", 4)}) ==
        R"({"message":"a"})");
  CHECK(CodecHarness(R"(plain { charset => "Shift_JIS" })").decode_messages({"\x93\xFA"}) == R"({"message":"日"})");
  CHECK(CodecHarness(R"(plain { charset => "US-ASCII" })").decode_messages({"a\xFF"}) == "{\"message\":\"a\xEF\xBF\xBD\"}");
}

TEST_CASE("a character set that nobody knows refuses the configuration", "[codec][plain]") {
  CodecHarness codec(R"(plain { charset => "NOPE-8" })");
  CHECK(codec.codec == nullptr);
  CHECK(codec.diagnostics.render().find("NOPE-8") != std::string::npos);
}

TEST_CASE("plain writes time, host and message, or its format", "[codec][plain]") {
  CHECK(CodecHarness("plain").encode(R"({"message":"m","host":"h"})") == "2023-11-14T22:13:20.000Z h m");
  CHECK(CodecHarness("plain").encode("{}") == "2023-11-14T22:13:20.000Z %{host} %{message}");
  CHECK(CodecHarness(R"(plain { format => "<%{a}>" })").encode(R"({"a":1})") == "<1>");
}
