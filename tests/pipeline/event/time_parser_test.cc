#include "pipeline/event/time_parser.h"

#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "pipeline/event/time_printer.h"

namespace logboom {
namespace {

struct Settings {
  const char* zone = "UTC";
  const char* locale = "en";
  const char* now = "2020-06-15T12:00:00Z";
};

std::string shown(const std::optional<Timestamp>& time) { return time ? to_iso8601(*time) : "failure"; }

std::string read(std::string_view format, std::string_view text, const Settings& settings = {}) {
  const auto parser = TimeParser::compile(format, {find_zone(settings.zone), settings.locale});
  if (!parser) return parser.error().message;
  TimeParser::Scratch scratch;
  return shown(parser->parse(text, *parse_iso8601(settings.now), scratch));
}

template <class Number>
std::string read_number(std::string_view format, Number number) {
  return shown(TimeParser::compile(format, {})->parse(number));
}

TEST_CASE("ISO8601 reads dates with T or a blank, point or comma, with and without an offset", "[time]") {
  const auto [text, expected] = GENERATE(table<const char*, const char*>({
      {"2001-01-01T00:00:00-0800", "2001-01-01T08:00:00.000Z"},
      {"1974-03-02T04:09:09-0800", "1974-03-02T12:09:09.000Z"},
      {"2010-05-03T08:18:18+00:00", "2010-05-03T08:18:18.000Z"},
      {"2001-09-05T16:36:36+0000", "2001-09-05T16:36:36.000Z"},
      {"2001-11-06T20:45:45-0000", "2001-11-06T20:45:45.000Z"},
      {"2001-09-05T16:36:36.123+0700", "2001-09-05T09:36:36.123Z"},
      {"2001-12-07T23:54:54.123Z", "2001-12-07T23:54:54.123Z"},
      {"2001-11-06 20:45:45.123-0000", "2001-11-06T20:45:45.123Z"},
      {"2001-12-07 23:54:54,123Z", "2001-12-07T23:54:54.123Z"},
      {"2001-11-06 20:45:45.123", "2001-11-06T20:45:45.123Z"},
      {"2001-12-07T23:54:54.123456789Z", "2001-12-07T23:54:54.123456789Z"},
      {"2001", "2001-01-01T00:00:00.000Z"},
      {"2001-07", "2001-07-01T00:00:00.000Z"},
      {"2001-7-4", "2001-07-04T00:00:00.000Z"},
      {"2015-274", "2015-10-01T00:00:00.000Z"},
      {"2015-W40", "2015-09-28T00:00:00.000Z"},
      {"2015-W40-4", "2015-10-01T00:00:00.000Z"},
      {"2015-W53-7T01", "2016-01-03T01:00:00.000Z"},
      {"2001-07-04T12", "2001-07-04T12:00:00.000Z"},
      {"2001-07-04T12.5", "2001-07-04T12:30:00.000Z"},
      {"2001-07-04T12:30,5Z", "2001-07-04T12:30:30.000Z"},
      {"2001-07-04-08:00", "2001-07-04T08:00:00.000Z"},
      {"2001-07-04T+01:30", "2001-07-03T22:30:00.000Z"},
      {"2001-07-04T12:00:00+01:30:30", "2001-07-04T10:29:30.000Z"},
      {"T13:49", "1970-01-01T13:49:00.000Z"},
      {"2001-366", "failure"},
      {"2016-W53", "failure"},
      {"2001-02-29T00:00:00", "failure"},
      {"2001-07-04T24:00", "failure"},
      {"2001-07-04T12:00:00.", "failure"},
      {"2001-07-04T12:00:00.1234567890", "failure"},
      {"2001-07-04 ", "failure"},
      {"2001-07-04 Z", "failure"},
      {"2001-07-04T12:00:00Z ", "failure"},
      {"2013/Apr/21", "failure"},
      {"", "failure"},
      {"T", "1970-01-01T00:00:00.000Z"},
      {"99999-01-01", "failure"},
  }));
  CAPTURE(text);
  CHECK(read("ISO8601", text) == expected);
}

TEST_CASE("ISO8601 without an offset is local time of the zone", "[time]") {
  CHECK(read("ISO8601", "2007-12-09T10:00:00", {"America/Caracas"}) == "2007-12-09T14:30:00.000Z");
  CHECK(read("ISO8601", "2016-05-01T08:18:18.123", {"America/Caracas"}) == "2016-05-01T12:18:18.123Z");
  CHECK(read("ISO8601", "2001-01-01T00:00:00", {"America/Caracas"}) == "2001-01-01T04:00:00.000Z");
  CHECK(read("ISO8601", "2001-01-01T00:00:00Z", {"America/Caracas"}) == "2001-01-01T00:00:00.000Z");
  CHECK(read("ISO8601", "2016-03-27T02:30:00", {"CET"}) == "failure");
}

TEST_CASE("UNIX reads seconds up to 2147483647 and cuts decimals to milliseconds", "[time]") {
  const auto [text, expected] = GENERATE(table<const char*, const char*>({
      {"0", "1970-01-01T00:00:00.000Z"},
      {"1478207457", "2016-11-03T21:10:57.000Z"},
      {"1350414944.123456", "2012-10-16T19:15:44.123Z"},
      {"1.5", "1970-01-01T00:00:01.500Z"},
      {"-1.25", "1969-12-31T23:59:58.750Z"},
      {"2147483.646", "1970-01-25T20:31:23.646Z"},
      {"2147483647", "2038-01-19T03:14:07.000Z"},
      {"2147483648", "failure"},
      {"1000000000123", "failure"},
      {"-62135596801", "failure"},
      {"", "failure"},
      {"-", "failure"},
      {"1.", "failure"},
      {".5", "failure"},
      {"1e3", "failure"},
      {" 1", "failure"},
      {"99999999999999999999999999", "failure"},
  }));
  CAPTURE(text);
  CHECK(read("UNIX", text) == expected);
}

TEST_CASE("UNIX and UNIX_MS read numbers, other formats refuse them", "[time]") {
  CHECK(read_number("UNIX", std::int64_t{1'000'000'000}) == "2001-09-09T01:46:40.000Z");
  CHECK(read_number("UNIX", std::int64_t{2'147'483'648}) == "failure");
  CHECK(read_number("UNIX", 1350414944.123456) == "2012-10-16T19:15:44.123Z");
  CHECK(read_number("UNIX", 1478207457.456) == "2016-11-03T21:10:57.456Z");
  CHECK(read_number("UNIX", 1478207457.457) == "2016-11-03T21:10:57.457Z");
  CHECK(read_number("UNIX_MS", std::int64_t{456}) == "1970-01-01T00:00:00.456Z");
  CHECK(read_number("UNIX_MS", std::int64_t{1'000'000'000'123}) == "2001-09-09T01:46:40.123Z");
  CHECK(read_number("UNIX_MS", 1.9) == "1970-01-01T00:00:00.001Z");
  CHECK(read("UNIX_MS", "1000000000123") == "2001-09-09T01:46:40.123Z");
  CHECK(read("UNIX_MS", "-1") == "1969-12-31T23:59:59.999Z");
  CHECK(read("UNIX_MS", "253402300800000") == "failure");
  for (const char* format : {"UNIX", "UNIX_MS"}) {
    CHECK(read_number(format, std::numeric_limits<double>::quiet_NaN()) == "failure");
    CHECK(read_number(format, std::numeric_limits<double>::infinity()) == "failure");
    CHECK(read_number(format, -1e300) == "failure");
    CHECK(read_number(format, std::numeric_limits<std::int64_t>::min()) == "failure");
  }
  for (const char* format : {"yyyy", "ISO8601", "TAI64N"}) {
    CHECK(read_number(format, std::int64_t{2015}) == "failure");
    CHECK(read_number(format, 2015.0) == "failure");
  }
}

TEST_CASE("TAI64N labels lose ten seconds and may start with an at sign", "[time]") {
  CHECK(read("TAI64N", "4000000050d506482dbdf024") == "2012-12-22T01:00:46.767422500Z");
  CHECK(read("TAI64N", "@4000000050D506482DBDF024") == "2012-12-22T01:00:46.767422500Z");
  for (const char* bad : {"", "@", "4000000050d50648", "4000000050d506482dbdf0240", "4000000050d506482dbdf02g",
                          "4000000050d506483b9aca00", "ffffffffffffffff00000000", "0000000000000000 0000000"}) {
    CAPTURE(bad);
    CHECK(read("TAI64N", bad) == "failure");
  }
}

TEST_CASE("letters read what Joda-Time reads", "[time]") {
  const auto [format, text, expected] = GENERATE(table<const char*, const char*, const char*>({
      {"dd/MMM/yyyy:HH:mm:ss Z", "25/Mar/2013:20:33:56 +0000", "2013-03-25T20:33:56.000Z"},
      {"yyyy", "2001", "2001-01-01T00:00:00.000Z"},
      {"YYYY", "2016", "2016-01-01T00:00:00.000Z"},
      {"yyyy-MM-dd", "2015-03-04", "2015-03-04T00:00:00.000Z"},
      {"yyyy M d", "2015 1 2", "2015-01-02T00:00:00.000Z"},
      {"yyyy M d", "2015 12 31", "2015-12-31T00:00:00.000Z"},
      {"yyyy/MM/dd", "2015/1/2", "2015-01-02T00:00:00.000Z"},
      {"yyyyMMddHHmmss", "20150102030405", "2015-01-02T03:04:05.000Z"},
      {"dd MMMM yyyy", "02 January 2015", "2015-01-02T00:00:00.000Z"},
      {"dd MMMM yyyy", "02 Jan 2015", "2015-01-02T00:00:00.000Z"},
      {"dd MMM yyyy", "02 JAN 2015", "2015-01-02T00:00:00.000Z"},
      {"dd MMM yyyy", "02 september 2015", "2015-09-02T00:00:00.000Z"},
      {"dd MMM yyyy", "02 Sept 2015", "2015-09-02T00:00:00.000Z"},
      {"yyyy-MM-dd H", "2015-01-01 0", "2015-01-01T00:00:00.000Z"},
      {"yyyy-MM-dd HH:m", "2015-01-01 23:0", "2015-01-01T23:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ss.S", "2015-01-01 00:00:00.7", "2015-01-01T00:00:00.700Z"},
      {"yyyy-MM-dd HH:mm:ss.SS", "2015-01-01 00:00:00.01", "2015-01-01T00:00:00.010Z"},
      {"yyyy-MM-dd HH:mm:ss,SSS", "2015-01-01 00:00:00,012", "2015-01-01T00:00:00.012Z"},
      {"yyyy-MM-dd HH:mm:ss.SSSSSS", "2015-01-01 00:00:00.012345", "2015-01-01T00:00:00.012345Z"},
      {"yyyy-MM-dd HH:mm:ss.SSSSSSSSS", "2015-01-01 00:00:00.012345678", "2015-01-01T00:00:00.012345678Z"},
      {"yyyy-MM-dd HH:mm:ss.SSS", "2015-01-01 00:00:00.012345", "failure"},
      {"yyyy-MM-dd HH:mm:ss Z", "2015-01-01 00:00:00 -0700", "2015-01-01T07:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ss Z", "2015-01-01 00:00:00 -07:00", "2015-01-01T07:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ss ZZ", "2015-01-01 00:00:00 -0700", "2015-01-01T07:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ssZ", "2015-01-01 00:00:00Z", "2015-01-01T00:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ss ZZZ", "2015-06-01 00:00:00 America/New_York", "2015-06-01T04:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ss ZZZ", "2015-06-01 00:00:00 America/Nowhere", "failure"},
      {"yyyy-MM-dd HH:mm:ss z", "2015-06-01 00:00:00 PDT", "2015-06-01T07:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ss z", "2015-06-01 00:00:00 GMT", "2015-06-01T00:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ss z", "2015-06-01 00:00:00 XST", "failure"},
      {"EEE MMM dd HH:mm:ss z yyyy", "Mon Jun 24 01:29:01 EST 2013", "2013-06-24T05:29:01.000Z"},
      {"yyyy w e", "2015 2 3", "2015-01-07T00:00:00.000Z"},
      {"yyyy w e", "2016 2 3", "2016-01-13T00:00:00.000Z"},
      {"xxxx-'W'ww-e yyyy", "2015-W53-7 2016", "2016-01-03T00:00:00.000Z"},
      {"yyyy D", "2015 32", "2015-02-01T00:00:00.000Z"},
      {"yyyy DDD", "2015 032", "2015-02-01T00:00:00.000Z"},
      {"yyyy D", "2016 366", "2016-12-31T00:00:00.000Z"},
      {"yyyy D", "2015 366", "failure"},
      {"EEE MMM dd HH:mm:ss yyyy", "Mon Jun 24 01:29:01 2013", "2013-06-24T01:29:01.000Z"},
      {"EEE MMM dd HH:mm:ss yyyy", "Wed Jun 24 01:29:01 2013", "2013-06-26T01:29:01.000Z"},
      {"EEE MMM dd HH:mm:ss yyyy", "Sun Dec 31 01:29:01 2013", "2014-01-05T01:29:01.000Z"},
      {"EEEE, dd MMMM yyyy", "Monday, 24 June 2013", "2013-06-24T00:00:00.000Z"},
      {"yyyy-MM-dd k:mm", "2015-01-01 24:10", "2015-01-01T00:10:00.000Z"},
      {"yyyy-MM-dd K:mm a", "2015-01-01 0:10 PM", "2015-01-01T12:10:00.000Z"},
      {"yyyy-MM-dd h:mm a", "2015-01-01 12:10 am", "2015-01-01T00:10:00.000Z"},
      {"yyyy-MM-dd h:mm a", "2015-01-01 11:10 Pm", "2015-01-01T23:10:00.000Z"},
      {"yyyy-MM-dd h:mm a", "2015-01-01 13:10 PM", "failure"},
      {"yyyy-MM-dd'T'HH:mm:ss", "2015-01-01T01:12:23", "2015-01-01T01:12:23.000Z"},
      {"dd 'of' MMMM yyyy", "02 OF January 2015", "2015-01-02T00:00:00.000Z"},
      {"h 'o''clock' yyyy", "3 o'clock 2015", "2015-01-01T03:00:00.000Z"},
      {"yy-MM-dd", "15-01-02", "2015-01-02T00:00:00.000Z"},
      {"yy-MM-dd", "39-01-02", "2039-01-02T00:00:00.000Z"},
      {"yy-MM-dd", "40-01-02", "1940-01-02T00:00:00.000Z"},
      {"yy-MM-dd", "1815-01-02", "1815-01-02T00:00:00.000Z"},
      {"yyMMdd", "150102", "2015-01-02T00:00:00.000Z"},
      {"yyMMdd", "5x", "failure"},
      {"G yyyy", "AD 2015", "2015-01-01T00:00:00.000Z"},
      {"G yyyy", "BC 2015", "failure"},
      {"yyyy-MM-dd", "+2015-01-02", "2015-01-02T00:00:00.000Z"},
      {"yyyy-MM-dd", "-2015-01-02", "failure"},
      {"YYYY-MM-dd", "+2015-01-02", "failure"},
      {"yyyy-MM-dd", "0000-01-02", "failure"},
      {"yyyy-MM-dd", "10000-01-02", "failure"},
      {"yyyy-MM-dd", "9999-12-31", "9999-12-31T00:00:00.000Z"},
      {"yyyy-MM-dd Z", "0001-01-01 +0001", "failure"},
      {"yyyy-MM-dd HH:mm", "2015-01-01", "failure"},
      {"yyyy-MM-dd HH", "2015-01-01 23 ", "failure"},
      {"yyyy-MM-dd", "2015-02-29", "failure"},
      {"yyyy-MM-dd", "2016-02-29", "2016-02-29T00:00:00.000Z"},
      {"yyyy-MM-dd HH:mm:ss", "2015-01-01 00:00:60", "failure"},
      {"yyyy-MM-dd HH:mm:ss", "2015-01-01 24:00:00", "failure"},
      {"yyyy/MM/dd", "2013/Apr/21", "failure"},
      {"MMM  d HH:mm:ss", "this will not parse", "failure"},
  }));
  CAPTURE(format, text);
  CHECK(read(format, text) == expected);
}

TEST_CASE("local times follow the parser's zone, and a zone given with the text replaces it", "[time]") {
  const Settings los_angeles{"America/Los_Angeles"};
  CHECK(read("yyyy MMM dd HH:mm:ss", "2013 Nov 24 01:29:01", los_angeles) == "2013-11-24T09:29:01.000Z");
  CHECK(read("yyyy MMM dd HH:mm:ss", "2013 Jun 24 01:29:01", los_angeles) == "2013-06-24T08:29:01.000Z");
  CHECK(read("yyyy MMM dd HH:mm:ss", "2016 Mar 27 01:59:59", {"CET"}) == "2016-03-27T00:59:59.000Z");
  CHECK(read("yyyy MMM dd HH:mm:ss", "2016 Mar 27 02:00:01", {"CET"}) == "failure");
  CHECK(read("yyyy MMM dd HH:mm:ss", "2016 Oct 30 02:00:01", {"CET"}) == "2016-10-30T00:00:01.000Z");
  CHECK(read("yyyy-MM-dd HH:mm:ssZ", "2015-01-01 00:00:00Z", {"Europe/Paris"}) == "2015-01-01T00:00:00.000Z");

  const auto parser = TimeParser::compile("yyyy MMM dd HH:mm:ss", {});
  TimeParser::Scratch scratch;
  const auto in = [&](const char* zone) {
    return shown(parser->parse("2016 Mar 27 02:00:01", {}, scratch, find_zone(zone)));
  };
  CHECK(in("America/Los_Angeles") == "2016-03-27T09:00:01.000Z");
  CHECK(in("CET") == "failure");
  CHECK(in("+05:30") == "2016-03-26T20:30:01.000Z");
  CHECK(shown(parser->parse("2016 Mar 27 02:00:01", {}, scratch)) == "2016-03-27T02:00:01.000Z");
}

TEST_CASE("a text without a year is of the year that lies closest", "[time]") {
  const auto guess = [](const char* text, const char* now, const char* zone = "UTC") {
    return read("MMM dd HH:mm:ss", text, {zone, "en", now});
  };
  CHECK(guess("Jun 14 01:00:00", "2020-06-15T12:00:00Z") == "2020-06-14T01:00:00.000Z");
  CHECK(guess("Nov 14 01:00:00", "2020-06-15T12:00:00Z") == "2020-11-14T01:00:00.000Z");
  CHECK(guess("Dec 31 23:59:59", "2020-01-01T00:00:01Z") == "2019-12-31T23:59:59.000Z");
  CHECK(guess("Jan 01 00:00:00", "2019-12-31T23:59:59Z") == "2020-01-01T00:00:00.000Z");
  CHECK(guess("Nov 30 00:00:00", "2020-01-31T00:00:00Z") == "2019-11-30T00:00:00.000Z");
  CHECK(guess("Nov 30 00:00:00", "2020-04-30T00:00:00Z") == "2019-11-30T00:00:00.000Z");
  CHECK(guess("Nov 30 00:00:00", "2020-05-31T00:00:00Z") == "2020-11-30T00:00:00.000Z");
  CHECK(guess("Feb 01 00:00:00", "2020-12-31T00:00:00Z") == "2020-02-01T00:00:00.000Z");  // old logs stay in the past
  CHECK(guess("Dec 31 20:00:00", "2020-01-01T03:00:00Z", "America/New_York") == "2020-01-01T01:00:00.000Z");
  CHECK(guess("Feb 29 00:00:00", "2020-03-01T00:00:00Z") == "2020-02-29T00:00:00.000Z");
  CHECK(guess("Feb 29 00:00:00", "2021-03-01T00:00:00Z") == "2021-02-28T00:00:00.000Z");
  CHECK(guess("Feb 30 00:00:00", "2020-03-01T00:00:00Z") == "failure");
  CHECK(guess("Dec 31 00:00:00", "0001-01-01T00:00:00Z") == "failure");
  CHECK(guess("Jan 01 00:00:00", "9999-12-31T00:00:00Z") == "failure");
  CHECK(read("MMM dd HH:mm:ss Z", "Nov 24 01:29:01 -0800") == "2020-11-24T09:29:01.000Z");
  CHECK(read("EEE MMM dd HH:mm", "Mon Jun 15 01:02") == "2020-06-15T01:02:00.000Z");
  CHECK(read("HH:mm", "13:14") == "2020-01-01T13:14:00.000Z");
  CHECK(read("D", "60") == "2020-02-29T00:00:00.000Z");
  CHECK(read("w e", "2 3") == "2020-01-08T00:00:00.000Z");
  CHECK(read("xxxx-'W'ww-e", "2015-W40-4") == "2020-10-01T00:00:00.000Z");  // even with a week-year
}

TEST_CASE("month names are read in the locale's language", "[time]") {
  CHECK(read("dd MMMM yyyy", "14 juillet 1789", {"UTC", "fr_FR"}) == "1789-07-14T00:00:00.000Z");
  CHECK(read("dd MMMM yyyy", "14 juillet 1789", {"UTC", "fr-FR"}) == "1789-07-14T00:00:00.000Z");
  CHECK(read("dd MMM yyyy", "14 juil. 1789", {"UTC", "fr"}) == "1789-07-14T00:00:00.000Z");
  CHECK(read("dd. MMMM yyyy", "03. Oktober 1990", {"UTC", "de"}) == "1990-10-03T00:00:00.000Z");
  CHECK(read("dd. MMM yyyy", "03. M\xc3\xa4rz 1990", {"UTC", "de_DE.UTF-8"}) == "1990-03-03T00:00:00.000Z");
  CHECK(read("dd. MMM yyyy", "03. M\xc3\x84RZ 1990", {"UTC", "de"}) == "1990-03-03T00:00:00.000Z");
  CHECK(read("dd MMM yyyy HH:mm", "13 Oct 2014 10:11", {"UTC", "en-US"}) == "2014-10-13T10:11:00.000Z");
  CHECK(read("dd MMMM yyyy", "01 September 2014", {"UTC", ""}) == "2014-09-01T00:00:00.000Z");
  CHECK(read("EEEE dd MMMM yyyy", "lundi 24 juin 2013", {"UTC", "fr"}) == "2013-06-24T00:00:00.000Z");
  CHECK(read("dd MMMM yyyy", "01 September 2014", {"UTC", "fr"}) == "failure");
  CHECK_THAT(read("yyyy", "2014", {"UTC", "qq"}), Catch::Contains("locale \"qq\""));
}

TEST_CASE("formats that cannot be read are refused when they are compiled", "[time]") {
  const auto format = GENERATE("", "yyyy-b", "unix_ms", "Tyyyy", "zzzz", "yyyyyyyyyyMM", "ISO8601 ");
  CAPTURE(format);
  const auto parser = TimeParser::compile(format, {});
  REQUIRE_FALSE(parser.has_value());
  CHECK(parser.error().code == ErrorCode::InvalidArgument);
  CHECK_FALSE(TimeParser::compile(std::string(1'001, '-'), {}).has_value());
}

TEST_CASE("what a printer writes a parser of the same letters reads", "[time]") {
  const char* const pattern = GENERATE("yyyy-MM-dd HH:mm:ss.SSS Z", "dd/MMM/yyyy:HH:mm:ss,SSS ZZ", "yyyyMMddHHmmssSSS",
                                       "EEEE, d MMMM yyyy h:mm:ss.SSS a", "yyyy DDD kk:mm:ss.SSS",
                                       "EEE yyyy-M-d K:m:s.SSS a", "yyyy-MM-dd HH:mm:ss.SSS zzz");
  CAPTURE(pattern);
  const auto printer = TimePrinter::joda(pattern);
  const auto parser = TimeParser::compile(pattern, {});
  REQUIRE(printer.has_value());
  REQUIRE(parser.has_value());
  TimeParser::Scratch scratch;
  std::mt19937_64 random(11);
  std::uniform_int_distribution<std::int64_t> seconds(Timestamp::kMinSeconds, Timestamp::kMaxSeconds);
  for (int i = 0; i < 3'000; ++i) {
    const Timestamp time{seconds(random), static_cast<std::uint32_t>(random() % 1'000) * 1'000'000};
    std::string text;
    printer->append(time, text);
    CAPTURE(text);
    REQUIRE(parser->parse(text, {}, scratch) == time);
  }
}

TEST_CASE("what was read before changes nothing", "[time]") {
  const auto [format, zone] = GENERATE(table<const char*, const char*>({
      {"dd/MMM/yyyy:HH:mm:ss Z", "UTC"},
      {"dd/MMM/yyyy:HH:mm:ss", "Europe/Berlin"},
      {"MMM dd HH:mm:ss", "America/New_York"},
      {"yyyy-MM-dd HH:mm:ss,SSS", "Australia/Lord_Howe"},
      {"yy-MM-dd HH:mm:ss.SSS Z", "UTC"},
      {"yyyy-MM-dd HH:mm:ss ZZZ", "UTC"},
      {"MMM dd HH:mm:ss ZZZ", "UTC"},
      {"Z yyyy-MM-dd HH:mm:ss", "UTC"},
      {"yyyy-MM-dd SSS HH:mm:ss", "UTC"},
      {"EEE MMM dd HH:mm:ss yyyy", "UTC"},
      {"yyyy-MM-dd hh:mm:ss a", "UTC"},
      {"yyyyMMddHHmmss", "Europe/Berlin"},
      {"ss:mm:HH dd.MM.yyyy", "UTC"},
      {"yyyy-MM-dd ss:ss", "UTC"},
      {"HH:mm:ss", "Europe/Berlin"},
  }));
  CAPTURE(format, zone);
  const TimeParserOptions options{find_zone(zone), "en"};
  const auto parser = *TimeParser::compile(format, options);
  const auto other = *TimeParser::compile("MMM dd HH:mm:ss", options);
  std::string printed(format);
  const auto with = [&](std::string_view from, std::string_view to) {
    if (const auto at = printed.find(from); at != std::string::npos) printed.replace(at, from.size(), to);
  };
  with("ZZZ", "'America/New_York'");
  with("Z", "'+0230'");
  const auto printer = TimePrinter::joda(printed);
  REQUIRE(printer);
  std::mt19937_64 random(7);
  TimeParser::Scratch scratch;
  Timestamp time{1'700'000'000, 0};
  Timestamp now{1'700'000'000, 0};
  for (int i = 0; i < 3000; ++i) {
    time.seconds += static_cast<std::int64_t>(random() % 25);
    if (random() % 50 == 0) time.seconds += static_cast<std::int64_t>(random() % 8'000'000);
    if (random() % 30 == 0) now.seconds += static_cast<std::int64_t>(random() % 8'000'000);
    time.nanoseconds = static_cast<std::uint32_t>(random() % 1000) * 1'000'000;
    std::string text;
    printer->append(time, text);
    if (random() % 10 == 0) text.insert(random() % (text.size() + 1), 1, "0159 :x"[random() % 7]);
    if (random() % 10 == 0) text.erase(random() % text.size(), 1);
    const TimeZone* own = random() % 20 == 0 ? find_zone("Asia/Kolkata") : nullptr;
    TimeParser::Scratch fresh;
    CAPTURE(text);
    REQUIRE(shown(parser.parse(text, now, scratch, own)) == shown(parser.parse(text, now, fresh, own)));
    if (random() % 20 == 0) (void)other.parse("Nov 14 22:13:20", now, scratch);
  }
}

TEST_CASE("a text that failed leaves nothing behind for the next one", "[time]") {
  const auto parser = *TimeParser::compile("dd/MMM/yyyy:HH:mm:ss", {find_zone("Europe/Berlin"), "en"});
  TimeParser::Scratch scratch;
  CHECK(shown(parser.parse("01/Mar/2024:02:30:05", {}, scratch)) == "2024-03-01T01:30:05.000Z");
  CHECK(shown(parser.parse("31/Mar/2024:02:30:05", {}, scratch)) == "failure");  // daylight saving skips the hour
  CHECK(shown(parser.parse("31/Mar/2024:02:30:06", {}, scratch)) == "failure");
}

TEST_CASE("random texts and formats give a valid instant or a failure, and never crash", "[time]") {
  std::mt19937_64 random(5);
  constexpr std::string_view kLetters = "GCYyxMwdDEeahHkKmsSzZ'/:-. ,T";
  constexpr std::string_view kBytes = "0123456789:/-+., TZAPMJanFebUTC/_\xc3\xa9\xff";
  int parsed = 0;
  TimeParser::Scratch scratch;
  for (int i = 0; i < 4'000; ++i) {
    std::string format = i % 8 == 0 ? "ISO8601" : "";
    if (format.empty()) {
      for (std::size_t n = random() % 6 + 1; n > 0; --n) {
        format.append(1 + random() % 4, kLetters[random() % kLetters.size()]);
      }
    }
    const auto parser = TimeParser::compile(format, {find_zone("America/New_York"), i % 2 == 0 ? "" : "fr"});
    if (!parser) continue;
    const auto printer = TimePrinter::joda(format);
    for (int k = 0; k < 10; ++k) {
      std::string text;
      if (printer) printer->append({static_cast<std::int64_t>(random() % 4'000'000'000), 0}, text);
      for (std::size_t edits = random() % 4; edits > 0; --edits) {
        text.insert(random() % (text.size() + 1), 1, kBytes[random() % kBytes.size()]);
      }
      const Timestamp now{static_cast<std::int64_t>(random()), 0};
      const auto time = parser->parse(text, now, scratch);
      if (!time) continue;
      REQUIRE(time->is_valid());
      ++parsed;
    }
  }
  CHECK(parsed > 100);
}

}  // namespace
}  // namespace logboom
