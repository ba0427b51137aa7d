#include <catch2/catch.hpp>
#include <string>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

TEST_CASE("json sets members as fields, names read as references", "[filter][json]") {
  CHECK(run_filter(R"(json { source => "m" remove_field => ["m"] })",
                   R"({"m":"{\"a\":1,\"[b][c]\":[true,null],\"\":\"x\"}"})") == R"({"a":1,"b":{"c":[true,null]},"":"x"})");
  CHECK(run_filter(R"(json { source => "m" })", R"({"m":"{\"m\":\"inner\",\"a\":2}","a":1})") == R"({"m":"inner","a":2})");
}

TEST_CASE("json puts any document below a target", "[filter][json]") {
  CHECK(run_filter(R"(json { source => "m" target => "[d][e]" remove_field => ["m"] })",
                   "{\"m\":\"[1,{\\\"k]\\\":2}]\"}\n{\"m\":\"42\"}\n{\"m\":\"\"}") ==
        "{\"d\":{\"e\":[1,{\"k]\":2}]}}\n{\"d\":{\"e\":42}}\n{\"d\":{\"e\":null}}");
}

TEST_CASE("json tags text that is no object and decorates nothing then", "[filter][json]") {
  for (const char* text : {"plain", "", "42", "[1]", R"({\"a\":)"}) {
    INFO(text);
    const std::string event = std::string(R"({"m":")") + text + R"("})";
    CHECK_THAT(run_filter(R"(json { source => "m" add_tag => ["ok"] })", event),
               Contains(R"("tags":["_jsonparsefailure"])"));
  }
  CHECK(run_filter(R"(json { source => "m" tag_on_failure => ["x", "y"] })", R"({"m":7})") == R"({"m":7,"tags":["x","y"]})");
  CHECK(run_filter(R"(json { source => "none" add_tag => ["ok"] })", R"({"m":"{}"})") == R"({"m":"{}"})");
}

TEST_CASE("json skips invalid text silently when asked to", "[filter][json]") {
  CHECK(run_filter(R"(json { source => "m" skip_on_invalid_json => true add_tag => ["ok"] })", R"({"m":"plain"})") ==
        R"({"m":"plain"})");
}

TEST_CASE("json refuses names and tags that the event cannot hold", "[filter][json]") {
  CHECK_THAT(run_filter(R"(json { source => "m" })", R"({"m":"{\"a[b\":1}"})"), Contains("_jsonparsefailure"));
  CHECK_THAT(run_filter(R"(json { source => "m" })", R"({"m":"{\"tags\":{\"a\":1}}"})"),
             Contains(R"("tags":["_jsonparsefailure"])"));
}

TEST_CASE("json takes over a time that it can read and keeps one that it cannot", "[filter][json]") {
  CHECK_THAT(
      run_filter(R"(json { source => "m" remove_field => ["m"] })", R"({"m":"{\"@timestamp\":\"2020-01-02T03:04:05Z\"}"})"),
      Contains(R"("@timestamp":"2020-01-02T03:04:05.000Z")"));
  CHECK_THAT(run_filter(R"(json { source => "m" remove_field => ["m"] })", R"({"m":"{\"@timestamp\":[1,2]}"})"),
             Contains(R"("tags":["_timestampparsefailure"])") && Contains(R"("_@timestamp":"1,2")"));
}

TEST_CASE("json keeps the digits of large numbers", "[filter][json]") {
  CHECK(run_filter(R"(json { source => "m" remove_field => ["m"] })", R"({"m":"{\"n\":123456789012345678901234567890}"})") ==
        R"({"n":123456789012345678901234567890})");
}

TEST_CASE("json needs a source and a target that is a reference", "[filter][json]") {
  CHECK_THAT(check_config(R"(filter { json { } })"), Contains("needs the option \"source\""));
  CHECK_THAT(check_config(R"(filter { json { source => "m" target => "][a" } })"), Contains("is not a field reference"));
}

}  // namespace
}  // namespace logboom
