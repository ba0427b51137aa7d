#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

TEST_CASE("split makes an event of each line and decorates it", "[filter][split]") {
  CHECK(run_filter(R"(split { add_field => { "f" => "%{message}" } })", R"({"message":"a\n\nb\n","k":1})") ==
        "{\"message\":\"a\",\"k\":1,\"f\":\"a\"}\n{\"message\":\"b\",\"k\":1,\"f\":\"b\"}");
}

TEST_CASE("split passes a text without terminator undecorated", "[filter][split]") {
  CHECK(run_filter(R"(split { terminator => "::" add_tag => ["t"] })", R"({"message":"a:b"})") == R"({"message":"a:b"})");
}

TEST_CASE("split makes an event of each item that is not empty", "[filter][split]") {
  CHECK(run_filter(R"(split { field => "[a][l]" })", R"({"a":{"l":[1,"",null,{"x":2}],"k":"v"}})") ==
        "{\"a\":{\"l\":1,\"k\":\"v\"}}\n{\"a\":{\"l\":{\"x\":2},\"k\":\"v\"}}");
  CHECK(run_filter(R"(split { field => "l" target => "[o][i]" })", R"({"l":["a"]})") == R"({"l":["a"],"o":{"i":"a"}})");
}

TEST_CASE("split of an empty list or text leaves nothing", "[filter][split]") {
  CHECK(run_filter(R"(split { })", "{\"message\":[]}\n{\"message\":\"\"}").empty());
}

TEST_CASE("split at a blank means any run of blanks", "[filter][split]") {
  CHECK(run_filter(R"(split { terminator => " " })", R"({"message":"  a \t b "})") ==
        "{\"message\":\"a\"}\n{\"message\":\"b\"}");
  CHECK(run_filter(R"(split { terminator => " " })", R"({"message":" a"})") == R"({"message":" a"})");
}

TEST_CASE("split tags what it cannot split", "[filter][split]") {
  CHECK(run_filter(R"(split { add_tag => ["t"] })", "{\"message\":5}\n{\"n\":1}") ==
        "{\"message\":5,\"tags\":[\"_split_type_failure\"]}\n{\"n\":1,\"tags\":[\"_split_type_failure\"]}");
}

TEST_CASE("split refuses an event whose copies would multiply its size", "[filter][split]") {
  std::string list = "[0";
  for (int i = 1; i < 5'000; ++i) list += ",1";
  list += "]";
  const std::string out =
      run_filter(R"(split { field => "a" target => "b" remove_field => ["a"] })", "{\"a\":" + list + "}");
  CHECK(out == "{\"a\":" + list + ",\"tags\":[\"_split_type_failure\"]}");
  const std::string split = run_filter(R"(split { field => "a" })", "{\"a\":" + list + "}");
  CHECK(std::count(split.begin(), split.end(), '{') == 5'000);
}

}  // namespace
}  // namespace logboom
