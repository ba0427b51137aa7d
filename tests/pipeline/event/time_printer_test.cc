#include "pipeline/event/time_printer.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <string_view>

namespace logboom {
namespace {

std::string joda(std::string_view pattern, std::string_view instant) {
  const auto printer = TimePrinter::joda(pattern);
  if (!printer) return "refused";
  std::string out;
  printer->append(*parse_iso8601(instant), out);
  return out;
}

std::string java(std::string_view pattern, std::string_view instant) {
  const auto printer = TimePrinter::java(pattern);
  if (!printer) return "refused";
  std::string out;
  printer->append(*parse_iso8601(instant), out);
  return out;
}

TEST_CASE("Joda patterns print in UTC", "[time]") {
  const auto [pattern, expected] = GENERATE(table<const char*, const char*>({
      {"YYYY", "2015"},
      {"YYYY.MM.dd", "2015.10.01"},
      {"yyyy-MM-dd HH:mm:ss", "2015-10-01 13:14:15"},
      {"xxxx-'W'ww", "2015-W40"},
      {"xx ww e", "15 40 4"},
      {"%ss", "%15"},
      {"yy YY y", "15 15 2015"},
      {"M MM MMM MMMM", "10 10 Oct October"},
      {"d dd D DDD", "1 01 274 274"},
      {"E EEE EEEE", "Thu Thu Thursday"},
      {"h hh K KK k kk H a", "1 01 1 01 13 13 13 PM"},
      {"S SS SSS SSSSSS SSSSSSSSSS", "6 67 678 678000 6780000000"},
      {"Z ZZ ZZZ z zzzz", "+0000 +00:00 UTC UTC Coordinated Universal Time"},
      {"G C", "AD 21"},
      {"'o''clock' ''", "o'clock '"},
      {"'open", "open"},
      {"MMé{}[]#", "10é{}[]#"},
  }));
  CAPTURE(pattern);
  CHECK(joda(pattern, "2015-10-01T13:14:15.678901Z") == expected);
}

TEST_CASE("Joda hours at midnight and noon", "[time]") {
  CHECK(joda("H k K h a", "2015-10-01T00:59:59Z") == "0 24 0 12 AM");
  CHECK(joda("H k K h a", "2015-10-01T12:00:00Z") == "12 12 0 12 PM");
}

TEST_CASE("Joda printing keeps the week-year and the year apart", "[time]") {
  CHECK(joda("xxxx-ww YYYY", "2005-01-01T00:00:00Z") == "2004-53 2005");
  CHECK(java("YYYY-ww yyyy", "2005-01-01T00:00:00Z") == "2004-53 2005");
  CHECK(joda("yyyy C", "0001-01-01T00:00:00Z") == "0001 1");
  CHECK(joda("yyyy DDD", "9999-12-31T23:59:59Z") == "9999 365");
}

TEST_CASE("patterns with letters that do not exist are refused", "[time]") {
  const auto pattern = GENERATE("", "yyyy-b", "T", "YYYYTMM", "p", "l");
  CAPTURE(pattern);
  CHECK_FALSE(TimePrinter::joda(pattern).has_value());
  CHECK_FALSE(TimePrinter::java(pattern).has_value());
  CHECK_FALSE(TimePrinter::joda(std::string(1'001, '-')).has_value());
  CHECK(TimePrinter::joda("yyyy-b").error().message == "date pattern \"yyyy-b\": \"b\" is not a date field");
}

TEST_CASE("java.time patterns print in UTC", "[time]") {
  const auto [pattern, expected] = GENERATE(table<const char*, const char*>({
      {"YYYY-DDD", "2015-274"},
      {"YYYY-'W'ww", "2015-W40"},
      {"yyyy.MM.dd.HH", "2015.10.01.13"},
      {"uuuu-MM-dd'T'HH:mm:ss.SSSSSSSSSX", "2015-10-01T13:14:15.678901000Z"},
      {"M L MMM LLLL MMMMM", "10 10 Oct October O"},
      {"E EEEE EEEEE e eee c cccc", "Thu Thursday T 4 Thu 4 Thursday"},
      {"Q QQ QQQ QQQQ QQQQQ", "4 04 Q4 4th quarter 4"},
      {"W F", "1 1"},
      {"n N A", "678901000 47655678901000 47655678"},
      {"g", "57296"},
      {"x xx xxx XXX Z ZZZZ ZZZZZ", "+00 +0000 +00:00 Z +0000 GMT Z"},
      {"VV z O OOOO v", "Z Z GMT GMT Z"},
      {"yyyy[-MM]", "2015-10"},
      {"ppppH|pppd", "  13|  1"},
      {"G GGGG GGGGG", "AD Anno Domini A"},
      {"'{}#[]'", "{}#[]"},
  }));
  CAPTURE(pattern);
  CHECK(java(pattern, "2015-10-01T13:14:15.678901Z") == expected);
}

TEST_CASE("java.time patterns refuse counts and characters that java.time refuses", "[time]") {
  const auto pattern = GENERATE("MMMMMM", "ddd", "DDDD", "SSSSSSSSSS", "aa", "www", "V", "ZZZZZZ", "XXXXXX", "{yyyy}", "#",
                                "yyyy]", "'open", "pp", "pp-", "cc", "OO", "FF", "ppppp");
  CAPTURE(pattern);
  CHECK_FALSE(TimePrinter::java(pattern).has_value());
}

TEST_CASE("java.time counts the weeks of a month from the first with four days in it", "[time]") {
  CHECK(java("W", "2015-10-04T00:00:00Z") == "1");  // a Sunday
  CHECK(java("W", "2015-10-05T00:00:00Z") == "2");
  CHECK(java("W", "2015-11-01T00:00:00Z") == "0");  // a Sunday alone
  CHECK(java("W", "2015-11-02T00:00:00Z") == "1");
}

TEST_CASE("random patterns print or are refused, and never crash", "[time]") {
  std::mt19937_64 random(3);
  constexpr std::string_view kBytes = "GCYyxMwdDEeahHkKmsSzZpQLnNAVOX'[]{}#-. \xc3\xa9";
  int printed = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern;
    for (std::size_t n = random() % 12; n > 0; --n) pattern.append(1 + random() % 5, kBytes[random() % kBytes.size()]);
    const Timestamp time{static_cast<std::int64_t>(random()), static_cast<std::uint32_t>(random())};
    for (const auto& printer : {TimePrinter::joda(pattern), TimePrinter::java(pattern)}) {
      if (!printer) continue;
      std::string out;
      printer->append(time, out);
      REQUIRE(out.size() < 5'000);
      ++printed;
    }
  }
  CHECK(printed > 500);
}

}  // namespace
}  // namespace logboom
