#include "pipeline/event/time_zone.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/event/timestamp.h"

namespace logboom {
namespace {

// Local civil time read as if it were UTC, as the zone's arithmetic wants it.
std::int64_t local(const char* text) { return parse_iso8601(text)->seconds; }

std::string to_utc(const char* zone_name, const char* local_time) {
  const TimeZone* const zone = find_zone(zone_name);
  if (zone == nullptr) return "no such zone";
  TimeZone::Stretch stretch;
  const auto seconds = zone->to_unix(local(local_time), stretch);
  return seconds ? to_iso8601({*seconds, 0}) : "skipped";
}

TEST_CASE("zones follow their daylight saving time", "[time]") {
  CHECK(to_utc("America/Los_Angeles", "2013-11-24T01:29:01") == "2013-11-24T09:29:01.000Z");
  CHECK(to_utc("America/Los_Angeles", "2013-06-24T01:29:01") == "2013-06-24T08:29:01.000Z");
  CHECK(to_utc("America/Caracas", "2007-12-09T10:00:00") == "2007-12-09T14:30:00.000Z");
  CHECK(to_utc("America/Caracas", "2016-05-01T08:18:18") == "2016-05-01T12:18:18.000Z");
  CHECK(to_utc("Asia/Kolkata", "2020-01-01T05:30:00") == "2020-01-01T00:00:00.000Z");
}

TEST_CASE("a local time that the clocks skip does not exist", "[time]") {
  CHECK(to_utc("CET", "2016-03-27T01:59:59") == "2016-03-27T00:59:59.000Z");
  CHECK(to_utc("CET", "2016-03-27T02:00:00") == "skipped");
  CHECK(to_utc("CET", "2016-03-27T02:59:59") == "skipped");
  CHECK(to_utc("CET", "2016-03-27T03:00:00") == "2016-03-27T01:00:00.000Z");
  CHECK(to_utc("Pacific/Apia", "2011-12-30T12:00:00") == "skipped");
}

TEST_CASE("a local time that occurs twice is the earlier one", "[time]") {
  CHECK(to_utc("Europe/Berlin", "2016-10-30T02:30:00") == "2016-10-30T00:30:00.000Z");
  CHECK(to_utc("America/New_York", "2023-11-05T01:30:00") == "2023-11-05T05:30:00.000Z");
}

TEST_CASE("a remembered stretch never changes the answer", "[time]") {
  for (const char* name : {"America/New_York", "Pacific/Apia", "Europe/Dublin", "Australia/Lord_Howe"}) {
    const TimeZone* const zone = find_zone(name);
    REQUIRE(zone != nullptr);
    TimeZone::Stretch kept;
    for (std::int64_t time = local("2009-12-01"); time < local("2013-02-01"); time += 1'799) {
      TimeZone::Stretch fresh;
      REQUIRE(zone->to_unix(time, kept) == zone->to_unix(time, fresh));
    }
  }
}

TEST_CASE("local time and offset are each other's inverse", "[time]") {
  const TimeZone* const zone = find_zone("Europe/London");
  REQUIRE(zone != nullptr);
  TimeZone::Stretch stretch;
  for (std::int64_t time = -5'000'000'000; time < 2'100'000'000; time += 86'399 * 7) {
    const auto back = zone->to_unix(time + zone->offset_at(time), stretch);
    REQUIRE(back.has_value());
    REQUIRE((*back == time || *back == time - 3'600));  // the earlier of an hour that occurs twice
  }
}

TEST_CASE("offsets are zones", "[time]") {
  CHECK(find_zone("+05:30")->offset_at(0) == 19'800);
  CHECK(find_zone("-0800")->offset_at(0) == -28'800);
  CHECK(find_zone("+02")->offset_at(0) == 7'200);
  CHECK(find_zone("+02") == find_zone("+0200"));
  CHECK(find_zone("-08:00")->name() == "-08:00");
  CHECK(find_zone("+00:00") == &utc_zone());
  CHECK(find_zone("Z") == &utc_zone());
  CHECK(fixed_zone(86'400) == nullptr);
  for (const char* bad :
       {"+", "+5", "+24:00", "+05:3", "+05:60", "+0530x", "", "utcc", "../etc/passwd", "Europe", "tzdata.zi"}) {
    CAPTURE(bad);
    CHECK(find_zone(bad) == nullptr);
  }
}

TEST_CASE("an unknown zone is refused with similar ids", "[time]") {
  const auto typo = resolve_zone("Europe/Berlni");
  REQUIRE_FALSE(typo.has_value());
  CHECK(typo.error().code == ErrorCode::NotFound);
  CHECK_THAT(typo.error().message, Catch::Contains("\"Europe/Berlin\""));
  CHECK_THAT(resolve_zone("america/new_york").error().message, Catch::Contains("\"America/New_York\""));
  CHECK_THAT(resolve_zone("Nowhere/Land").error().message, Catch::Contains("there is no time zone \"Nowhere/Land\""));
  CHECK_FALSE(resolve_zone(std::string(100'000, 'x')).has_value());
  REQUIRE(resolve_zone("America/New_York").has_value());
}

TEST_CASE("threads that ask for a zone get the same one", "[time]") {
  std::vector<const TimeZone*> found(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&found, i] { found[i] = find_zone("Asia/Tokyo"); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(found[0] != nullptr);
  CHECK(std::vector<const TimeZone*>(4, found[0]) == found);
}

}  // namespace
}  // namespace logboom
