#include <fmt/format.h>
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/run_filter.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

constexpr RunFilterOptions kLegacy{.ecs = EcsMode::Disabled};

std::string message(std::string_view pattern, std::string_view more = "") {
  return fmt::format(R"(grok {{ match => {{ "message" => "{}" }} {} }})", pattern, more);
}

/// A directory of pattern files, gone at the end.
class PatternFolder {
 public:
  PatternFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "grok_test.XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~PatternFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  void write(const std::string& name, std::string_view text) const { std::ofstream(path_ + "/" + name) << text; }

 private:
  std::string path_;
};

TEST_CASE("grok makes fields of named captures", "[filter][grok]") {
  CHECK(run_filter(message("%{IP:client} %{WORD:verb} %{NUMBER:bytes:int} %{NUMBER:seconds:float} (?<rest>.*)"),
                   R"({"message":"10.0.0.1 GET 512 0.25 and on"})") ==
        R"({"message":"10.0.0.1 GET 512 0.25 and on","client":"10.0.0.1","verb":"GET","bytes":512,"seconds":0.25,)"
        R"("rest":"and on"})");
  CHECK(run_filter(
            message("%{WORD:[a][b]} %{WORD:[@metadata][c]} %{WORD:d-e}", R"(add_field => { "c" => "%{[@metadata][c]}" })"),
            R"({"message":"x y z"})") == R"({"message":"x y z","a":{"b":"x"},"d-e":"z","c":"y"})");
}

TEST_CASE("grok uses the patterns with ECS names or the older ones", "[filter][grok]") {
  const std::string line =
      R"({"message":"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /a.gif HTTP/1.0\" 200 2326"})";
  const std::string legacy = run_filter(message("%{COMMONAPACHELOG}", "remove_field => [\"message\"]"), line, kLegacy);
  CHECK_THAT(legacy, Contains(R"("clientip":"127.0.0.1")") && Contains(R"("response":"200")"));
  const std::string ecs = run_filter(message("%{COMMONAPACHELOG}", "remove_field => [\"message\"]"), line);
  CHECK_THAT(ecs, Contains(R"("source":{"address":"127.0.0.1"})") && Contains(R"("status_code":200)"));
  CHECK(run_filter(message("%{COMMONAPACHELOG}", "remove_field => [\"message\"] ecs_compatibility => disabled"), line) ==
        legacy);
}

TEST_CASE("grok tags events that match nothing and does not decorate them", "[filter][grok]") {
  CHECK(run_filter(message("^%{INT:n}$", R"(add_tag => ["found"] add_field => { "x" => "y" })"), R"({"message":"word"})") ==
        R"({"message":"word","tags":["_grokparsefailure"]})");
  CHECK(run_filter(message("^%{INT:n}$", R"(tag_on_failure => ["a", "b"])"), R"({"message":"word","tags":["a"]})") ==
        R"({"message":"word","tags":["a","b"]})");
  CHECK(run_filter(message("^%{INT:n}$", "tag_on_failure => []"), R"({"message":"word"})") == R"({"message":"word"})");
  CHECK(run_filter(message("^%{INT:n}$", R"(add_tag => ["found"])"), R"({"message":"7"})") ==
        R"({"message":"7","n":"7","tags":["found"]})");
}

TEST_CASE("grok reads numbers as far as they go", "[filter][grok]") {
  const auto integer = [](const std::string& text) {
    return run_filter(message("^(?<n:n:int>.*)$", R"(remove_field => ["message"])"),
                      fmt::format(R"({{"message":"{}"}})", text));
  };
  CHECK(integer("12ms") == R"({"n":12})");
  CHECK(integer("-5") == R"({"n":-5})");
  CHECK(integer("+5") == R"({"n":5})");
  CHECK(integer(" 007") == R"({"n":7})");
  CHECK(integer("ms") == R"({"n":0})");
  CHECK(integer("") == R"({"n":0})");
  CHECK(integer("1_000__2") == R"({"n":1000})");
  CHECK(integer("3.9") == R"({"n":3})");
  CHECK(integer("0x10") == R"({"n":0})");
  CHECK(integer("9223372036854775807") == R"({"n":9223372036854775807})");
  CHECK(integer("-9223372036854775808") == R"({"n":-9223372036854775808})");
  CHECK(integer("9223372036854775808x") == R"({"n":9223372036854775808})");
  CHECK(integer("-0009223372036854775809") == R"({"n":-9223372036854775809})");

  const auto real = [](const std::string& text) {
    return run_filter(message("^(?<n:n:float>.*)$", R"(remove_field => ["message"])"),
                      fmt::format(R"({{"message":"{}"}})", text));
  };
  CHECK(real("0.25s") == R"({"n":0.25})");
  CHECK(real("-1.5e3x") == R"({"n":-1500.0})");
  CHECK(real("1e") == R"({"n":1.0})");
  CHECK(real("2.") == R"({"n":2.0})");
  CHECK(real(".5") == R"({"n":0.5})");
  CHECK(real("1_0.2_5") == R"({"n":10.25})");
  CHECK(real("inf") == R"({"n":0.0})");
  CHECK(real("nan") == R"({"n":0.0})");
  CHECK(real("") == R"({"n":0.0})");
  CHECK(real("1e-999") == R"({"n":0.0})");
  CHECK(real("1e999") == R"({"n":"1e999"})");
}

TEST_CASE("grok converts only the first of several groups with one name", "[filter][grok]") {
  const std::string filter = message("(?:a%{INT:n:int}|b%{INT:n:int})", R"(remove_field => ["message"])");
  CHECK(run_filter(filter, R"({"message":"a1"})") == R"({"n":1})");
  CHECK(run_filter(filter, R"({"message":"b1"})") == R"({"n":"1"})");
}

TEST_CASE("grok makes lists of texts, extends lists and drops captures on anything else", "[filter][grok]") {
  const std::string filter = message("%{WORD:a} %{WORD:b}");
  CHECK(run_filter(filter, R"({"message":"x y","a":"old","b":["p","q"]})") ==
        R"({"message":"x y","a":["old","x"],"b":["p","q","y"]})");
  CHECK(run_filter(filter, R"({"message":"x y","a":7,"b":{"c":1}})") == R"({"message":"x y","a":7,"b":{"c":1}})");
  CHECK(run_filter(filter, R"({"message":"x y","a":null,"b":true})") == R"({"message":"x y","a":"x","b":true})");
  CHECK(run_filter(message("%{WORD} %{GREEDYDATA:message}"), R"({"message":"x y"})") == R"({"message":["x y","y"]})");
  CHECK(run_filter(message("%{WORD:a} %{WORD:a}"), R"({"message":"x y"})") == R"({"message":"x y","a":["x","y"]})");
}

TEST_CASE("grok replaces the fields that overwrite names", "[filter][grok]") {
  CHECK(run_filter(message("%{WORD} %{GREEDYDATA:message}", R"(overwrite => ["message"])"), R"({"message":"x y"})") ==
        R"({"message":"y"})");
  CHECK(run_filter(message("%{WORD:[a][b]} %{INT:n:int}", R"(overwrite => ["[a][b]", "n"])"),
                   R"({"message":"x 1","a":{"b":7},"n":"q"})") == R"({"message":"x 1","a":{"b":"x"},"n":1})");
}

TEST_CASE("grok keeps the time and the tags of an event legal", "[filter][grok]") {
  CHECK(run_filter(message("%{INT:tags:int}"), R"({"message":"7","tags":["a"]})") ==
        R"({"message":"7","tags":["a","_grokparsefailure"]})");
  CHECK(run_filter(message("%{WORD:tags}"), R"({"message":"b","tags":["a"]})") == R"({"message":"b","tags":["a","b"]})");
  CHECK(run_filter(message("%{WORD:@timestamp}"), R"({"message":"b","@timestamp":"2020-01-01T00:00:00.000Z"})") ==
        R"({"message":"b","@timestamp":"2020-01-01T00:00:00.000Z"})");
  CHECK_THAT(run_filter(message("%{WORD:@timestamp}", R"(overwrite => ["@timestamp"])"), R"({"message":"b"})"),
             Contains("_grokparsefailure"));
}

TEST_CASE("grok counts a capture that the event cannot hold as a failure", "[filter][grok]") {
  CHECK(run_filter(message("%{WORD:[host][name]}"), R"({"message":"x","host":"text"})") ==
        R"({"message":"x","host":"text","tags":["_grokparsefailure"]})");
}

TEST_CASE("grok puts captures below the target", "[filter][grok]") {
  CHECK(run_filter(message("%{WORD:a} %{WORD:[b][c]}", R"(target => "t")"), R"({"message":"x y"})") ==
        R"({"message":"x y","t":{"a":"x","b":{"c":"y"}}})");
  CHECK(run_filter(message("%{WORD:a}", R"(target => "[t][u]" overwrite => ["a"])"),
                   R"({"message":"x","t":{"u":{"a":"old"}}})") == R"({"message":"x","t":{"u":{"a":"x"}}})");
}

TEST_CASE("grok drops captures of nothing unless it is told to keep them", "[filter][grok]") {
  const std::string pattern = "^(?<a>x*)(?<b>y)?(?<n:n:int>z)?$";
  CHECK(run_filter(message(pattern), R"({"message":""})") == R"({"message":""})");
  CHECK(run_filter(message(pattern, "keep_empty_captures => true"), R"({"message":""})") ==
        R"({"message":"","a":"","b":null,"n":null})");
}

TEST_CASE("grok matches missing fields as empty, numbers by their text, and list elements one by one", "[filter][grok]") {
  CHECK(run_filter(message("^$", R"(add_tag => ["empty"])"), R"({"a":1})") == R"({"a":1,"tags":["empty"]})");
  CHECK(run_filter(message("^%{NUMBER:n}$"), R"({"message":1.0})") == R"({"message":1.0,"n":"1.0"})");
  CHECK(run_filter(message("^true$"), R"({"message":true})") == R"({"message":true})");
  CHECK(run_filter(message("%{INT:n}"), R"({"message":["a 1","b",3]})") == R"({"message":["a 1","b",3],"n":["1","3"]})");
  CHECK(run_filter(message("%{INT:n}"), R"({"message":["a","b"]})") ==
        R"({"message":["a","b"],"tags":["_grokparsefailure"]})");
  // What a capture adds to the list is not matched again.
  CHECK(run_filter(message("^.(?<message>.+)"), R"({"message":["abc","de"]})") == R"({"message":["abc","de","bc","e"]})");
}

TEST_CASE("grok ends at the first match of all fields, or tries everything", "[filter][grok]") {
  const std::string match = R"(match => { "a" => ["%{INT:i}", "%{WORD:w}"] "b" => "%{WORD:x}" })";
  const std::string event = R"({"a":"1 z","b":"y"})";
  CHECK(run_filter(fmt::format("grok {{ {} }}", match), event) == R"({"a":"1 z","b":"y","i":"1"})");
  CHECK(run_filter(fmt::format("grok {{ {} break_on_match => false }}", match), event) ==
        R"({"a":"1 z","b":"y","i":"1","w":"1","x":"y"})");
  // The last pattern of a field decides whether it matched.
  CHECK(run_filter(R"(grok { match => { "a" => ["%{INT:i}", "nothing"] } break_on_match => false })", R"({"a":"1"})") ==
        R"({"a":"1","i":"1","tags":["_grokparsefailure"]})");
}

TEST_CASE("grok takes patterns from files and definitions, the later ones winning", "[filter][grok]") {
  const PatternFolder folder;
  folder.write("one.pattern", "# a comment\nTHING [a-c]+\nOTHER %{THING}-%{INT}\n");
  folder.write("two.txt", "THING never\n");
  const std::string files = fmt::format(R"(patterns_dir => ["{}"] patterns_files_glob => "*.pattern")", folder.path());
  CHECK(run_filter(message("%{OTHER:o}", files), R"({"message":"xabc-1"})") == R"({"message":"xabc-1","o":"abc-1"})");
  CHECK(run_filter(message("%{OTHER:o}", files + R"( pattern_definitions => { "THING" => "x" })"), R"({"message":"x-1"})") ==
        R"({"message":"x-1","o":"x-1"})");
  CHECK(run_filter(message("%{WORD} %{N=[0-9]+}", "named_captures_only => false"), R"({"message":"a 1"})") ==
        R"({"message":"a 1","WORD":"a","N":"1"})");
}

TEST_CASE("grok's dot matches newlines, and its anchors every line", "[filter][grok]") {
  CHECK(run_filter(message("a(?<x>.*)c"), R"({"message":"a\nb\nc"})") == R"({"message":"a\nb\nc","x":"\nb\n"})");
  CHECK(run_filter(message("^%{INT:n}$"), R"({"message":"a\n1\nb"})") == R"({"message":"a\n1\nb","n":"1"})");
}

TEST_CASE("grok gives up on a text that costs too much, tags it and goes on", "[filter][grok]") {
  // The linear engine has no answer for this one, so the limit of steps decides.
  const std::string filter = message(R"(^(a|a)*(?!b)\1$|(?=q)\1*)", R"(tag_on_timeout => "slow" add_tag => ["found"])");
  const std::string bomb = std::string(40, 'a') + "b";
  CHECK(run_filter(filter, fmt::format("{{\"message\":\"{}\"}}\n{{\"message\":\"q\"}}", bomb)) ==
        fmt::format("{{\"message\":\"{}\",\"tags\":[\"slow\"]}}\n{{\"message\":\"q\",\"tags\":[\"found\"]}}", bomb));
}

TEST_CASE("grok keeps what other patterns captured before one cost too much", "[filter][grok]") {
  const std::string bomb = std::string(40, 'a') + "b";
  CHECK(run_filter(R"(grok { match => { "m" => ["(?<last>b)$", "^(a|a)*(?!b)\1$|(?=q)\1*"] } break_on_match => false })",
                   fmt::format(R"({{"m":"{}"}})", bomb)) ==
        fmt::format(R"({{"m":"{}","last":"b","tags":["_groktimeout"]}})", bomb));
}

TEST_CASE("grok reports bad patterns at their place, all at once", "[filter][grok]") {
  const std::string errors = check_config(R"(filter { grok {
    match => { "a" => ["%{WROD:x}", "(unclosed"] "b" => "%{LOOP}" }
    pattern_definitions => { "LOOP" => "%{LOOP}" }
    patterns_dir => ["/nonexistent/patterns"]
    timeout_scope => "evnt"
  } })");
  CHECK_THAT(errors, Contains("is not one of pattern, event"));
  const std::string more = check_config(R"(filter { grok {
    match => { "a" => ["%{WROD:x}", "(unclosed"] "b" => "%{LOOP}" }
    pattern_definitions => { "LOOP" => "%{LOOP}" }
    patterns_dir => ["/nonexistent/patterns"]
  } })");
  CHECK_THAT(more, Contains("test.conf:2:24") && Contains("WROD") && Contains("WORD"));
  CHECK_THAT(more, Contains("test.conf:2:37"));
  CHECK_THAT(more, Contains("LOOP") && Contains("/nonexistent/patterns"));
  CHECK(check_config(R"(filter { grok { match => { "m" => "%{SYSLOGLINE}" } timeout_millis => 0 timeout_scope => event } })")
            .empty());
}

}  // namespace
}  // namespace logboom
