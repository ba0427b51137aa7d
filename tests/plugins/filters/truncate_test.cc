#include <catch2/catch.hpp>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

TEST_CASE("truncate never cuts inside a code point", "[filter][truncate]") {
  CHECK(run_filter("truncate { length_bytes => 4 }", R"({"message":"aä€"})") == R"({"message":"aä"})");  // 1+2+3 bytes
  CHECK(run_filter("truncate { length_bytes => 2 }", R"({"message":"€€"})") == R"({"message":""})");
}

TEST_CASE("truncate cuts the named fields, their lists and members", "[filter][truncate]") {
  CHECK(run_filter(R"(truncate { length_bytes => 2 fields => ["a", "[o]", "none"] add_tag => ["cut"] })",
                   R"({"a":["abc",1234,{"k":"long"}],"b":"long","o":{"p":{"q":"long"}}})") ==
        R"({"a":["ab",1234,{"k":"long"}],"b":"long","o":{"p":{"q":"lo"}},"tags":["cut"]})");
}

TEST_CASE("truncate decorates only events that it cut", "[filter][truncate]") {
  CHECK(run_filter(R"(truncate { length_bytes => 5 add_tag => ["cut"] })", R"({"a":"12345"})") == R"({"a":"12345"})");
}

TEST_CASE("truncate reports every bad option at once", "[filter][truncate]") {
  const auto errors = check_config(R"(filter { truncate { feilds => ["m"] length_bytes => 0 } })");
  CHECK_THAT(errors, Contains("no option \"feilds\"") && Contains("0 is below the minimum 1"));
}

}  // namespace
}  // namespace logboom
