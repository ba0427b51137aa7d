#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/support/run_filter.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

std::string date(std::string_view formats, std::string_view more = R"(timezone => "UTC")") {
  return fmt::format(R"(date {{ match => ["t", {}] target => "at" {} }})", formats, more);
}

/// What the target becomes for a text: the event without `t`.
std::string read(std::string_view formats, std::string_view text, std::string_view more = R"(timezone => "UTC")") {
  return run_filter(date(formats, fmt::format(R"({} remove_field => ["t"])", more)), fmt::format(R"({{"t":{}}})", text));
}

TEST_CASE("date sets the event's time or another field", "[filter][date]") {
  CHECK(run_filter(R"(date { match => ["t", "ISO8601"] })", R"({"t":"2014-09-23T20:34:56.789Z"})") ==
        R"({"t":"2014-09-23T20:34:56.789Z","@timestamp":"2014-09-23T20:34:56.789Z"})");
  CHECK(
      run_filter(R"(date { match => ["[a][t]", "ISO8601"] target => "[b][t]" })", R"({"a":{"t":"2014-09-23T20:34:56Z"}})") ==
      R"({"a":{"t":"2014-09-23T20:34:56Z"},"b":{"t":"2014-09-23T20:34:56.000Z"}})");
}

TEST_CASE("date tries its formats in order", "[filter][date]") {
  const std::string formats = R"("dd/MMM/yyyy:HH:mm:ss Z", "yyyy-MM-dd HH:mm:ss,SSS", "UNIX", "UNIX_MS")";
  CHECK(read(formats, R"("10/Oct/2000:13:55:36 -0700")") == R"({"at":"2000-10-10T20:55:36.000Z"})");
  CHECK(read(formats, R"("2001-02-03 04:05:06,007")") == R"({"at":"2001-02-03T04:05:06.007Z"})");
  CHECK(read(formats, "1478207457") == R"({"at":"2016-11-03T21:10:57.000Z"})");
  CHECK(read(formats, "1478207457.456") == R"({"at":"2016-11-03T21:10:57.456Z"})");
  CHECK(read(formats, R"("1478207457456")") == R"({"at":"2016-11-03T21:10:57.456Z"})");
}

TEST_CASE("date takes the zone from the text, the configuration or the event", "[filter][date]") {
  const std::string text = R"("2013 Jun 24 01:29:01")";
  CHECK(read(R"("yyyy MMM dd HH:mm:ss")", text, R"(timezone => "America/Los_Angeles")") ==
        R"({"at":"2013-06-24T08:29:01.000Z"})");
  CHECK(read(R"("yyyy MMM dd HH:mm:ss")", text, R"(timezone => "+05:30")") == R"({"at":"2013-06-23T19:59:01.000Z"})");
  CHECK(read(R"("ISO8601")", R"("2013-06-24T01:29:01+02:00")", R"(timezone => "America/Los_Angeles")") ==
        R"({"at":"2013-06-23T23:29:01.000Z"})");

  const std::string by_event = date(R"("yyyy-MM-dd HH:mm")", R"(timezone => "%{[z]}" remove_field => ["t", "z"])");
  CHECK(run_filter(by_event,
                   "{\"t\":\"2013-06-24 01:29\",\"z\":\"Europe/Paris\"}\n{\"t\":\"2013-06-24 01:29\",\"z\":\"+01\"}") ==
        "{\"at\":\"2013-06-23T23:29:00.000Z\"}\n{\"at\":\"2013-06-24T00:29:00.000Z\"}");
  CHECK(run_filter(by_event, R"({"t":"2013-06-24 01:29","z":"Nowhere/Land"})") ==
        R"({"t":"2013-06-24 01:29","z":"Nowhere/Land","tags":["_dateparsefailure"]})");
  CHECK(run_filter(by_event, R"({"t":"2013-06-24 01:29"})") == R"({"t":"2013-06-24 01:29","tags":["_dateparsefailure"]})");
}

TEST_CASE("date refuses a local time that daylight saving skips and takes the first of a repeated one", "[filter][date]") {
  const std::string zone = R"(timezone => "America/New_York")";
  CHECK_THAT(read(R"("yyyy-MM-dd HH:mm")", R"("2023-03-12 02:30")", zone), Contains("_dateparsefailure"));
  CHECK(read(R"("yyyy-MM-dd HH:mm")", R"("2023-11-05 01:30")", zone) == R"({"at":"2023-11-05T05:30:00.000Z"})");
}

TEST_CASE("date reads names in the locale", "[filter][date]") {
  CHECK(read(R"("d. MMMM yyyy")", R"("3. Mai 2021")", R"(timezone => "UTC" locale => "de")") ==
        R"({"at":"2021-05-03T00:00:00.000Z"})");
  CHECK(read(R"("d MMMM yyyy")", R"("3 August 2021")") == R"({"at":"2021-08-03T00:00:00.000Z"})");
}

TEST_CASE("date tags what it cannot read, keeps the time and does not decorate", "[filter][date]") {
  const std::string value =
      GENERATE(R"("no time")", R"("")", R"("2021-02-30")", "2021", "1.5", "true", R"({"a":1})", R"(["2021-02-03"])");
  CHECK(run_filter(date(R"("yyyy-MM-dd", "ISO8601")", R"(timezone => "UTC" add_tag => ["read"])"),
                   fmt::format(R"({{"t":{}}})", value)) == fmt::format(R"({{"t":{},"tags":["_dateparsefailure"]}})", value));
}

TEST_CASE("date tags with its own tags, and events that cannot hold the time", "[filter][date]") {
  CHECK(run_filter(R"(date { match => ["t", "ISO8601"] target => "[a][b]" tag_on_failure => ["x", "y"] })",
                   R"({"t":"2020-01-01","a":"text"})") == R"({"t":"2020-01-01","a":"text","tags":["x","y"]})");
}

TEST_CASE("date passes events without the field", "[filter][date]") {
  CHECK(run_filter(date(R"("ISO8601")", R"(add_tag => ["read"])"), "{\"a\":1}\n{\"t\":null}") == "{\"a\":1}\n{\"t\":null}");
}

TEST_CASE("date copies a time and decorates what it read", "[filter][date]") {
  CHECK(run_filter(R"(date { match => ["@timestamp", "ISO8601"] target => "t" add_tag => ["read"] })",
                   R"({"@timestamp":"2020-01-01T01:02:03.004Z"})") ==
        R"({"@timestamp":"2020-01-01T01:02:03.004Z","t":"2020-01-01T01:02:03.004Z","tags":["read"]})");
}

TEST_CASE("date refuses what it cannot work with and says where", "[filter][date]") {
  CHECK_THAT(check_config(R"(filter { date { match => ["t"] } })"), Contains("match needs a field and at least one format"));
  CHECK_THAT(check_config(R"(filter { date { match => "t" } })"), Contains("match needs a field and at least one format"));
  CHECK_THAT(check_config(R"(filter { date { } })"), Contains("needs the option \"match\""));
  CHECK_THAT(check_config(R"(filter { date { match => ["t", "yyyy-QQ", "ISO8601"] } })"), Contains("test.conf:1:32"));
  CHECK_THAT(check_config(R"(filter { date { match => ["t", "yyyy"] timezone => "Europe/Pariss" } })"),
             Contains("timezone") && Contains("Europe/Paris"));
  CHECK_THAT(check_config(R"(filter { date { match => ["t", "yyyy"] locale => "xx-klingon" } })"), Contains("locale"));
  CHECK(check_config(R"(filter { date { match => ["t", "ISO8601", "UNIX"] timezone => "%{z}" } })").empty());
}

}  // namespace
}  // namespace logboom
