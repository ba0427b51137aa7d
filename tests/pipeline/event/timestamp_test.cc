#include "pipeline/event/timestamp.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <string_view>

namespace logboom {
namespace {

class StoppedClock final : public Clock {
 public:
  std::int64_t wall_nanoseconds() const override { return 1'356'138'046'767'000'001; }
  std::chrono::steady_clock::time_point steady_now() const override { return {}; }
};

std::string reprint(std::string_view text) {
  const auto time = parse_iso8601(text);
  return time ? to_iso8601(*time) : "refused";
}

TEST_CASE("a timestamp reads every form that an event's @timestamp may have", "[timestamp]") {
  const auto [text, printed] = GENERATE(table<const char*, const char*>({
      {"2014-09-23T12:34:56.789-0800", "2014-09-23T20:34:56.789Z"},
      {"2014-09-23T12:34:56.000000000-0800", "2014-09-23T20:34:56.000Z"},
      {"2014-09-23-08:00", "2014-09-23T08:00:00.000Z"},
      {"2014-09-23T13:49:52.987654321Z", "2014-09-23T13:49:52.987654321Z"},
      {"2014-09-23T13:49:52+02:00", "2014-09-23T11:49:52.000Z"},
      {"2014-09-23T13:49:52+02", "2014-09-23T11:49:52.000Z"},
      {"2014-09-23T13:49Z", "2014-09-23T13:49:00.000Z"},
      {"2014-09-23T13:49", "2014-09-23T13:49:00.000Z"},
      {"2014-09-23", "2014-09-23T00:00:00.000Z"},
      {"2014-09-23t13:49:52,5z", "2014-09-23T13:49:52.500Z"},
      {"2014-09-23T13:49:52.000001Z", "2014-09-23T13:49:52.000001Z"},
      {"2014-09-23T13:49:52.000000001Z", "2014-09-23T13:49:52.000000001Z"},
      {"2012-02-29T00:00:00Z", "2012-02-29T00:00:00.000Z"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
      {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"},
      {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"},
      {"2015-12-31T23:59:59-00:01", "2016-01-01T00:00:59.000Z"},
  }));
  CAPTURE(text);
  CHECK(reprint(text) == printed);
}

TEST_CASE("a timestamp refuses what is not a whole and existing instant", "[timestamp]") {
  const auto text =
      GENERATE("", "not a time", "2014", "2014-09", "2014-9-23", "2014-02-29", "2014-13-01", "2014-00-01", "2014-01-00",
               "2014-09-31", "2014-09-23T", "2014-09-23T13", "2014-09-23T13:4", "2014-09-23T24:00:00Z",
               "2014-09-23T13:60:00Z", "2014-09-23T13:49:60Z", "2014-09-23T13:49:52.", "2014-09-23T13:49:52.Z",
               "2014-09-23T13:49:52.1234567890Z", "2014-09-23T13:49:52Zz", "2014-09-23T13:49:52 Z", " 2014-09-23",
               "2014-09-23T13:49:52+", "2014-09-23T13:49:52+2", "2014-09-23T13:49:52+24:00", "2014-09-23T13:49:52+02:6",
               "2014-09-23T13:49:52+02:60", "2014-09-23 13:49:52", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
               "9999-12-31T23:59:59-00:01", "20140923T134952Z", "2014-09-23T13:49:5xZ", "1432854125");
  CAPTURE(text);
  CHECK_FALSE(parse_iso8601(text).has_value());
}

TEST_CASE("the text of a timestamp reads back as the same instant", "[timestamp]") {
  std::mt19937_64 random(20260101);
  std::uniform_int_distribution<std::int64_t> seconds(Timestamp::kMinSeconds, Timestamp::kMaxSeconds);
  for (int i = 0; i < 20'000; ++i) {
    Timestamp time{seconds(random), static_cast<std::uint32_t>(random() % 1'000'000'000)};
    if (i % 3 == 0) time.nanoseconds -= time.nanoseconds % 1'000;
    if (i % 3 == 1) time.nanoseconds -= time.nanoseconds % 1'000'000;
    const std::string text = to_iso8601(time);
    REQUIRE(text.size() <= (i % 3 == 0 ? 27U : i % 3 == 1 ? 24U : kMaxIso8601Bytes));
    REQUIRE(parse_iso8601(text) == time);
  }
}

TEST_CASE("timestamps order by time and print clamped to the years 1 to 9999", "[timestamp]") {
  CHECK(Timestamp{1, 999'999'999} < Timestamp{2, 0});
  CHECK(Timestamp{-1, 5} < Timestamp{-1, 6});
  CHECK(Timestamp{7, 7} == Timestamp{7, 7});
  CHECK(to_iso8601({INT64_MIN, 5}) == "0001-01-01T00:00:00.000Z");
  CHECK(to_iso8601({INT64_MAX, 5}) == "9999-12-31T23:59:59.999999999Z");
  CHECK(to_iso8601({0, UINT32_MAX}) == "1970-01-01T00:00:00.999999999Z");
  CHECK_FALSE(Timestamp{0, 1'000'000'000}.is_valid());
}

TEST_CASE("a timestamp takes the clock's nanoseconds, also before 1970", "[timestamp]") {
  CHECK(to_iso8601(Timestamp::now(StoppedClock())) == "2012-12-22T01:00:46.767000001Z");
  CHECK(Timestamp::from_unix_nanoseconds(-1) == Timestamp{-1, 999'999'999});
  CHECK(Timestamp::from_unix_nanoseconds(INT64_MIN).is_valid());
}

TEST_CASE("random bytes never crash the timestamp reader", "[timestamp]") {
  std::mt19937_64 random(7);
  constexpr std::string_view kBytes = "0123456789-:TtZz+., \xff";
  const std::string valid = "2014-09-23T13:49:52.987+02:00";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = valid.substr(0, random() % (valid.size() + 1));
    for (std::size_t edits = random() % 4; edits > 0 && !text.empty(); --edits) {
      text[random() % text.size()] = kBytes[random() % kBytes.size()];
    }
    const auto time = parse_iso8601(text);
    if (time) REQUIRE(time->is_valid());
  }
}

}  // namespace
}  // namespace logboom
