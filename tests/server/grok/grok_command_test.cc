#include "server/grok/grok_command.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

using Catch::Contains;

namespace logboom {
namespace {

struct Ran {
  int status = 0;
  std::string out;
  std::string err;
};

Ran run(const std::vector<std::string>& arguments, const std::string& lines = "", bool is_terminal = false) {
  std::istringstream in(lines);
  std::ostringstream out;
  std::ostringstream err;
  const int status = run_grok_command(arguments, in, out, err, is_terminal);
  return {status, out.str(), err.str()};
}

TEST_CASE("logboom grok shows the fields that the filter would make", "[grok]") {
  const Ran ran = run({"--json", "%{WORD:[a][verb]} %{NUMBER:n:int}"}, "GET 42\r\nPUT 7\n");
  CHECK(ran.status == 0);
  CHECK(ran.out ==
        "{\"matched\":true,\"pattern\":0,\"line\":\"GET 42\",\"fields\":{\"a\":{\"verb\":\"GET\"},\"n\":42}}\n"
        "{\"matched\":true,\"pattern\":0,\"line\":\"PUT 7\",\"fields\":{\"a\":{\"verb\":\"PUT\"},\"n\":7}}\n");
  CHECK_THAT(ran.err, Contains("2 lines: 2 matched, 0 did not"));
}

TEST_CASE("logboom grok says how far a line matched and what failed", "[grok]") {
  const Ran ran = run({R"(^"%{WORD:verb}" %{NUMBER:n})"}, "\"GET\" abc\n");
  CHECK(ran.status == 1);
  CHECK_THAT(ran.out, Contains("no match: \"GET\" abc") && Contains(R"(matches  ^"%{WORD:verb}" )") &&
                          Contains("fails    %{NUMBER:n}  =  %{BASE10NUM}") && Contains("at byte 6: abc"));
  const Ran json = run({"--json", "^a%{INT:n}"}, "ab");
  CHECK(json.out ==
        "{\"matched\":false,\"pattern\":0,\"line\":\"ab\",\"longest_prefix\":\"^a\",\"prefix_begin\":0,"
        "\"prefix_end\":1,\"failing\":\"%{INT:n}\",\"within\":[]}\n");
}

TEST_CASE("logboom grok paints captures on a terminal only", "[grok]") {
  CHECK_THAT(run({"--color", "always", "%{WORD:a} %{WORD:b}"}, "x y").out,
             Contains("\x1b[32mx\x1b[0m") && Contains("\x1b[36my"));
  CHECK(run({"%{WORD:a}"}, "x").out.find('\x1b') == std::string::npos);
}

TEST_CASE("logboom grok takes definitions, several patterns and both sets", "[grok]") {
  CHECK_THAT(run({"-p", "TICKET=[A-Z]+-\\d+", "%{TICKET:t}"}, "see AB-12").out, Contains("\"t\": \"AB-12\""));
  CHECK_THAT(run({"^%{INT:n}$", "-m", "^%{WORD:w}$", "--json"}, "x").out,
             Contains("\"pattern\":1") && Contains("{\"w\":\"x\"}"));
  CHECK_THAT(run({"--ecs-compatibility", "disabled", "--list", "COMBINEDAPACHELOG"}).out, Contains("COMBINEDAPACHELOG"));
  CHECK_THAT(run({"--all", "--json", "%{WORD}"}, "x").out, Contains("{\"WORD\":\"x\"}"));
}

TEST_CASE("logboom grok suggests and explains", "[grok]") {
  const Ran ran = run({"--suggest"}, "port 22 open\nport 80 open\n");
  CHECK(ran.status == 0);
  CHECK_THAT(ran.out, Contains("^port %{NUMBER:port:"));
  CHECK_THAT(ran.err, Contains("matches all 2 lines"));
  CHECK_THAT(run({"--explain", "%{INT:n}"}).out, Contains("captures     n"));
}

TEST_CASE("logboom grok refuses what it cannot use, with status 2", "[grok]") {
  CHECK(run({}).status == 2);
  CHECK(run({"--suggest"}).status == 2);
  CHECK(run({"--nonsense"}).status == 2);
  CHECK(run({"%{INT:n}", "/no/such/file"}).status == 2);
  CHECK(run({"-p", "=x", "a"}).status == 2);
  const Ran unknown = run({"%{NUMBR:n}"});
  CHECK(unknown.status == 2);
  CHECK_THAT(unknown.err, Contains("NUMBR"));
}

TEST_CASE("logboom grok bounds lines and takes any bytes", "[grok]") {
  const Ran longest = run({"-q", "^a+$"}, std::string(3 * 1024 * 1024, 'a'));
  CHECK(longest.status == 0);
  CHECK_THAT(run({"--json", "%{GREEDYDATA:a}"}, "a\xff").out, Contains(R"("a":"a\\xFF")"));
}

}  // namespace
}  // namespace logboom
