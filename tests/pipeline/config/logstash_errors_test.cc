// What is refused in the Logstash language: each at its place, with a remedy, and without errors that follow from errors.
#include <fmt/core.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "pipeline/config/logstash_parser.h"

using namespace logboom;
using Catch::Contains;

namespace {

/// "line:column message | hint" of every error, each on a line.
std::string errors_of(std::string text) {
  Graph graph;
  Diagnostics diagnostics;
  parse_logstash(std::make_shared<SourceText>("t.conf", std::move(text)), {}, graph, diagnostics);
  std::string out;
  for (const auto& item : diagnostics.items()) {
    if (item.severity != Severity::Error) continue;
    const SourceLocation at = item.span.source->locate(item.span.offset);
    out += fmt::format("{}:{} {} | {}\n", at.line, at.column, item.message, item.hint);
  }
  return out;
}

std::size_t count_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

struct Refusal {
  const char* filter;  // the body of a filter section that begins in line 2
  const char* place;   // of the only error
  const char* says;    // in its message or hint
};

constexpr Refusal kRefusals[] = {
    {"mutate { add_tag => \"x\"", "1:1", "not closed before the end of the file"},
    {"if [a1] {\n  mutate { add_tag => \"x\" }\n", "1:1", "not closed"},
    {"mutate { add_tag \"x\" }", "2:18", "joined by =>"},
    {"mutate { add_tag = \"x\" }", "2:18", "joined by =>"},
    {"mutate { add_tag: \"x\" }", "2:17", "joined by =>"},
    {"mutate { add_tag -> \"x\" }", "2:18", "found \"->\""},
    {"mutate { add_tag => \"x }", "2:21", "closing \" is missing"},
    {"mutate { add_field => { \"p\" => \"C:\\temp\\\" } }", "2:32", "cannot end in a backslash"},
    {"mutate { add_field => { \"\"more\"\" => \"x\" } }", "2:27", "quotes are doubled"},
    {"mutate { add_tag => [\"a\", \"b\",] }", "2:30", "no comma may stand before"},
    {"mutate { add_tag => [, \"b\"] }", "2:22", "a value is missing"},
    {"mutate { add_tag => [\"a\" }", "2:21", "this list is not closed"},
    {"mutate { add_tag => [\"a\"\n add_field => { aa => 1 } }", "2:21", "this list is not closed"},
    {"mutate { add_tag => [\"a\" \"b\"] }", "2:26", "separated by commas"},
    {"mutate { add_field => [\"a\" => \"b\"] }", "2:28", "pairs stand in { }"},
    {"mutate { add_field => { \"aa\" => \"1\", \"bb\" => \"2\", \"cc\" => \"3\" } }", "2:36", "not by commas"},
    {"mutate { add_field => { \"aa\" => \"1\", } }", "2:36", "not by commas"},
    {"mutate { add_field => { \"aa\"=>\"1\"\"bb\" => \"2\" } }", "2:34", "separated by white space"},
    {"mutate { add_field => { foo.bar => \"1\" } }", "2:25", "write \"foo.bar\""},
    {"mutate { add_field => { [foo][bar] => \"1\" } }", "2:25", "write \"[foo][bar]\""},
    {"mutate { add_field => { a => \"b\" } }", "2:25", "two characters at least; write \"a\""},
    {"mutate { add_field => { aa = \"b\" } }", "2:28", "joined by =>"},
    {"mutate { add_field => { \"aa\" => \"1\" \"aa\" => \"2\" } }", "2:37", "stands twice"},
    {"mutate { add_tag => some.tag }", "2:21", "write \"some.tag\""},
    {"mutate { add_tag => x }", "2:21", "two characters"},
    {"mutate { path => /tmp/x.yml }", "2:18", "write \"/tmp/x.yml\""},
    {"mutate { add_tag => %{foo} }", "2:21", "write \"%{foo}\""},
    {"mutate { add_tag => ${FOO:x} }", "2:21", "write \"${FOO:x}\""},
    {"mutate { add_tag => [foo][bar] }", "2:26", "needs quotes"},
    {"mutate { add_tag => }", "2:21", "expected a value, found \"}\""},
    {"mutate { add_tag => \"a\"remove_tag => \"b\" }", "2:24", "separated by white space"},
    {"mutate { add_tag => \"a\", remove_tag => \"b\" }", "2:24", "separated by white space, not by \",\""},
    {"mutate { add_tag => \"a\"; }", "2:24", "not by \";\""},
    {"mutate { add_tag => \xE2\x80\x9Cx\xE2\x80\x9D }", "2:21", "typographic quotes"},
    {"mutate {\xC2\xA0 }", "2:9", "non-breaking space"},
    {"mutate", "2:1", "a plugin is written"},
    {"mutate => { add_tag => \"a\" }", "2:8", "no \"=>\" stands between"},
    {"mu.tate { }", "2:1", "letters, digits, _ and -"},
    {"mutate { }\nhello\nmutate { }", "3:1", "\"hello\" has no braces"},
    {"\"hello\"", "2:1", "has no braces"},
    {"throttle { after_count => +1 }", "2:27", "no plus sign"},
    {"throttle { after_count => 1e3 }", "2:27", "exponents are not known"},
    {"throttle { after_count => 1.2.3 }", "2:27", "\"1.2.3\" is no number"},
    {"throttle { host => 10.0.0.1:80 }", "2:20", "in quotes if it is text"},
    {"throttle { after_count => 089 }", "2:27", "octal"},
    {"// no\nmutate { }", "2:1", "comments begin with #"},
    {"mutate { add_tag => \"a\" # done }", "1:1", "not closed"},
    {"mutate { if [aa] { add_tag => \"x\" } else { } }", "2:10", "put the plugin inside the if"},
    {"mutate { add_tag => \"x\"\n grok { match => { } }\n }", "3:7", "\"mutate\" in line 2 lacks its closing brace"},
    {"if  { mutate { } }", "2:5", "a condition is missing"},
    {"if [foo] = \"x\" { mutate { } }", "2:10", "use \"==\""},
    {"if [foo] === \"x\" { mutate { } }", "2:10", "use \"==\""},
    {"if [aa] && [bb] { mutate { } }", "2:9", "use \"and\""},
    {"if [aa] || [bb] { mutate { } }", "2:9", "use \"or\""},
    {"if [aa] AND [bb] { mutate { } }", "2:9", "use \"and\""},
    {"if not [aa] { mutate { } }", "2:4", "![field]"},
    {"if ![foo] == \"bar\" { mutate { } }", "2:4", "!( ... )"},
    {"if !\"x\" in [tags] { mutate { } }", "2:4", "not in"},
    {"if !![aa] { mutate { } }", "2:4", "cancel out"},
    {"if [foo] == bar { mutate { } }", "2:13", "text needs quotes"},
    {"if [flag] == true { mutate { } }", "2:14", "if [field]"},
    {"if [flag] == null { mutate { } }", "2:14", "![field]"},
    {"if [foo] == { mutate { } }", "2:13", "on the right of \"==\""},
    {"if == \"x\" { mutate { } }", "2:4", "on the left of \"==\""},
    {"if ([aa] and [bb] { mutate { } }", "2:19", "expected \")\", found \"{\""},
    {"if [aa]) { mutate { } }", "2:8", "expected \"{\" after the condition"},
    {"if () { mutate { } }", "2:4", "empty"},
    {"if [aa] =~ /abc { mutate { } }", "2:12", "closing / is missing"},
    {"if [aa] =~ /abc/i { mutate { } }", "2:17", "/(?i)abc/"},
    {"if [aa] =~ [bb] { mutate { } }", "2:12", "not a field"},
    {"if [aa] =~ abc { mutate { } }", "2:12", "write /abc/"},
    {"if [aa] == /abc/ { mutate { } }", "2:12", "use \"=~\""},
    {"if /abc/ =~ [aa] { mutate { } }", "2:4", "on the right only"},
    {"if [aa { mutate { add_tag => \"x\" } }", "2:4", "] is missing"},
    {"if [aa and [bb] { mutate { } }", "2:4", "] is missing"},
    {"if [[foo]][bar] { mutate { } }", "2:4", "[a][b]"},
    {"if \"x\" in { mutate { } }", "2:11", "on the right of \"in\""},
    {"if \"x\" notin [tags] { mutate { } }", "2:8", "use \"not in\""},
    {"if or [aa] { mutate { } }", "2:4", "on the left of \"or\""},
    {"if [aa] and { mutate { } }", "2:13", "expected a field"},
    {"if [aa] <> \"x\" { mutate { } }", "2:9", "use \"!=\""},
    {"if [aa] => 1 { mutate { } }", "2:9", "use \">=\""},
    {"if %{aa} == \"x\" { mutate { } }", "2:4", "written [aa]"},
    {"if ${AA} == \"x\" { mutate { } }", "2:4", "write \"${AA}\""},
    {"if \"text\" { mutate { } }", "2:4", "a string alone is no condition"},
    {"if 5 { mutate { } }", "2:4", "a number alone is no condition"},
    {"if \"a${X}\" and [b] { mutate { } }", "2:4", "a string alone is no condition"},
    {"if [aa] == [bb] == [cc] { mutate { } }", "2:17", "two sides only"},
    {"if ([aa]) == 1 { mutate { } }", "2:11", "cannot be compared"},
    {"if [aa] xor [bb] xor [cc] { mutate { } }", "2:9", "put parentheses"},
    {"if [aa] and [bb] nand [cc] { mutate { } }", "2:18", "put parentheses"},
    {"if is_it([aa]) { mutate { } }", "2:4", "no functions"},
    {"if [aa] in ['x', /y/] { mutate { } }", "2:18", "no regular expressions"},
    {"if [aa] in ['x', 'y',] { mutate { } }", "2:22", "no comma"},
    {"IF [aa] { mutate { } }", "2:1", "lower case"},
    {"else { mutate { } }", "2:1", "belongs to no if"},
    {"if [aa] { } else { } else { }", "2:22", "belongs to no if"},
    {"if [aa] { } else { } else if [bb] { }", "2:22", "belongs to no if"},
    {"if [aa] { } elif [bb] { mutate { } }", "2:13", "else if"},
    {"if [aa] { } else [bb] { mutate { } }", "2:18", "else if"},
    {"if [aa] { }\nmutate { }\nelse { }", "4:1", "belongs to no if"},
    {"unless [aa] { mutate { } }", "2:1", "if !( ... )"},
};

}  // namespace

TEST_CASE("every mistake is refused once, at its place, with a remedy", "[config][logstash][errors]") {
  for (const Refusal& refusal : kRefusals) {
    const std::string found = errors_of(fmt::format("filter {{\n{}\n}}", refusal.filter));
    INFO(refusal.filter);
    INFO(found);
    CHECK(count_lines(found) == 1);
    CHECK(found.substr(0, found.find(' ')) == refusal.place);
    CHECK_THAT(found, Contains(refusal.says));
  }
}

TEST_CASE("what stands outside of sections is refused", "[config][logstash][errors]") {
  CHECK_THAT(errors_of("filters { x { } }\noutput { }"),
             Contains("1:1 expected a section") && Contains("did you mean \"filter\"?"));
  CHECK_THAT(errors_of("input { } }\nfilter { }"), Contains("1:11") && Contains("one too many"));
  CHECK_THAT(errors_of("grok { }"), Contains("1:1 expected a section") && Contains("inside input"));
  CHECK_THAT(errors_of("filter"), Contains("1:7 expected \"{\" after \"filter\", found the end of the file"));
  CHECK_THAT(errors_of("input { if [a] { x { } } }"), Contains("1:9 conditions cannot stand in an input section"));
  CHECK_THAT(errors_of("filter { x { } }\n\xFF"), Contains("2:1 a configuration must be UTF-8"));
}

TEST_CASE("independent errors are shown together", "[config][logstash][errors]") {
  const std::string found = errors_of(
      "input { beats { port = 1 host => a.b } }\n"
      "filter {\n"
      "  if [a] == b { mutate { add_tag => [\"a\",] } }\n"
      "  else if [c] && [d] { grok { match => { \"m\" => \"x\", \"n\" => \"y\" } } }\n"
      "  drop\n"
      "  mutate { x => 1e3 good => 1 y => /tmp }\n"
      "}\n"
      "ouput { stdout { } }\n"
      "output { file { path => } }\n");
  INFO(found);
  CHECK(count_lines(found) == 11);
  for (const char* place : {"1:22 ", "1:34 ", "3:13 ", "3:41 ", "4:15 ", "4:52 ", "5:3 ", "6:17 ", "6:36 ", "8:1 ", "9:25 "})
    CHECK_THAT("\n" + found, Contains(std::string("\n") + place));
}

TEST_CASE("a missing closing quote stops the reading with a hint to where it began", "[config][logstash][errors]") {
  const std::string found = errors_of(
      "filter {\n  mutate { add_tag => \"one }\n  mutate { add_tag => \"two\" }\n  mutate { add_tag => \"three\" }\n}\n");
  CHECK(count_lines(found) == 1);
  CHECK_THAT(found, Contains("3:24 ") && Contains("begins at 2:23; is a closing quote missing there?"));
}

TEST_CASE("a section inside of a block says which block lacks its brace", "[config][logstash][errors]") {
  const std::string found = errors_of("filter {\n  if [a] {\n    mutate { }\n}\n\noutput {\n  stdout { }\n}\n");
  CHECK(count_lines(found) == 1);
  CHECK_THAT(found, Contains("6:1 a section cannot begin inside of \"filter\"") &&
                        Contains("perhaps that of \"if\" in line 2, which the differently indented } in line 4 closes"));
  CHECK_THAT(errors_of("input { x { codec => json { output { stdout { } }"),
             Contains("1:29 a section cannot begin inside of \"json\""));
}

TEST_CASE("nesting is bounded", "[config][logstash][errors]") {
  const auto repeated = [](std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  for (const std::string& text :
       {"filter { x { k => " + repeated("[", 100000), "filter { x { k => " + repeated("{ a1 => ", 100000),
        "filter { x { k => " + repeated("c1 { a1 => ", 100000), "filter { if " + repeated("(", 100000),
        "filter { if " + repeated("!(", 100000), "filter { " + repeated("if [a] { ", 100000),
        "filter { if [a] in " + repeated("['b',", 100000)})
    CHECK_THAT(errors_of(text), Contains("nested deeper than 200 levels"));
  CHECK(errors_of("filter { x { k => " + repeated("[", 150) + repeated("]", 150) + " } }").empty());
}

TEST_CASE("after fifty errors a file is given up", "[config][logstash][errors]") {
  std::string text = "filter { x {\n";
  for (int i = 0; i < 1000; ++i) text += "aa = 1\n";
  const std::string found = errors_of(text + "} }");
  CHECK(count_lines(found) == 51);
  CHECK_THAT(found, Contains("the rest of this file was not read"));
}

TEST_CASE("large hostile texts are read in linear time", "[config][logstash][errors]") {
  const auto repeated = [](std::string_view text) {
    std::string out;
    while (out.size() < 1000000) out += text;
    return out;
  };
  // Each of these would not end within the test's time limit if it took quadratic time.
  for (const char* piece : {"k => { a1 => { b1 => 1 } } ", "k => 1 ", "k => { a1 => 'x' } ", "%{%{", "%{}", "k => aa #\n",
                            "'", "[[", "k => [aa] ", "else ", "input ", "label ", "k \"a\" ", "# c\n", "k => \"${A:\" "})
    CHECK(errors_of("filter { x { " + repeated(piece)).find("1:") != std::string::npos);
  for (const char* piece : {"[a] and ", "'a' ", "([a] or [b]) and ", "[a] in ['x','y'] or ", "![", "/"})
    CHECK_FALSE(errors_of("filter { if " + repeated(piece)).empty());
}

TEST_CASE("random changes to a configuration never break the parser", "[config][logstash][errors]") {
  const std::string seed =
      "input { beats { port => 5044 codec => json { charset => \"UTF-8\" } } }\n"
      "filter { if [a] == \"x\" and !([b] in [\"y\", 'z']) or [c] =~ /^\\/v/ { grok { match => { \"m\" => '%{X:y}' } } }\n"
      "else if \"${V}\" not in [t] { drop { } } else { mutate { add_tag => [\"a\", bb, 010] } } } # c\n"
      "label \"@L\" { filter { uuid { } } output { stdout { } } }";
  const std::vector<std::string> pieces{"{",  "}",  "[",        "]",       "(",  ")",  "\"",   "'",    "=>",  "=",    "!",
                                        "/",  ",",  "#",        "\n",      " ",  "if", "else", "in",   "not", "and",  "xor",
                                        "${", "%{", "filter {", "output{", "-1", "0",  "\\",   "\xC3", "@",   "label"};
  std::mt19937 random(20240229);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  for (int round = 0; round < 3000; ++round) {
    std::string text = seed;
    for (std::size_t changes = 1 + below(6); changes > 0; --changes) {
      const std::size_t at = below(text.size());
      switch (below(3)) {
        case 0: text.erase(at, 1 + below(12)); break;
        case 1: text.insert(at, pieces[below(pieces.size())]); break;
        default: text[at] = static_cast<char>(random()); break;
      }
      if (text.empty()) text = " ";
    }
    const auto source = std::make_shared<SourceText>("r.conf", text);
    Graph graph;
    Diagnostics diagnostics;
    parse_logstash(source, {}, graph, diagnostics);
    CHECK(diagnostics.items().size() < 200);
    for (const auto& item : diagnostics.items()) {
      REQUIRE(item.span.source == source.get());
      REQUIRE(item.span.offset <= text.size());
    }
    CHECK(diagnostics.render().empty() == diagnostics.items().empty());
  }
}
