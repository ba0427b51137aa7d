#include <catch2/catch.hpp>
#include <string>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

std::string dissected(const std::string& mapping, const std::string& text) {
  return run_filter("dissect { mapping => { \"m\" => \"" + mapping + "\" } remove_field => [\"m\"] }",
                    "{\"m\":\"" + text + "\"}");
}
std::string refused(const std::string& mapping, const std::string& text) {
  const std::string out = dissected(mapping, text);
  CHECK(out == "{\"m\":\"" + text + "\",\"tags\":[\"_dissectfailure\"]}");
  return out;
}

TEST_CASE("dissect cuts at delimiters and gives the rest to the last field", "[filter][dissect]") {
  CHECK(dissected("[%{a}] %{b}:%{[c][d]}", "[x y] z:1: 2") == R"({"a":"x y","b":"z","c":{"d":"1: 2"}})");
  CHECK(dissected("%{a}.࿏.%{b}", "⟳༒.࿏.༒⟲") == R"({"a":"⟳༒","b":"༒⟲"})");
  CHECK(dissected("%{a}-%{b}", "x---y") == R"({"a":"x","b":"--y"})");
  CHECK(dissected("XXX %{y} ZZZ", "XXX YYY ZZZ more") == R"({"y":"YYY"})");
}

TEST_CASE("dissect refuses a text that lacks a delimiter", "[filter][dissect]") {
  refused("%{a} %{b} %{c}", "foo:bar baz");
  refused("MACHINE[%{a}] %{b}", "12 MACHINE[foo] bar");
  refused("%{a} %{b}%{c} %{d}", "foo bar baz");
  refused("%{a}", "");
  refused("x%{a}", "");
}

TEST_CASE("dissect skips, pads, appends and goes through names", "[filter][dissect]") {
  CHECK(dissected("%{} %{?n} %{k}", "a b c") == R"({"k":"c"})");
  CHECK(dissected("%{a->} %{b->}--%{c}", "foo    bar------baz") == R"({"a":"foo","b":"bar","c":"baz"})");
  CHECK(dissected("%{?->}-%{a}", "-----666") == R"({"a":"666"})");
  CHECK(dissected("%{k}-%{+k}:%{+k}", "1-2:3") == R"({"k":"1-2:3"})");
  CHECK(dissected("%{+k/3} %{+k/1} %{+k/2->} %{z}", "1 2 3   4") == R"({"z":"4","k":"2 3 1"})");
  CHECK(dissected("%{?k}=%{&k}, %{l}=%{&l}, %{&none}", "a=1, b=2, 3") == R"({"l":"b","a":"1","b":"2"})");
}

TEST_CASE("dissect behaves as Logstash at an empty first field", "[filter][dissect]") {
  CHECK(dissected("%{a},%{b}", ",x") == R"({"a":"","b":",x"})");
}

TEST_CASE("dissect appends to a field that the event had", "[filter][dissect]") {
  CHECK(run_filter(R"(dissect { mapping => { "m" => "%{x}|%{+k}" } })", R"({"m":"a|b","k":7})") ==
        R"({"m":"a|b","k":"7|b","x":"a"})");
}

TEST_CASE("dissect tries every mapping and decorates after each that fits", "[filter][dissect]") {
  CHECK(
      run_filter(
          R"(dissect { mapping => { "m" => "%{a} %{r}" "r" => "%{b} %{c}" "none" => "%{x}" "a" => "%{q}!%{w}" } add_tag => ["t"] })",
          R"({"m":"1 2 3"})") == R"({"m":"1 2 3","a":"1","r":"2 3","tags":["t","t","_dissectfailure"],"b":"2","c":"3"})");
}

TEST_CASE("dissect converts numbers and tags what is none", "[filter][dissect]") {
  CHECK(run_filter(R"(dissect { convert_datatype => { "a" => "int" "b" => "int" "c" => "float" "[d]" => "int" } })",
                   R"({"a":"-12.9","b":"439474042575071862892","c":"1e3","d":12.5})") ==
        R"({"a":-12,"b":439474042575071862892,"c":1000.0,"d":12})");
  CHECK(
      run_filter(R"(dissect { convert_datatype => { "a" => "int" "b" => "FLOAT" "c" => "int" "d" => "int" } })",
                 R"({"a":{},"b":"1x","d":"1e999999999"})") ==
      R"({"a":{},"b":"1x","d":"1e999999999","tags":["_dataconversionuncoercible_a_int","_dataconversionuncoercible_b_FLOAT","_dataconversionnullvalue_c_int","_dataconversionuncoercible_d_int"]})");
}

TEST_CASE("dissect refuses mappings that cannot work", "[filter][dissect]") {
  const auto errors = check_config(
      R"(filter { dissect { mapping => { "a" => "%{+&x}" "b" => "%{+/2}" "c" => "%{&->}" "d" => "plain" } convert_datatype => { "a" => "integer" } } })");
  CHECK_THAT(errors, Contains("both appended (+) and indirect (&)") && Contains("\"%{+/2}\" has no name") &&
                         Contains("\"%{&->}\" has no name"));
  CHECK_THAT(errors, Contains("the mapping has no field") && Contains("no type \"integer\""));
}

}  // namespace
}  // namespace logboom
