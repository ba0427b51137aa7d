#include "server/test_command/test_command.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/support/temporary_directory.h"

namespace logboom {
namespace {

using Catch::Contains;

struct Answer {
  int status = 0;
  std::string out;
  std::string err;
};

Answer run(const std::vector<std::string>& words) {
  std::ostringstream out, err;
  const int status = run_test_command(words, {out, err});
  return {status, out.str(), err.str()};
}

/// Runs one file of tests with this text.
Answer run_text(const std::string& yaml, std::vector<std::string> more = {}) {
  TemporaryDirectory directory;
  directory.write("case.yml", yaml);
  more.insert(more.begin(), directory.at("case.yml"));
  return run(more);
}

/// A file of one test of `filter`, with the rest of the test.
std::string one_test(const std::string& filter, const std::string& test) {
  return "filter: |\n  " + filter + "\ntests:\n  - name: it\n" + test;
}

}  // namespace

TEST_CASE("the example of the documentation passes", "[test_command]") {
  TemporaryDirectory directory;
  std::ifstream page("docs/testing-pipelines.md");
  std::stringstream text;
  text << page.rdbuf();
  const std::string all = text.str();
  const std::size_t begin = all.find("```yaml\n") + 8;
  REQUIRE(begin > 8);
  directory.write("web.yml", all.substr(begin, all.find("```", begin) - begin));
  const Answer answer = run({directory.at("web.yml"), "-v"});
  INFO(answer.out << answer.err);
  CHECK(answer.status == 0);
  CHECK_THAT(answer.out, Contains("3 passed, 0 failed"));
}

TEST_CASE("the shipped pipeline passes its shipped tests, and they use all of it", "[test_command]") {
  const Answer answer = run({"config/tests", "--coverage", "--min-coverage", "100"});
  INFO(answer.out << answer.err);
  CHECK(answer.status == 0);
  CHECK_THAT(answer.out, Contains("branches of conditions: 4 of 4 used") && Contains("grok patterns: 1 of 1 used"));
}

TEST_CASE("what differs is shown field by field, with the event", "[test_command]") {
  const Answer answer =
      run_text(one_test("mutate { add_field => { \"b\" => \"x\" } }", R"(    input: { a: 1, c: { d: true } }
    expect:
      fields: { a: "1", c: { d: true, e: 2 } }
      tags: [seen]
      outputs: [other]
)"));
  INFO(answer.out);
  CHECK(answer.status == 1);
  CHECK_THAT(answer.out, Contains("FAIL") && Contains("event 1 (to test_output), expected at line 7:"));
  CHECK_THAT(answer.out, Contains("[a]: want \"1\", got 1"));
  CHECK_THAT(answer.out, Contains("[c][e]: want 2, but it is not there"));
  CHECK_THAT(answer.out, Contains("[b]: is not wanted, got \"x\""));
  CHECK_THAT(answer.out, Contains("want the tag \"seen\", got []"));
  CHECK_THAT(answer.out, Contains("outputs: want [\"other\"], got [\"test_output\"]"));
  CHECK_THAT(answer.out, Contains("the event: {") && Contains("0 passed, 1 failed"));
}

TEST_CASE("too many, too few and dropped events are told", "[test_command]") {
  const std::string filter = "if [n] == 1 { drop { } } clone { clones => [\"copy\"] }";
  const Answer few = run_text(one_test(filter, "    input: [{ n: 1 }]\n    expect: [{ contains: { n: 1 } }]\n"));
  CHECK_THAT(few.out, Contains("0 events came out, expected are 1") && Contains("event 1 did not come (line 6)"));
  const Answer many = run_text(one_test(filter, "    input: [{ n: 2 }]\n    expect: [{ contains: { n: 2 } }]\n"));
  CHECK_THAT(many.out,
             Contains("2 events came out, expected are 1") && Contains("event 2 (to test_output) was not expected: {"));
  CHECK(run_text(one_test(filter, "    input: [{ n: 1 }]\n    expect: []\n    dropped: 1\n")).status == 0);
  CHECK_THAT(run_text(one_test(filter, "    input: [{ n: 2 }]\n    dropped: 1\n")).out,
             Contains("0 events were dropped, expected are 1"));
}

TEST_CASE("every matcher holds for what it says, and for nothing else", "[test_command]") {
  const std::string event =
      R"(    input: { s: abc, n: 12.5, i: 7, b: true, l: [1, 2], o: { x: 1, y: 2 }, z: null, t: "2024-05-01T12:00:00.000Z" }
)";
  const std::pair<const char*, bool> cases[] = {
      {"s: !any", true},
      {"q: !any", false},
      {"q: !absent", true},
      {"s: !absent", false},
      {"s: !regex '^a.c$'", true},
      {"s: !regex '^b'", false},
      {"i: !regex '^7$'", true},
      {"n: !approx 12.5000001", true},
      {"n: !approx 12.6", false},
      {"n: !approx [12, 0.5]", true},
      {"s: !approx 1", false},
      {"s: !type string", true},
      {"i: !type integer", true},
      {"n: !type integer", false},
      {"n: !type float", true},
      {"n: !type number", true},
      {"b: !type boolean", true},
      {"l: !type array", true},
      {"o: !type object", true},
      {"z: !type null", true},
      {"t: !type timestamp", true},
      {"s: !type timestamp", false},
      {"s: !contains b", true},
      {"s: !contains d", false},
      {"l: !contains [2]", true},
      {"l: !contains [3]", false},
      {"o: !contains { y: 2 }", true},
      {"o: !contains { y: 3 }", false},
      {"l: !unordered [2, 1]", true},
      {"l: !unordered [2]", false},
      {"l: [2, 1]", false},
      {"o: { x: 1 }", true},  // a part, inside contains
      {"\"[o][y]\": 2", true},
      {"\"[l][1]\": 2", true},
      {"z: null", true},
      {"q: null", false},
      {"i: 7.0", true},
      {"i: \"7\"", false},
      {"t: \"2024-05-01T12:00:00Z\"", true},
      {"t: \"2024-05-01T12:00:01Z\"", false},
  };
  for (const auto& [wanted, holds] : cases) {
    const Answer answer = run_text(one_test("mutate { }", event + "    expect: { contains: { " + wanted + " } }\n"));
    CAPTURE(wanted, answer.out);
    CHECK(answer.status == (holds ? 0 : 1));
  }
}

TEST_CASE("labels, outputs and failures are followed", "[test_command]") {
  const Answer answer = run_text(R"(
config: |
  input { tcp { port => 5000 } http { port => 8080 label => "@EDGE" type => "web" } }
  filter { date { match => ["when", "ISO8601"] on_failure => "dlq" } }
  output {
    if [n] == 1 { elasticsearch { id => "store" } relabel { label => "@AUDIT" } }
    else if [n] == 2 { relabel { label => "@AUDIT" } }
    else if [n] == 3 { file { path => "/nowhere" } }
  }
  label "@EDGE" { filter { mutate { add_tag => ["edge"] } } output { kafka { topic_id => "t" } } }
  label "@AUDIT" { output { stdout { } } }
  label "@ERROR" { output { if [n] != 6 { null { id => "failed" } } } }
tests:
  - name: ways
    input: [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }, { n: 5, when: never }, { n: 6, when: never }]
    expect:
      - { contains: { n: 1 }, outputs: [store], label: "" }
      - { contains: { n: 3 }, outputs: [output_file_1] }
      - { contains: { n: 4 }, outputs: [] }
      - { contains: { n: 1 }, outputs: [output_stdout_1], label: "@AUDIT" }
      - { contains: { n: 2 }, outputs: [output_stdout_1], label: "@AUDIT" }
      - contains: { n: 5 }
        outputs: failed
        label: "@ERROR"
        no_tags: [_dateparsefailure]
        metadata: { error: { plugin_type: date, reason: _dateparsefailure } }
      - { contains: { n: 6 }, outputs: [], label: "@ERROR" }
  - name: the other input has a label
    from: http
    lines: [hello]
    expect:
      - { contains: { message: hello, type: web }, tags: [edge], outputs: [output_kafka_1], label: "@EDGE" }
)");
  INFO(answer.out << answer.err);
  CHECK(answer.status == 0);
}

TEST_CASE("what has no place else reaches the dead-letter queue when there is one", "[test_command]") {
  const Answer answer = run_text(R"(
filter: 'date { match => ["when", "ISO8601"] on_failure => "dlq" }'
settings: { dead_letter_queue.enable: true }
tests:
  - name: it fails
    input: { when: never }
    expect: { contains: { when: never }, outputs: dead_letter_queue }
)");
  INFO(answer.out);
  CHECK(answer.status == 0);
}

TEST_CASE("time stands still, variables come from the file, and tests do not see each other's state", "[test_command]") {
  const Answer answer = run_text(R"(
filter: |
  mutate { add_field => { "region" => "${REGION}" } }
  throttle { key => "%{user}" after_count => 1 period => "60" max_age => 120 add_tag => "again" }
env: { REGION: eu }
tests:
  - name: first
    input: [{ user: ann }, { user: ann }]
    expect:
      - { contains: { region: eu, "@timestamp": "2024-01-01T00:00:00Z" }, no_tags: again }
      - tags: again
  - name: second
    clock: 2024-05-01T12:00:00.5Z
    input: { user: ann }
    expect: { contains: { "@timestamp": "2024-05-01T12:00:00.500Z" }, no_tags: again }
)");
  INFO(answer.out);
  CHECK(answer.status == 0);
}

TEST_CASE("lines go through a codec of their own or the input's", "[test_command]") {
  const Answer answer = run_text(R"(
config: 'input { tcp { port => 1 codec => json } }'
tests:
  - name: of the input
    lines: ['{"n":1}', '{"n":2}']
    expect: [{ contains: { n: 1 } }, { contains: { n: 2 } }]
  - name: of the test
    codec: 'multiline { pattern => "^\s" what => "previous" }'
    lines: [one, "  more", two]
    expect: [{ contains: { message: "one\n  more" } }, { contains: { message: two } }]
)");
  INFO(answer.out);
  CHECK(answer.status == 0);
}

TEST_CASE("what no test has used is named, and too little of it fails", "[test_command]") {
  const std::string text = R"(
filter: |
  grok { match => { "message" => ["^a%{INT:n}$", "^b%{INT:n}$"] } }
  if [n] == "1" { mutate { } }
  else if [n] == "2" { mutate { } }
tests:
  - name: it
    input: { message: a1 }
    expect: [{ contains: { n: "1" } }]
)";
  const Answer shown = run_text(text, {"--coverage"});
  INFO(shown.out);
  CHECK(shown.status == 0);
  CHECK_THAT(shown.out, Contains("branches of conditions: 1 of 3 used (33 %)"));
  CHECK_THAT(shown.out, Contains(R"(else if [n] == "2")") && Contains("none of its conditions holds"));
  CHECK_THAT(shown.out, Contains("grok patterns: 1 of 2 used (50 %)") && Contains("^b%{INT:n}$"));
  const Answer strict = run_text(text, {"--min-coverage", "50"});
  CHECK(strict.status == 1);
  CHECK_THAT(strict.out, Contains("coverage is 40.0 %, asked for are 50 %"));
  CHECK(run_text(text, {"--min-coverage", "40"}).status == 0);
}

TEST_CASE("results are written as JUnit XML", "[test_command]") {
  TemporaryDirectory directory;
  directory.write("a.yml", one_test("mutate { }", R"(    input: { a: "<&>" }
    expect: { fields: { a: "\"b\"" } }
)"));
  directory.write("b.yml", one_test("mutate { }", "    input: { a: 1 }\n    expect: { fields: { a: 1 } }\n"));
  directory.write("c.yml", one_test("no_such_filter { }", "    input: { a: 1 }\n    expect: []\n"));
  const Answer answer = run({directory.path(), "--junit", directory.at("out.xml")});
  CHECK(answer.status == 2);
  const std::string xml = directory.read("out.xml");
  INFO(xml);
  CHECK_THAT(xml, Contains("<testsuites name=\"logboom test\" tests=\"3\" failures=\"1\" errors=\"1\""));
  CHECK_THAT(xml, Contains("/a.yml\" tests=\"1\" failures=\"1\" errors=\"0\""));
  CHECK_THAT(xml, Contains("<failure message=") &&
                      Contains("[a]: want &quot;\\&quot;b\\&quot;&quot;, got &quot;&lt;&amp;&gt;&quot;"));
  CHECK_THAT(xml, Contains("<error message="));
  CHECK_THAT(xml, Contains("name=\"it\"") && Contains("line=\"4\""));
}

TEST_CASE("a pipeline that cannot be compiled is told once, with its place", "[test_command]") {
  const Answer answer = run_text(R"(
filter: |
  grok { mach => { } }
tests:
  - { name: one, input: { a: 1 }, expect: [] }
  - { name: two, input: { a: 1 }, expect: [] }
)");
  CHECK(answer.status == 2);
  CHECK_THAT(answer.out, Contains("has no option \"mach\"") && Contains("did you mean \"match\"?"));
  CHECK(answer.out.find("no option") == answer.out.rfind("no option"));
  CHECK_THAT(answer.out, Contains("0 passed, 0 failed, 2 could not run"));
}

TEST_CASE("a file of tests that cannot be read is refused with line and remedy", "[test_command]") {
  const std::pair<const char*, const char*> cases[] = {
      {"tests: [", "case.yml:"},
      {"filter: ''\ntests:\n  - nam: x\n", "case.yml:3: a test has no \"nam\"; did you mean \"name\"?"},
      {"filter: ''\n", "there are no tests"},
      {"tests: [{ name: a, expect: [] }]\n", "say what is tested"},
      {"filter: ''\npipeline: x\ntests: [{ name: a, expect: [] }]\n", "say what is tested"},
      {"filter: ''\ntests:\n  - name: a\n", "says what it expects"},
      {"filter: ''\ntests:\n  - { name: a, expect: [{ fields: { a: !regx x } }] }\n",
       "no matcher !regx; did you mean !regex?"},
      {"filter: ''\ntests:\n  - { name: a, expect: [{ fields: { a: !type text } }] }\n", "\"text\" is not one of string"},
      {"filter: ''\ntests:\n  - { name: a, expect: [{ fields: { a: !regex '(' } }] }\n", "!regex:"},
      {"filter: ''\ntests:\n  - { name: a, expect: [{ fields: { a: !approx x } }] }\n", "!approx wants a number"},
      {"filter: ''\nclock: noon\ntests: [{ name: a, expect: [] }]\n", "clock: \"noon\" is no time"},
      {"filter: ''\nsettings: { pipeline.wrkers: 2 }\ntests: [{ name: a, expect: [] }]\n", "pipeline.wrkers"},
      {"filter: ''\ntests: [{ name: a, input: text, expect: [] }]\n", "an event or a list of events is wanted"},
      {"filter: ''\ntests: [{ name: a, input: { a: 1 }, lines: [b], expect: [] }]\n", "not both"},
      {"just text\n", "is written as keys and values"},
      {"", "is written as keys and values"},
  };
  for (const auto& [text, problem] : cases) {
    const Answer answer = run_text(text);
    CAPTURE(text, answer.out);
    CHECK(answer.status == 2);
    CHECK_THAT(answer.out, Contains(problem));
  }
  CHECK_THAT(run({"/nowhere/case.yml"}).out, Contains("/nowhere/case.yml cannot be read"));
  CHECK_THAT(run_text("pipeline: nowhere.conf\ntests: [{ name: a, expect: [] }]\n").out, Contains("no configuration found"));
  CHECK_THAT(run_text("filter: ''\ntests: [{ name: a, from: tcp, expect: [] }]\n").out,
             Contains("there is no input \"tcp\" (there are test_input)"));
}

TEST_CASE("tests are chosen by name, and choosing none is an error", "[test_command]") {
  const std::string text = one_test("mutate { }", "    input: { a: 1 }\n    expect: []\n") +
                           "  - name: other\n    input: { a: 1 }\n    expect: { fields: { a: 1 } }\n";
  CHECK(run_text(text).status == 1);
  CHECK(run_text(text, {"-k", "other"}).status == 0);
  const Answer none = run_text(text, {"-k", "no such"});
  CHECK(none.status == 2);
  CHECK_THAT(none.err, Contains("no test ran"));
  CHECK(run({}).status == 2);
}

}  // namespace logboom
