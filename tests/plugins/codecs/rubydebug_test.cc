#include "tests/plugins/plugin_harness.h"

using namespace logboom;

TEST_CASE("rubydebug aligns names, indents what is nested and writes values as Ruby does", "[codec][rubydebug]") {
  CHECK(
      CodecHarness("rubydebug")
          .encode(R"({"message":"he\"y\n#{x}\u0001","n":1.5,"no":null,"host":{"x":"é"},"tags":["a","b"],"e":{},"l":[]})") ==
      R"({
       "message" => "he\"y\n\#{x}\u0001",
             "n" => 1.5,
            "no" => nil,
          "host" => {
        "x" => "é"
    },
          "tags" => [
        [0] "a",
        [1] "b"
    ],
             "e" => {},
             "l" => [],
    "@timestamp" => 2023-11-14T22:13:20.000Z,
      "@version" => "1"
}
)");
}

TEST_CASE("rubydebug shows metadata only when asked", "[codec][rubydebug]") {
  const std::string event = R"({"@timestamp":"2023-11-14T22:13:20Z","@version":"1","@metadata":{"k":true}})";
  CHECK(CodecHarness("rubydebug").encode(event).find("metadata") == std::string::npos);
  CHECK(CodecHarness("rubydebug { metadata => true }").encode(event) == R"({
    "@timestamp" => 2023-11-14T22:13:20.000Z,
      "@version" => "1",
     "@metadata" => {
        "k" => true
    }
}
)");
}
