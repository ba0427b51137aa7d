#include "server/grok/workbench.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using Catch::Contains;

namespace logboom {
namespace {

GrokWorkbench bench_of(const std::vector<std::string>& patterns) {
  GrokWorkbench made(PatternLibrary::bundled(PatternSet::EcsV1), {});
  for (const std::string& pattern : patterns) {
    const auto added = made.add(pattern);
    if (!added) FAIL(added.error().message);
  }
  return made;
}

std::vector<std::string> texts(const std::vector<PatternPiece>& pieces) {
  std::vector<std::string> out;
  for (const PatternPiece& piece : pieces) out.emplace_back(piece.text);
  return out;
}

TEST_CASE("a pattern is cut where people would cut it", "[grok]") {
  using Pieces = std::vector<std::string>;
  const struct {
    std::string pattern;
    Pieces pieces;
  } cases[] = {
      {"^%{IP:a} x$", {"^", "%{IP:a}", " ", "x", "$"}},
      {"%{A:b=(?:x{1,2}|y)}+z", {"%{A:b=(?:x{1,2}|y)}+", "z"}},
      {R"([^\]"]*\[[a[:digit:]]{2,}?)", {R"([^\]"]*)", R"(\[)", "[a[:digit:]]{2,}?"}},
      {R"((?<n>a|(b\)c)[)])?+\p{Alpha}+\u{41}\k<n>)", {R"((?<n>a|(b\)c)[)])?+)", R"(\p{Alpha}+)", R"(\u{41})", R"(\k<n>)"}},
      {"é+日", {"é+", "日"}},
      {R"(\x41\d+?)", {R"(\x41)", R"(\d+?)"}},
      {"", {}},
  };
  for (const auto& test : cases) {
    INFO(test.pattern);
    const auto alternatives = cut_pattern(test.pattern);
    REQUIRE(alternatives.size() == 1);
    CHECK(texts(alternatives[0]) == test.pieces);
  }
  CHECK(cut_pattern("a|b(c|d)|").size() == 3);
}

TEST_CASE("a match names the pattern and where its fields stand", "[grok]") {
  GrokWorkbench bench = bench_of({"^%{INT:n}$", "%{WORD:verb} %{NUMBER:[a][b]:int}"});
  const auto match = bench.match("GET 42");
  REQUIRE(match);
  CHECK(match->pattern == 1);
  REQUIRE(match->fields.size() == 2);
  CHECK(match->fields[1].field == "[a][b]");
  CHECK(match->fields[1].begin == 4);
  CHECK_FALSE(bench.match("-"));
}

TEST_CASE("a miss names the longest prefix and the piece behind it", "[grok]") {
  const struct {
    std::string pattern, line, prefix, failing;
    std::size_t end;
  } cases[] = {
      {"^%{IP:c} %{WORD:v} %{NUMBER:n:int}$", "10.0.0.1 GET abc", "^%{IP:c} %{WORD:v} ", "%{NUMBER:n:int}", 13},
      {"^%{IP:c} took %{NUMBER:n}", "10.0.0.1 tool 3", "^%{IP:c} too", "k ", 12},
      {"^%{INT:n}$", "12 ", "^%{INT:n}", "$", 2},
      {"^%{IP:c}", "x", "^", "%{IP:c}", 0},
      {"^a (b|c) d|^x y z", "x y -", "^x y ", "z", 4},
      {"x", "-", "", "x", 0},
      {"^é日", "é-", "^é", "日", 2},
  };
  for (const auto& test : cases) {
    INFO(test.pattern << " on " << test.line);
    GrokWorkbench bench = bench_of({test.pattern});
    const GrokDiagnosis found = bench.diagnose(test.line);
    CHECK(found.prefix == test.prefix);
    CHECK(found.failing == test.failing);
    CHECK(found.end == test.end);
  }
  GrokWorkbench two = bench_of({"^a b c", "^a x"});
  CHECK(two.diagnose("a b d").pattern == 0);
  CHECK(two.diagnose("a y").failing == "b c");
  CHECK(bench_of({"^%{NUMBER:n}"}).diagnose("x").expression == "%{BASE10NUM}");
}

TEST_CASE("the failing piece is looked for inside the patterns of the library", "[grok]") {
  const std::string line = R"(10.1.2.3 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" ok 203 "-" "curl")";
  GrokWorkbench access = bench_of({"^%{COMBINEDAPACHELOG}$"});
  const GrokDiagnosis found = access.diagnose(line);
  CHECK(line.substr(found.end) == R"(ok 203 "-" "curl")");
  CHECK_THAT(found.failing, Contains("status_code"));
  CHECK(found.within == std::vector<std::string>{"COMBINEDAPACHELOG", "HTTPD_COMBINEDLOG", "HTTPD_COMMONLOG"});
  const GrokDiagnosis date =
      access.diagnose(R"(10.1.2.3 - - [17/Foo/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 2 "-" "curl")");
  CHECK(date.failing == "%{MONTH}");
  CHECK(date.within.back() == "HTTPDATE");

  GrokWorkbench groups = bench_of({R"(^a (?:begin(?<c>\d+x)|z) end)"});
  CHECK(groups.diagnose("a begin12y end").prefix == R"(^a begin\d+)");
  CHECK(groups.diagnose("a begin12y end").failing == "x");
  CHECK(groups.diagnose("a bz end").prefix == "^a ");  // none of several alternatives that few characters speak for
  // What cannot be opened stays whole.
  CHECK(bench_of({"^(?:ab){2} c"}).diagnose("abac c").failing == "(?:ab){2}");
}

TEST_CASE("the explanation tells engines, literals, fields and advice", "[grok]") {
  const std::string plain = bench_of({"^user %{WORD:name} is %{INT:age:int}"}).explain(0);
  CHECK_THAT(plain, Contains("scanner      yes") && Contains("linear (RE2) yes") && Contains("\"user \"") &&
                        Contains("captures     age (int)"));
  CHECK_THAT(bench_of({R"((?<c>\w)\k<c> %{WORD:a})"}).explain(0),
             Contains("scanner      no") && Contains("begins       anywhere"));
  CHECK_THAT(bench_of({R"((?<q>["'])%{DATA:a}\k<q>)"}).explain(0), Contains("linear (RE2)"));
  CHECK_THAT(bench_of({"%{DATA:a} %{DATA:b} %{GREEDYDATA:c}"}).explain(0), Contains("advice") && Contains("3 pieces"));
}

TEST_CASE("what is no pattern is refused with the library's words", "[grok]") {
  GrokWorkbench bench(PatternLibrary::bundled(PatternSet::EcsV1), {});
  CHECK_THAT(bench.add("%{NUMBR:n}").error().message, Contains("NUMBR"));
  CHECK_FALSE(bench.add("(a"));
}

}  // namespace
}  // namespace logboom
