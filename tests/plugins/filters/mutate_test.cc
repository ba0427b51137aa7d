#include <catch2/catch.hpp>
#include <string>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

TEST_CASE("mutate runs its steps in its own order, however they are written", "[filter][mutate]") {
  CHECK(run_filter(
            R"(mutate { copy => { "b" => "c" } uppercase => ["b"] rename => { "a" => "b" } replace => { "a" => "x" } })",
            R"({"a":"old"})") == R"({"b":"OLD","a":"x","c":"OLD"})");
  CHECK(run_filter(R"(mutate { merge => { "a" => "b" } join => { "a" => "-" } split => { "a" => "," } })",
                   R"({"a":"1,2","b":"3"})") == R"({"a":["1-2","3"],"b":"3"})");
}

TEST_CASE("mutate ends at the first step that fails and leaves the decorations out", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { convert => { "n" => "integer" } uppercase => ["t"] add_tag => ["done"] })",
                   R"({"n":"x","t":"low"})") == R"({"n":"x","t":"low","tags":["_mutate_error"]})");
  CHECK(run_filter(R"(mutate { strip => ["l"] tag_on_failure => "own" })", R"({"l":[" a ",1]})") ==
        R"({"l":[" a ",1],"tags":["own"]})");
}

TEST_CASE("mutate marks failed decorations with its own failure tag", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { add_field => { "[[x" => "y" } tag_on_failure => "own" })", R"({"m":"v"})") ==
        R"({"m":"v","tags":["own"]})");
}

TEST_CASE("mutate tags events for a field name that is no reference", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { lowercase => ["a[b"] })", R"({"m":"V"})") == R"({"m":"V","tags":["_mutate_error"]})");
}

TEST_CASE("coerce, update and replace differ in which fields they set", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { coerce => { "n" => "%{a}!" "a" => "no" "none" => "no" } })", R"({"n":null,"a":"A"})") ==
        R"({"n":"A!","a":"A"})");
  CHECK(run_filter(R"(mutate { update => { "a" => "new" "none" => "no" } })", R"({"a":"A"})") == R"({"a":"new"})");
  CHECK(run_filter(R"(mutate { replace => { "[o][k]" => "%{a}" } })", R"({"a":7})") == R"({"a":7,"o":{"k":"7"}})");
}

TEST_CASE("rename moves values of any kind and keeps them when the new place is refused", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { rename => { "%{from}" => "[o][%{to}]" } })", R"({"from":"x","to":"y","x":[1,null]})") ==
        R"({"from":"x","to":"y","o":{"y":[1,null]}})");
  CHECK(run_filter(R"(mutate { rename => { "a" => "[t][k]" } })", R"({"t":"text","a":1})") ==
        R"({"t":"text","a":1,"tags":["_mutate_error"]})");
}

TEST_CASE("convert to integer keeps every digit", "[filter][mutate]") {
  const std::string filter = R"(mutate { convert => { "v" => "integer" } })";
  CHECK(run_filter(filter, R"({"v":["1,234.9"," 7 ","-123.45","9.007199254740993e+15","1E2","1_000",".5","5."]})") ==
        R"({"v":[1234,7,-123,9007199254740993,100,1000,0,5]})");
  CHECK(run_filter(filter, R"({"v":["0x7b","-0xFF","-0x1.edcdp6","0x10000000000000000"]})") ==
        R"({"v":[123,-255,-123,18446744073709551616]})");
  CHECK(run_filter(filter, R"({"v":["680564693277057720000000000000000000000.7","1e30"]})") ==
        R"({"v":[680564693277057720000000000000000000000,1000000000000000000000000000000]})");
  CHECK(run_filter(filter, R"({"v":[true,false,null,1.9,-1e20]})") == R"({"v":[1,0,null,1,-100000000000000000000]})");
}

TEST_CASE("convert refuses texts that only begin with a number", "[filter][mutate]") {
  for (const char* bad :
       {"", "abc", "12x", "1_", "_1", "1__0", "1e", "--1", "0x", "0x1p3", "1e999999999", "nan", "infinity", "1 2"}) {
    INFO(bad);
    const std::string event = std::string(R"({"v":")") + bad + R"("})";
    CHECK(run_filter(R"(mutate { convert => { "v" => "integer" } })", event) ==
          std::string(R"({"v":")") + bad + R"(","tags":["_mutate_error"]})");
  }
  for (const char* bad : {"", "abc", "1.", "1e999", "0x", "0x1.", "1.5.5"}) {
    INFO(bad);
    const std::string event = std::string(R"({"v":")") + bad + R"("})";
    CHECK(run_filter(R"(mutate { convert => { "v" => "float" } })", event) ==
          std::string(R"({"v":")") + bad + R"(","tags":["_mutate_error"]})");
  }
}

TEST_CASE("convert to float reads decimal and hexadecimal text", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { convert => { "v" => "float" } })",
                   R"({"v":["3141.5","0x1.8p+1","-0x1A",3,true,"1e-400",".5"]})") ==
        R"({"v":[3141.5,3.0,-26.0,3.0,1.0,0.0,0.5]})");
  CHECK(run_filter(R"(mutate { convert => { "v" => "float_eu" "w" => "integer_eu" } })",
                   R"({"v":"3.141,5","w":"1.000,9"})") == R"({"v":3141.5,"w":1000})");
}

TEST_CASE("convert to boolean knows some words and leaves all others", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { convert => { "v" => "boolean" } })",
                   R"({"v":["TRUE","t","Yes","y","1","1.0",1,"no","F",0,"","0.0","perhaps",2,-1,"on"]})") ==
        R"({"v":[true,true,true,true,true,true,true,false,false,false,false,false,"perhaps",2,-1,"on"]})");
}

TEST_CASE("convert to string prints numbers as Ruby does", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { convert => { "v" => "string" } })",
                   R"({"v":[123.0,1e20,1e15,1e16,0.0001,0.00001,-0.5,true,12,"s",100.25]})") ==
        R"({"v":["123.0","1.0e+20","1000000000000000.0","1.0e+16","0.0001","1.0e-05","-0.5","true","12","s","100.25"]})");
}

TEST_CASE("gsub replaces all matches with groups and references", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { gsub => [ "f", "/", "_" ] })", R"({"f":"/a/b/"})") == R"({"f":"_a_b_"})");
  CHECK(run_filter(R"~(mutate { gsub => [ "f", "(\w+)@(?:\w+)", "<\1|\0|\9>" ] })~", R"({"f":"joe@home x@y"})") ==
        R"({"f":"<joe|joe@home|> <x|x@y|>"})");
  CHECK(run_filter(R"(mutate { gsub => [ "f", "(?<who>\w+)@", "\k<who> at " ] })", R"({"f":"joe@home"})") ==
        R"({"f":"joe at home"})");
  CHECK(run_filter(R"(mutate { gsub => [ "f", "b%{x}", "[%{x}]" ] })",
                   "{\"f\":\"abcbd\",\"x\":\"c\"}\n{\"f\":\"abcbd\",\"x\":\"d\"}") ==
        "{\"f\":\"a[c]bd\",\"x\":\"c\"}\n{\"f\":\"abc[d]\",\"x\":\"d\"}");
  CHECK(run_filter(R"(mutate { gsub => [ "l", "[aeiou]", "" ] })", R"({"l":["steady",5,"o"]})") == R"({"l":["stdy",5,""]})");
  CHECK(run_filter(R"(mutate { gsub => [ "f", "x*", "-" ] })", R"({"f":"aé"})") == R"({"f":"-a-é-"})");
}

TEST_CASE("gsub keeps backslashes that mean nothing and halves doubled ones", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { gsub => [ "f", "b", "\q\\\\x" ] })", R"({"f":"abc"})") == R"({"f":"a\\q\\\\xc"})");
  CHECK(run_filter(R"(mutate { gsub => [ "f", "b+", "[\`|\&|\']" ] })", R"({"f":"abbc"})") == R"({"f":"a[a|bb|c]c"})");
}

TEST_CASE("gsub fails on an unknown group and on an expression that an event spoils", "[filter][mutate]") {
  CHECK(run_filter(R"~(mutate { gsub => [ "f", "(?<a>b)", "\k<nope>" ] })~", R"({"f":"abc"})") ==
        R"({"f":"abc","tags":["_mutate_error"]})");
  CHECK(run_filter(R"(mutate { gsub => [ "f", "%{x}", "y" ] })", R"({"f":"abc","x":"("})") ==
        R"({"f":"abc","x":"(","tags":["_mutate_error"]})");
}

TEST_CASE("letter case covers Unicode and skips what is no text", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { uppercase => ["v"] })", R"({"v":["ab",2,"straße ÿ","ž"]})") ==
        R"({"v":["AB",2,"STRASSE Ÿ","Ž"]})");
  CHECK(run_filter(R"(mutate { lowercase => ["v"] })", R"({"v":["AB","ÎLE DŸ","ΟΔΟΣ","İ"]})") ==
        R"({"v":["ab","île dÿ","οδοσ","i̇"]})");
  CHECK(run_filter(R"(mutate { capitalize => ["v"] })", R"({"v":["aBC","îLE","ßX",""," ab"]})") ==
        R"({"v":["Abc","Île","Ssx",""," ab"]})");
}

TEST_CASE("split drops empty pieces at the end and reads a blank as any blanks", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { split => { "f" => "," } })", R"({"f":",a,,b,,"})") == R"({"f":["","a","","b"]})");
  CHECK(run_filter(R"(mutate { split => { "f" => " " } })", R"({"f":"  a  b\tc "})") == R"({"f":["a","b","c"]})");
  CHECK(run_filter(R"(mutate { split => { "f" => "" } })", R"({"f":"aé"})") == R"({"f":["a","é"]})");
  CHECK(run_filter(R"(mutate { split => { "f" => "," "n" => "," } })", R"({"f":"","n":5})") == R"({"f":[],"n":5})");
}

TEST_CASE("join prints items as Ruby does and joins lists in lists", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { join => { "f" => "-" } })", R"({"f":["a",1,[2.0,null],{"k":"v"}]})") ==
        R"({"f":"a-1-2.0--{\"k\"=>\"v\"}"})");
}

TEST_CASE("merge extends lists and objects, and never mixes them", "[filter][mutate]") {
  CHECK(run_filter(R"(mutate { merge => { "l" => ["a", "b"] } })", R"({"l":"x","a":["y"],"b":"z"})") ==
        R"({"l":["x","y","z"],"a":["y"],"b":"z"})");
  CHECK(run_filter(R"(mutate { merge => { "o" => "p" } })", R"({"o":{"a":1,"b":1},"p":{"b":2}})") ==
        R"({"o":{"a":1,"b":2},"p":{"b":2}})");
  CHECK(run_filter(R"(mutate { merge => { "o" => "p" } })", R"({"o":{"a":1},"p":["x"]})") == R"({"o":{"a":1},"p":["x"]})");
  CHECK(run_filter(R"(mutate { merge => { "none" => "p" } })", R"({"p":{"b":2}})") == R"({"p":{"b":2}})");
}

TEST_CASE("copies and merged items are independent of their source", "[filter][mutate]") {
  CHECK(run_filter("mutate { copy => { \"a\" => \"b\" } }\nmutate { replace => { \"[a][k]\" => \"new\" } }",
                   R"({"a":{"k":"old"}})") == R"({"a":{"k":"new"},"b":{"k":"old"}})");
  CHECK(run_filter("mutate { merge => { \"l\" => \"a\" } }\nmutate { replace => { \"[a][0][k]\" => \"new\" } }",
                   R"({"a":[{"k":"old"}]})") == R"({"a":[{"k":"new"}],"l":[{"k":"old"}]})");
}

TEST_CASE("mutate refuses what cannot work, all at once", "[filter][mutate]") {
  const auto errors = check_config(
      R"(filter { mutate { convert => { "a" => "int" } gsub => ["f", "(", "x"] } mutate { gsub => ["f", "a"] } })");
  CHECK_THAT(errors, Contains("no type \"int\""));
  CHECK_THAT(errors, Contains("gsub:"));
  CHECK_THAT(errors, Contains("2 values are no triples"));
}

}  // namespace
}  // namespace logboom
