#include <catch2/catch.hpp>

#include "tests/support/run_filter.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
constexpr RunFilterOptions kLegacy{EcsMode::Disabled, true};

}  // namespace

TEST_CASE("syslog_pri takes a priority apart and names its parts", "[filter][syslog_pri]") {
  CHECK(
      run_filter("syslog_pri { }", R"({"syslog_pri":"165"})", kLegacy) ==
      R"({"syslog_pri":"165","syslog_severity_code":5,"syslog_facility_code":20,"syslog_facility":"local4","syslog_severity":"notice"})");
  CHECK(
      run_filter("syslog_pri { }", R"({"log":{"syslog":{"priority":34}}})") ==
      R"({"log":{"syslog":{"priority":34,"severity":{"code":2,"name":"critical"},"facility":{"code":4,"name":"security/authorization"}}}})");
}

TEST_CASE("syslog_pri takes user.notice for an event without a priority", "[filter][syslog_pri]") {
  CHECK(
      run_filter("syslog_pri { }", R"({"a":1})", kLegacy) ==
      R"({"a":1,"syslog_severity_code":5,"syslog_facility_code":1,"syslog_facility":"user-level","syslog_severity":"notice"})");
}

TEST_CASE("syslog_pri reads numbers, texts and the first item of lists", "[filter][syslog_pri]") {
  for (const char* value : {"13", "\"13\"", "13.9", "\" 13x\"", "[13, 99]", "[\"13\"]"}) {
    INFO(value);
    CHECK_THAT(run_filter("syslog_pri { use_labels => false }", std::string(R"({"syslog_pri":)") + value + "}", kLegacy),
               Contains(R"("syslog_severity_code":5,"syslog_facility_code":1})"));
  }
  CHECK_THAT(run_filter("syslog_pri { use_labels => false }", R"({"syslog_pri":"junk"})", kLegacy),
             Contains(R"("syslog_severity_code":0,"syslog_facility_code":0})"));
}

TEST_CASE("syslog_pri tags a facility without a name and sets no names", "[filter][syslog_pri]") {
  CHECK(
      run_filter("syslog_pri { add_field => { \"x\" => \"y\" } }", R"({"syslog_pri":193})", kLegacy) ==
      R"({"syslog_pri":193,"syslog_severity_code":1,"syslog_facility_code":24,"tags":["_syslogpriparsefailure"],"x":"y"})");
  CHECK_THAT(run_filter("syslog_pri { use_labels => false }", R"({"syslog_pri":193})", kLegacy), !Contains("tags"));
  CHECK_THAT(run_filter("syslog_pri { }", R"({"syslog_pri":-1})", kLegacy), Contains("_syslogpriparsefailure"));
}

TEST_CASE("syslog_pri uses the field and the names that are given", "[filter][syslog_pri]") {
  CHECK(run_filter(
            R"(syslog_pri { syslog_pri_field_name => "[p]" facility_labels => ["k", "u"] severity_labels => ["only"] })",
            R"({"p":8})", kLegacy) ==
        R"({"p":8,"syslog_severity_code":0,"syslog_facility_code":1,"syslog_facility":"u","syslog_severity":"only"})");
}

}  // namespace logboom
