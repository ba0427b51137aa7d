#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/run_filter.h"

namespace logboom {
namespace {

TEST_CASE("drop ends the way of the events that reach it", "[filter][drop]") {
  CHECK(run_filter(R"(if [n] == 2 { drop { } })", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}") == "{\"n\":1}\n{\"n\":3}");
}

TEST_CASE("drop keeps all events at zero percent and decorates them", "[filter][drop]") {
  CHECK(run_filter(R"(drop { percentage => 0 add_tag => ["kept"] })", R"({"n":1})") == R"({"n":1,"tags":["kept"]})");
}

TEST_CASE("drop at half keeps some of many events and drops some", "[filter][drop]") {
  std::string events;
  for (int i = 0; i < 400; ++i) events += "{\"n\":1}\n";
  const std::string out = run_filter("drop { percentage => 50 }", events);
  const auto kept = std::count(out.begin(), out.end(), '{');
  CHECK(kept > 100);  // 100 of 400 at even odds is ten standard deviations away
  CHECK(kept < 300);
}

}  // namespace
}  // namespace logboom
