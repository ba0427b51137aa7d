#include "pipeline/config/logstash_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

using namespace logboom;
using Catch::Contains;

namespace {

struct Parsed {
  Graph graph;
  Diagnostics diagnostics;
};

Parsed parse(std::string text, LogstashParserOptions options = {}) {
  Parsed out;
  parse_logstash(std::make_shared<SourceText>("t.conf", std::move(text)), options, out.graph, out.diagnostics);
  return out;
}

std::string print(const ConfigValue& value);

std::string print(const PluginNode& plugin) {
  std::string out = plugin.name + "{";
  for (const auto& attribute : plugin.attributes) out += fmt::format(" {}={}", attribute.name, print(attribute.value));
  return out + " }";
}

std::string print(const ConfigValue& value) {
  std::string out;
  switch (value.kind) {
    case ConfigValue::Kind::Bareword: return value.text;
    case ConfigValue::Kind::String: return "'" + value.text + "'";
    case ConfigValue::Kind::Number:
      return value.is_integer ? fmt::format("{}", value.integer) : fmt::format("{:.3f}", value.real);
    case ConfigValue::Kind::Array:
      for (const auto& item : value.items) out += (out.empty() ? "" : ", ") + print(item);
      return "[" + out + "]";
    case ConfigValue::Kind::Hash:
      for (const auto& [key, item] : value.entries) out += (out.empty() ? "" : " ") + print(key) + ":" + print(item);
      return "<" + out + ">";
    case ConfigValue::Kind::Plugin: return print(*value.plugin);
  }
  return "?";
}

std::string print(const Operand& operand) {
  if (operand.kind == Operand::Kind::Regex) return "/" + operand.text + "/";
  if (operand.kind == Operand::Kind::String) return "'" + operand.text + "'";
  if (operand.kind != Operand::Kind::Array) return operand.text;
  std::string out;
  for (const auto& item : operand.items) out += (out.empty() ? "" : ",") + print(item);
  return "(" + out + ")";
}

std::string print(const ConditionNode& node) {
  static const char* const names[] = {"and", "or", "xor", "nand", "not",    "==", "!=", "<",
                                      ">",   "<=", ">=",  "in",   "not-in", "=~", "!~", "?"};
  std::string out = fmt::format("({}", names[static_cast<int>(node.kind)]);
  for (const auto& child : node.children) out += " " + print(child);
  for (const auto& operand : node.operands) out += " " + print(operand);
  return out + ")";
}

std::string print(const std::vector<Statement>& statements) {
  std::string out;
  for (const auto& statement : statements) {
    if (!out.empty()) out += "; ";
    if (const auto* plugin = std::get_if<PluginNode>(&statement.node)) {
      out += print(*plugin);
      continue;
    }
    const auto& choice = std::get<IfNode>(statement.node);
    for (const auto& branch : choice.branches)
      out += fmt::format("if {} [{}] ", print(branch.condition), print(branch.body));
    out += fmt::format("else [{}]", print(choice.otherwise));
  }
  return out;
}

/// Parses what must be right and prints its filters.
std::string filters_of(std::string text, LogstashParserOptions options = {}) {
  const Parsed parsed = parse(std::move(text), options);
  INFO(parsed.diagnostics.render());
  REQUIRE_FALSE(parsed.diagnostics.has_errors());
  return print(parsed.graph.filters);
}

std::string value_of(const std::string& value, LogstashParserOptions options = {}) {
  const std::string printed = filters_of("filter { x { kk => " + value + " } }", options);
  return printed.substr(6, printed.size() - 8);
}

std::string condition_of(const std::string& condition) {
  const std::string printed = filters_of("filter { if " + condition + " { } }");
  return printed.substr(3, printed.size() - 3 - std::string(" [] else []").size());
}

/// "line:column message | hint" of every error and warning, each on a line.
std::string problems(std::string text, Severity up_to = Severity::Error) {
  const Parsed parsed = parse(std::move(text));
  std::string out;
  for (const auto& item : parsed.diagnostics.items()) {
    if (item.severity > up_to) continue;
    const SourceLocation at = item.span.source->locate(item.span.offset);
    out += fmt::format("{}:{} {} | {}\n", at.line, at.column, item.message, item.hint);
  }
  return out;
}

}  // namespace

TEST_CASE("sections come in any order and repeat", "[config][logstash]") {
  const Parsed parsed = parse(
      "# nothing\noutput { o1 { } } filter{f1{}f2{}} input { i1 { } }\nfilter { f3 { } } input { i2 { } } output { o2 { } } "
      "# end");
  REQUIRE_FALSE(parsed.diagnostics.has_errors());
  REQUIRE(parsed.graph.inputs.size() == 2);
  CHECK(parsed.graph.inputs[1].name == "i2");
  CHECK(parsed.graph.inputs[1].kind == PluginKind::Input);
  CHECK(print(parsed.graph.filters) == "f1{ }; f2{ }; f3{ }");
  CHECK(print(parsed.graph.outputs) == "o1{ }; o2{ }");
  CHECK(std::get<PluginNode>(parsed.graph.outputs[0].node).kind == PluginKind::Output);
}

TEST_CASE("texts are appended to one graph, which keeps them alive", "[config][logstash]") {
  Graph graph;
  Diagnostics diagnostics;
  parse_logstash(std::make_shared<SourceText>("a.conf", "filter { one { } }"), {}, graph, diagnostics);
  parse_logstash(std::make_shared<SourceText>("b.conf", "filter { two { } }"), {}, graph, diagnostics);
  REQUIRE(graph.sources.size() == 2);
  CHECK(print(graph.filters) == "one{ }; two{ }");
  CHECK(std::get<PluginNode>(graph.filters[1].node).name_span.source->name() == "b.conf");
}

TEST_CASE("nothing, comments and empty sections are fine", "[config][logstash]") {
  for (const char* text : {"", "# only a comment", " \r\n\t", "input { }", "filter{}output{}", "\xEF\xBB\xBFinput { }"})
    CHECK(problems(text).empty());
}

TEST_CASE("a plugin's span holds its whole text", "[config][logstash]") {
  const Parsed parsed = parse("filter { mutate { aa => 1 } }");
  const auto& plugin = std::get<PluginNode>(parsed.graph.filters.at(0).node);
  CHECK(parsed.graph.sources[0]->text().substr(plugin.span.offset, plugin.span.length) == "mutate { aa => 1 }");
  CHECK(plugin.name_span.length == 6);
}

TEST_CASE("values of all kinds are read", "[config][logstash]") {
  CHECK(value_of("hello_2") == "hello_2");
  CHECK(value_of("true") == "true");
  CHECK(value_of("\"it's\"") == "'it's'");
  CHECK(value_of("'say \"x\"'") == "'say \"x\"'");
  CHECK(value_of("\"\"") == "''");
  CHECK(value_of("\"a\nb # no comment\"") == "'a\nb # no comment'");
  CHECK(value_of("\"} { => [ ]\"") == "'} { => [ ]'");
  CHECK(value_of("123") == "123");
  CHECK(value_of("-7") == "-7");
  CHECK(value_of("1.50") == "1.500");
  CHECK(value_of("2.") == "2.000");
  CHECK(value_of("[]") == "[]");
  CHECK(value_of("[ # c\n \"a\" # c\n , bb, 3 ]") == "['a', bb, 3]");
  CHECK(value_of("{}") == "<>");
  CHECK(value_of("{ aa => 1 \"b c\" => [xx] 'd' => { 5 => \"e\" } }") == "<aa:1 'b c':[xx] 'd':<5:'e'>>");
  CHECK(value_of("json") == "json");
  CHECK(value_of("json { charset => \"UTF-8\" }") == "json{ charset='UTF-8' }");
  CHECK(value_of("\"json\"{}") == "json{ }");
  CHECK(value_of("multi-line\n{ }") == "multi-line{ }");
}

TEST_CASE("a leading zero makes an integer octal", "[config][logstash]") {
  CHECK(value_of("010") == "8");
  CHECK(value_of("-017") == "-15");
  CHECK(value_of("0") == "0");
  CHECK(value_of("010.5") == "10.500");
  CHECK(value_of("9223372036854775807") == "9223372036854775807");
  CHECK(value_of("9223372036854775808") == "9223372036854775808.000");
}

TEST_CASE("a backslash keeps a quote from closing and stays unless escapes are on", "[config][logstash]") {
  CHECK(value_of(R"('it\'s')") == R"('it\'s')");
  CHECK(value_of(R"("a\n\"b\"")") == R"('a\n\"b\"')");
  LogstashParserOptions escapes;
  escapes.support_escapes = true;
  CHECK(value_of(R"("a\n\"b\"\\ \t\r\d\'")", escapes) == "'a\n\"b\"\\ \t\r\\d''");
  CHECK(value_of(R"('a\0b')", escapes) == std::string("'a\0b'", 5));
}

TEST_CASE("option and plugin names may be quoted", "[config][logstash]") {
  CHECK(filters_of("filter { \"my-filter\" { 'a b' => 1 \"c\" => 2 3 => 4 x => 5 } }") == "my-filter{ a b=1 c=2 3=4 x=5 }");
}

TEST_CASE("a repeated option is merged", "[config][logstash]") {
  const auto merged = [](const std::string& options) { return filters_of("filter { x { " + options + " } }"); };
  CHECK(merged("k => [aa] k => [bb] k => [aa]") == "x{ k=[aa, bb, aa] }");
  CHECK(merged("k => [one] k => two k => 'three' k => [four]") == "x{ k=[one, two, 'three', four] }");
  CHECK(merged("k => aa k => 'aa'") == "x{ k=aa }");
  CHECK(merged("k => aa k => 5 k => '5'") == "x{ k=[aa, 5, '5'] }");
  CHECK(merged("k => aa k => [bb]") == "x{ k=[aa, bb] }");
  CHECK(merged("k => { aa => '1' } l => 1 k => { bb => '2' }") == "x{ k=<aa:'1' bb:'2'> l=1 }");
  CHECK(merged("k => { aa => '1' } k => { 'aa' => '2' } k => { aa => '1' }") == "x{ k=<aa:['1', '2']> }");
  CHECK(merged("k => { aa => '1' } k => { aa => '1' }") == "x{ k=<aa:'1'> }");
  CHECK(merged("k => { aa => ['1'] } k => { aa => ['2', '1'] }") == "x{ k=<aa:['1', '2']> }");
  CHECK(merged("k => { aa => { xx => 1 } } k => { aa => { yy => 2 } } k => { aa => { xx => 3 } }") ==
        "x{ k=<aa:<xx:[1, 3] yy:2>> }");
}

TEST_CASE("what cannot be merged is refused", "[config][logstash]") {
  CHECK_THAT(problems("filter { x { k => [aa] k => { aa => 1 } } }"),
             Contains("1:24 option \"k\" is repeated with another kind"));
  CHECK_THAT(problems("input { x { codec => json codec => json } }"), Contains("1:27 option \"codec\" is given twice"));
}

TEST_CASE("equal keys with different quotes are a warning, the last counts", "[config][logstash]") {
  const std::string text = "filter { x { k => { aa => 1 \"aa\" => 2 } } }";
  CHECK(filters_of(text) == "x{ k=<aa:2> }");
  CHECK_THAT(problems(text, Severity::Warning), Contains("1:29 the key \"aa\" stands twice"));
}

TEST_CASE("branches are read in order", "[config][logstash]") {
  CHECK(filters_of("filter { if[aa]==1{a1{}}else if [bb] { b1 { } b2 { } }\nelse # c\n{ c1 { } } d1 { } if [e] { } }") ==
        "if (== [aa] 1) [a1{ }] if (? [bb]) [b1{ }; b2{ }] else [c1{ }]; d1{ }; if (? [e]) [] else []");
  CHECK(filters_of("filter { if [a] { if [b] { x { } } else { y { } } } }") ==
        "if (? [a]) [if (? [b]) [x{ }] else [y{ }]] else []");
}

TEST_CASE("every operator is read", "[config][logstash]") {
  CHECK(condition_of("[a] == 'x'") == "(== [a] 'x')");
  CHECK(condition_of("[a]!=-1.5") == "(!= [a] -1.5)");
  CHECK(condition_of("1 < [a][b c]") == "(< 1 [a][b c])");
  CHECK(condition_of("[a] >= 2") == "(>= [a] 2)");
  CHECK(condition_of("[a] <= 2") == "(<= [a] 2)");
  CHECK(condition_of("[a] > [b]") == "(> [a] [b])");
  CHECK(condition_of("\"x\" in [tags]") == "(in 'x' [tags])");
  CHECK(condition_of("\"x\" not # c\n in [tags]") == "(not-in 'x' [tags])");
  CHECK(condition_of("[a] in ['x', word, 3, ['y', 'z']]") == "(in [a] ('x','word',3,('y','z')))");
  CHECK(condition_of("[a] in []") == "(in [a] ())");
  CHECK(condition_of("[a] in ['x,y']") == "(in [a] ('x,y'))");
  CHECK(condition_of("[a] in ['x]y', 'z']") == "(in [a] ('x]y','z'))");
  CHECK(condition_of("[m] =~ /^\\/var\\/(log|tmp) {1}$/") == "(=~ [m] /^\\/var\\/(log|tmp) {1}$/)");
  CHECK(condition_of("[m] !~ \"\\d\"") == "(!~ [m] '\\d')");
  CHECK(condition_of("![a]") == "(not (? [a]))");
  CHECK(condition_of("! ([a] == 1)") == "(not (== [a] 1))");
  CHECK(condition_of("(([a]))") == "(? [a])");
  CHECK(condition_of("[a] nand [b]") == "(nand (? [a]) (? [b]))");
  CHECK(condition_of("([a] xor [b]) xor [c]") == "(xor (xor (? [a]) (? [b])) (? [c]))");
  CHECK(condition_of("\"${VAR}\"") == "(? '${VAR}')");
  CHECK(condition_of("('${VAR:x y}')") == "(? '${VAR:x y}')");
  CHECK(condition_of("[a.b-c@d:e] == 010") == "(== [a.b-c@d:e] 010)");
}

TEST_CASE("and and or group as Logstash groups them", "[config][logstash]") {
  CHECK(condition_of("[a] and [b] or [c]") == "(or (and (? [a]) (? [b])) (? [c]))");
  CHECK(condition_of("[a] or [b] and [c]") == "(or (? [a]) (and (? [b]) (? [c])))");
  CHECK(condition_of("[a] and [b] or [c] and [d]") == "(or (and (? [a]) (? [b])) (and (? [c]) (? [d])))");
  CHECK(condition_of("[a] and [b] and [c]") == "(and (? [a]) (and (? [b]) (? [c])))");
  CHECK(condition_of("[a] and [b] and [c] or [d]") == "(and (? [a]) (or (and (? [b]) (? [c])) (? [d])))");
  CHECK(condition_of("([a] or [b]) and [c]") == "(and (or (? [a]) (? [b])) (? [c]))");
}

TEST_CASE("a grouping that nobody expects is noticed, an ordinary one is not", "[config][logstash]") {
  CHECK_THAT(problems("filter { if [a] and [b]  == 1 and [c] or [d] { } }", Severity::Notice),
             Contains("1:13 as in Logstash, this is read as [a] and (([b] == 1 and [c]) or [d])"));
  for (const char* usual : {"[a] and [b] or [c]", "[a] or [b] or [c] and [d]", "[a] and [b] and [c]",
                            "[a] and ([b] and [c] or [d])", "[a] or [b] and [c] or [d]"})
    CHECK(problems(fmt::format("filter {{ if {} {{ }} }}", usual), Severity::Notice).empty());
}

TEST_CASE("a list of one item is read as a field and noticed", "[config][logstash]") {
  CHECK(condition_of("[a] in [\"x\"]") == "(in [a] [\"x\"])");
  CHECK(condition_of("[a] in [\n 'x'\n]") == "(in [a] [\n 'x'\n])");
  CHECK_THAT(problems("filter { if [a] in [\"x\"] { } }", Severity::Notice),
             Contains("1:20 as in Logstash, a list of one item"));
  CHECK_THAT(problems("filter { if [a] in [200] { } }", Severity::Notice), Contains("is read as the field \"200\""));
  CHECK(problems("filter { if [a] in [field] { } }", Severity::Notice).empty());
}

TEST_CASE("a very long chain of one operator stays shallow", "[config][logstash]") {
  std::string condition = "[f]";
  for (int i = 0; i < 20000; ++i) condition += " and [f]";
  const Parsed parsed = parse("filter { if " + condition + " { } }");
  REQUIRE_FALSE(parsed.diagnostics.has_errors());
  const auto depth = [](const auto& self, const ConditionNode& node) -> int {
    int deepest = 0;
    for (const auto& child : node.children) deepest = std::max(deepest, self(self, child));
    return deepest + 1;
  };
  CHECK(depth(depth, std::get<IfNode>(parsed.graph.filters.at(0).node).branches.at(0).condition) <= 17);
  std::string mixed = "[f]";
  for (int i = 0; i < 2000; ++i) mixed += " and [f] and [f] or [f]";
  CHECK_THAT(problems("filter { if " + mixed + " { } }"), Contains("nests deeper"));
}

TEST_CASE("labels have filters and outputs of their own", "[config][logstash]") {
  const Parsed parsed =
      parse("label \"@AUDIT\" { filter { aa { } } output { bb { } } filter { if [x] { cc { } } } } label @TWO { }");
  INFO(parsed.diagnostics.render());
  REQUIRE_FALSE(parsed.diagnostics.has_errors());
  REQUIRE(parsed.graph.labels.size() == 2);
  CHECK(parsed.graph.labels[0].name == "@AUDIT");
  CHECK(print(parsed.graph.labels[0].filters) == "aa{ }; if (? [x]) [cc{ }] else []");
  CHECK(print(parsed.graph.labels[0].outputs) == "bb{ }");
  CHECK(parsed.graph.labels[1].name == "@TWO");
  CHECK(problems("input { x { label => \"@EDGE\" } }").empty());
  CHECK_THAT(problems("label @A { } label @A { }"),
             Contains("1:20 label \"@A\" exists already | it is defined at t.conf:1:7"));
  CHECK_THAT(problems("label @A { input { x { } } output { y { } } }"),
             Contains("1:12 expected \"filter {\", \"output {\""));
  CHECK_THAT(problems("label { }"), Contains("1:7 a label needs a name"));
}
