#include "server/grok/suggestion.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "pipeline/text/matcher.h"

namespace logboom {
namespace {

using Lines = std::vector<std::string>;

const PatternLibrary& library() { return PatternLibrary::bundled(PatternSet::EcsV1); }

bool matches_whole(const std::string& pattern, const std::string& line) {
  const auto expression = library().expand(pattern);
  if (!expression) FAIL(expression.error().message);
  const auto matcher = Matcher::compile(expression->regex, {.dot_matches_newline = true, .captures_unnamed = false});
  if (!matcher) FAIL(matcher.error().message);
  MatchScratch scratch;
  return (*matcher)->match(line, scratch) == MatchStatus::Matched && scratch.group(0).size() == line.size();
}

TEST_CASE("well-known lines get the library's own pattern", "[grok]") {
  CHECK(suggest_pattern({R"(10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 23 "http://e.org/" "curl/8")"},
                        library(), PatternSet::EcsV1)
            .find("COMBINED") != std::string::npos);
  CHECK(suggest_pattern({"Jan  2 03:04:05 web1 sshd[123]: Accepted password for root"}, library(), PatternSet::EcsV1) ==
        "^%{SYSLOGLINE}$");
}

TEST_CASE("what lines share stays, what differs becomes a field, the rest a message", "[grok]") {
  CHECK(
      suggest_pattern({"level=INFO took=12 [main] done in com.acme.Foo", "level=WARN took=7 [pool-1] done in com.acme.Bar"},
                      library(), PatternSet::EcsV1) ==
      R"(^level=%{LOGLEVEL:[log][level]} took=%{NUMBER:took:int} \[%{DATA:text}\] done in %{NOTSPACE:in}$)");
  CHECK(suggest_pattern({"user alice logged in from 10.0.0.1", "user bob logged out"}, library(), PatternSet::Legacy) ==
        "^user %{WORD:user} logged %{WORD:logged}%{GREEDYDATA:message}$");
  CHECK(suggest_pattern({"a=1 b=10.1.1.1 c=10.1.1.2"}, library(), PatternSet::EcsV1) ==
        "^a=%{NUMBER:a:int} b=%{IP:[source][ip]} c=%{IP:[destination][ip]}$");
}

TEST_CASE("the suggested pattern matches every sample, whatever they are", "[grok]") {
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {
      "10.0.0.1", " ",    "  ",  "user", "=",  "42",  "3.5", "\"a b\"", "[", "]", "(", "2026-01-02T03:04:05Z",
      "INFO",     "/a/b", "x-y", ".",    ":",  "é",   "%{",  "\\",      "$", "^", "|", "http://e.org/?q=1",
      "a@b.org",  "'",    "\t",  "-",    "日", "*+?", "{2}", ","};
  for (int round = 0; round < 60; ++round) {
    Lines lines;
    const std::size_t count = 1 + random() % 3;
    std::string common;
    for (std::size_t left = random() % 5; left > 0; --left) common += pieces[random() % pieces.size()];
    for (std::size_t i = 0; i < count; ++i) {
      std::string line = common;
      for (std::size_t left = 1 + random() % 6; left > 0; --left) line += pieces[random() % pieces.size()];
      lines.push_back(line);
    }
    const std::string pattern = suggest_pattern(lines, library(), PatternSet::EcsV1);
    for (const std::string& line : lines) {
      INFO(pattern << " for " << line);
      CHECK(matches_whole(pattern, line));
    }
  }
}

}  // namespace
}  // namespace logboom
