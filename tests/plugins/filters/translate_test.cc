#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

/// A dictionary file that exists as long as this.
class DictionaryText {
 public:
  DictionaryText(const std::string& ending, const std::string& content)
      : path_("translate_test_" + std::to_string(getpid()) + ending) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~DictionaryText() { std::remove(path_.c_str()); }
  std::string option() const { return "dictionary_path => \"" + path_ + "\" "; }

 private:
  std::string path_;
};

std::string translated(const std::string& options, const std::string& event) {
  return run_filter("translate { source => \"s\" target => \"t\" " + options + " }", event);
}

TEST_CASE("translate looks whole texts up and keeps the types of values", "[filter][translate]") {
  const std::string dictionary = R"(dictionary => { "200" => "OK" "n" => 5 "l" => [1, { "k" => "v" }] })";
  CHECK(translated(dictionary, R"({"s":200})") == R"({"s":200,"t":"OK"})");
  CHECK(translated(dictionary, R"({"s":"n"})") == R"({"s":"n","t":5})");
  CHECK(translated(dictionary, R"({"s":["l","200"]})") == R"({"s":["l","200"],"t":[1,{"k":"v"}]})");
  CHECK(translated(dictionary + R"( add_tag => ["hit"])", R"({"s":"2000"})") == R"({"s":"2000"})");
}

TEST_CASE("translate in regex mode takes the first key that matches", "[filter][translate]") {
  const std::string options = R"(regex => true dictionary => [ "^2\d\d$", "OK", "^2", "two" ])";
  CHECK(translated(options, R"({"s":"200"})") == R"({"s":"200","t":"OK"})");
  CHECK(translated(options, R"({"s":"2000"})") == R"({"s":"2000","t":"two"})");
}

TEST_CASE("translate replaces every key in the text when it need not be exact", "[filter][translate]") {
  const std::string options = R"(exact => false dictionary => { "a" => "1" "ab" => "2" "." => "dot" "x" => "x" })";
  CHECK(translated(options, R"({"s":"ab.ca"})") == R"({"s":"ab.ca","t":"1bdotc1"})");
  CHECK(translated(options, R"({"s":"xyz"})") == R"({"s":"xyz"})");
}

TEST_CASE("translate leaves an existing target alone unless told otherwise", "[filter][translate]") {
  CHECK(translated(R"(dictionary => { "aa" => "b" })", R"({"s":"aa","t":"old"})") == R"({"s":"aa","t":"old"})");
  CHECK(translated(R"(dictionary => { "aa" => "b" } override => true)", R"({"s":"aa","t":"old"})") ==
        R"({"s":"aa","t":"b"})");
}

TEST_CASE("translate works in place with ECS and decorates then without a match too", "[filter][translate]") {
  const std::string filter = R"(translate { source => "s" dictionary => { "aa" => "b" } add_tag => ["t"] })";
  CHECK(run_filter(filter, "{\"s\":\"aa\"}\n{\"s\":\"zz\"}\n{\"n\":1}") ==
        "{\"s\":\"b\",\"tags\":[\"t\"]}\n{\"s\":\"zz\",\"tags\":[\"t\"]}\n{\"n\":1}");
  CHECK(run_filter(filter, R"({"s":"aa"})", {.ecs = EcsMode::Disabled}) == R"({"s":"aa","translation":"b","tags":["t"]})");
}

TEST_CASE("translate falls back to a text made from the event", "[filter][translate]") {
  CHECK(translated(R"(fallback => "no %{s}" add_tag => ["t"])", R"({"s":"zz"})") ==
        R"({"s":"zz","t":"no zz","tags":["t"]})");
}

TEST_CASE("translate works item by item", "[filter][translate]") {
  const std::string dictionary = R"(dictionary => { "aa" => "A" "1" => "one" } )";
  CHECK(translated(dictionary + R"(iterate_on => "s")", R"({"s":["aa",1,"zz"]})") ==
        R"({"s":["aa",1,"zz"],"t":["A","one",null]})");
  CHECK(translated(dictionary + R"(iterate_on => "s" fallback => "?")", R"({"s":["zz"]})") == R"({"s":["zz"],"t":["?"]})");
  CHECK(translated(dictionary + R"(iterate_on => "l")", R"({"l":[{"s":"aa"},{"s":"zz","t":"old"},5,{"n":1}]})") ==
        R"({"l":[{"s":"aa","t":"A"},{"s":"zz","t":"old"},5,{"n":1}]})");
}

TEST_CASE("translate reads YAML with its types and its ordered maps", "[filter][translate]") {
  const DictionaryText file(
      ".yml",
      "\xEF\xBB\xBF"
      "a: 1\n'b': '2'\nc: [yes, ~, 1.5, \"true\", 0x10, 017, 1_000, text]\n200: OK\nd: &x {k: v}\ne: *x\n");
  CHECK(translated(file.option(), R"({"s":"a"})") == R"({"s":"a","t":1})");
  CHECK(translated(file.option(), R"({"s":"b"})") == R"({"s":"b","t":"2"})");
  CHECK(translated(file.option(), R"({"s":"c"})") == R"({"s":"c","t":[true,null,1.5,"true",16,15,1000,"text"]})");
  CHECK(translated(file.option(), R"({"s":200})") == R"({"s":200,"t":"OK"})");
  CHECK(translated(file.option(), R"({"s":"e"})") == R"({"s":"e","t":{"k":"v"}})");
  const DictionaryText ordered(".yaml", "--- !!omap\n- a: 1\n- b: 2\n");
  CHECK(translated(ordered.option(), R"({"s":"b"})") == R"({"s":"b","t":2})");
}

TEST_CASE("translate reads JSON and CSV", "[filter][translate]") {
  const DictionaryText json(".json", R"({"a":10,"b":{"c":[1]}})");
  CHECK(translated(json.option(), R"({"s":"b"})") == R"({"s":"b","t":{"c":[1]}})");
  const DictionaryText csv(".csv", "a,1,more\r\n\"b, \"\"x\"\"\",\"two\nlines\"\n\nc,\"\"\nd,\n");
  CHECK(translated(csv.option(), R"({"s":"a"})") == R"({"s":"a","t":"1"})");
  CHECK(translated(csv.option(), R"({"s":"b, \"x\""})") == R"({"s":"b, \"x\"","t":"two\nlines"})");
  CHECK(translated(csv.option(), R"({"s":"c"})") == R"({"s":"c","t":""})");
  CHECK(translated(csv.option(), R"({"s":"d"})") == R"({"s":"d","t":null})");
}

TEST_CASE("translate refuses dictionaries that it cannot read", "[filter][translate]") {
  const auto errors_of = [](const std::string& ending, const std::string& content, const std::string& more = "") {
    const DictionaryText file(ending, content);
    return check_config("filter { translate { source => \"s\" " + file.option() + more + " } }");
  };
  CHECK_THAT(errors_of(".yml", "a: [1\nb: 2"), Contains("dictionary_path"));
  CHECK_THAT(errors_of(".yml", "just text"), Contains("no map"));
  CHECK_THAT(errors_of(".json", "{\"a\":"), Contains("dictionary_path"));
  CHECK_THAT(errors_of(".json", "[1]"), Contains("no object"));
  CHECK_THAT(errors_of(".csv", "a,b\n\"c,d"), Contains("record 2"));
  CHECK_THAT(errors_of(".txt", "a"), Contains("must end in .yml"));
  CHECK_THAT(errors_of(".csv", "(,b", "regex => true"), Contains("the key \"(\""));
  CHECK_THAT(errors_of(".yml", "a: 1\n", "yaml_dictionary_code_point_limit => 4"),
             Contains("more than yaml_dictionary_code_point_limit"));
  CHECK_THAT(errors_of(".json", "{}", "yaml_dictionary_code_point_limit => 4"), Contains("for YAML dictionaries only"));
  CHECK(errors_of(".yml", "").empty());
  CHECK(errors_of(".csv", "").empty());
  CHECK(errors_of(".json", "").empty());
}

TEST_CASE("translate does not expand aliases without bound", "[filter][translate]") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i <= 9; ++i) {
    const std::string earlier = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + earlier;
    for (int j = 0; j < 9; ++j) text += ", " + earlier;
    text += "]\n";
  }
  const DictionaryText file(".yml", text);
  CHECK_THAT(check_config("filter { translate { source => \"s\" " + file.option() + " } }"), Contains("too many values"));
}

TEST_CASE("translate refuses options that contradict each other", "[filter][translate]") {
  const auto errors_of = [](const std::string& options) { return check_config("filter { translate { " + options + " } }"); };
  CHECK_THAT(errors_of(R"(target => "t")"), Contains("needs the option \"source\""));
  CHECK_THAT(errors_of(R"(source => "s" field => "f")"), Contains("source and field"));
  CHECK_THAT(errors_of(R"(source => "s" target => "t" destination => "d")"), Contains("target and destination"));
  CHECK_THAT(errors_of(R"(source => "s" target => "[s]" override => false)"), Contains("has no effect"));
  CHECK_THAT(errors_of(R"(source => "s" refresh_behaviour => "append")"), Contains("not one of merge, replace"));
}

}  // namespace
}  // namespace logboom
