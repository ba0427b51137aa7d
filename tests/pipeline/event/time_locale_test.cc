#include "pipeline/event/time_locale.h"

#include <catch2/catch.hpp>
#include <string_view>

namespace logboom {
namespace {

TEST_CASE("English names are read short or full, in any case", "[time]") {
  const auto english = TimeLocale::load("");
  REQUIRE(english.has_value());
  constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
  for (int i = 0; i < 12; ++i) {
    CHECK(english->month(kMonths[i]).value == i + 1);
    CHECK(english->month(kMonths[i]).length_bytes == kMonths[i].size());
    CHECK(english->month(kMonths[i].substr(0, 3)).value == i + 1);
  }
  CHECK(english->month("JANUARY 1").length_bytes == 7);
  CHECK(english->month("janux").length_bytes == 3);
  CHECK(english->month("Sept 1").length_bytes == 4);
  CHECK(english->month("Ja").length_bytes == 0);
  CHECK(english->month("\xca\xe1\xee").length_bytes == 0);
  CHECK(english->weekday("monday").value == 1);
  CHECK(english->weekday("SUN,").value == 7);
  CHECK(english->weekday("SUN,").length_bytes == 3);
  CHECK(english->half_day("pM").value == 1);
  CHECK(english->era("BCE").length_bytes == 3);
}

TEST_CASE("other languages are read through their own names, and AM and PM in all of them", "[time]") {
  for (const char* tag : {"de", "fr_FR", "es", "it", "pt-BR", "nl", "pl", "ru", "ja", "zh-Hans-CN", "tr", "el", "ar"}) {
    CAPTURE(tag);
    const auto locale = TimeLocale::load(tag);
    REQUIRE(locale.has_value());
    CHECK(locale->month("").length_bytes == 0);
    CHECK(locale->half_day("AM").value == 0);
    CHECK(locale->half_day("PM").length_bytes == 2);
  }
  CHECK(TimeLocale::load("es")->month("agosto de").value == 8);
  CHECK(TimeLocale::load("ja")->month("12\xe6\x9c\x88").value == 12);
  CHECK(TimeLocale::load("nl")->weekday("zondag").value == 7);
  CHECK(TimeLocale::load("it")->weekday("luned\xc3\xac").value == 1);
}

TEST_CASE("unknown languages are refused", "[time]") {
  for (const char* tag : {"qq", "xx-YY", "not a locale", "-", "\xff\xfe"}) {
    CAPTURE(tag);
    CHECK_FALSE(TimeLocale::load(tag).has_value());
  }
  CHECK(TimeLocale::load("C").has_value());
  CHECK(TimeLocale::load("POSIX").has_value());
}

}  // namespace
}  // namespace logboom
