#include "pipeline/config/variables.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>

#include "pipeline/config/logstash_parser.h"

using namespace logboom;

namespace {

VariableLookup lookup_in(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

const VariableLookup kVariables = lookup_in({{"A", "plush"},
                                             {"N.1_x", "2"},
                                             {"EMPTY", ""},
                                             {"Q", "'it'"},
                                             {"L", "[a, \"b c\" ,'d']"},
                                             {"E", "[]"},
                                             {"REF", "${A}"}});

std::string expand(std::string_view text) {
  Diagnostics diagnostics;
  const std::string expanded = expand_variables(text, {}, kVariables, diagnostics);
  return diagnostics.has_errors() ? "error: " + expanded : expanded;
}

struct Resolved {
  Graph graph;
  Diagnostics diagnostics;
};

Resolved resolve(std::string text) {
  Resolved out;
  parse_logstash(std::make_shared<SourceText>("v.conf", std::move(text)), {}, out.graph, out.diagnostics);
  REQUIRE_FALSE(out.diagnostics.has_errors());
  resolve_variables(out.graph, kVariables, out.diagnostics);
  return out;
}

const ConfigValue& option(const Graph& graph, std::string_view name) {
  const auto* attribute = std::get<PluginNode>(graph.filters.at(0).node).find(name);
  REQUIRE(attribute != nullptr);
  return attribute->value;
}

}  // namespace

TEST_CASE("variables are replaced inside of text", "[config][variables]") {
  CHECK(expand("http://${A}:8080/${A}") == "http://plush:8080/plush");
  CHECK(expand("${N.1_x}") == "2");
  CHECK(expand("${A:other}") == "plush");
  CHECK(expand("<${EMPTY:other}>") == "<>");  // set to nothing is set
  CHECK(expand("${REF}") == "${A}");          // not expanded again
}

TEST_CASE("a default may be empty or hold anything but a closing brace", "[config][variables]") {
  CHECK(expand("${NO:foo bar}") == "foo bar");
  CHECK(expand("<${NO:}>") == "<>");
  CHECK(expand("${NO:http://h:80/}") == "http://h:80/");
  CHECK(expand("${NO:a$b}") == "a$b");
  CHECK(expand("${NO:${A}") == "${A");
}

TEST_CASE("what is no reference stays as it is", "[config][variables]") {
  for (const char* text : {"${f$$:val}", "${1A:val}", "x$y", "${", "$", "${A", "${A:", "${}", "${A B}", "$${", "%{A}"})
    CHECK(expand(text) == text);
}

TEST_CASE("a variable without value and default is an error at its place", "[config][variables]") {
  const SourceText source("v.conf", "k => \"x ${NO} ${NO}\"");
  Diagnostics diagnostics;
  CHECK(expand_variables("x ${NO} ${NO}", {&source, 5, 15}, kVariables, diagnostics) == "x ${NO} ${NO}");
  REQUIRE(diagnostics.items().size() == 2);
  CHECK(diagnostics.items()[0].span.offset == 8);
  CHECK(diagnostics.items()[0].span.length == 5);
  CHECK(diagnostics.items()[1].span.offset == 14);
  CHECK_THAT(diagnostics.items()[0].message, Catch::Contains("NO is not set"));
}

TEST_CASE("option values are resolved everywhere but in hash keys", "[config][variables]") {
  const auto [graph, diagnostics] = resolve(
      R"(filter { x { s => "a ${A}" l => ["${A}"] h => { "${A}" => { "k" => "${A}" } } c => json { o => "${A}" } } })");
  CHECK_FALSE(diagnostics.has_errors());
  CHECK(option(graph, "s").text == "a plush");
  CHECK(option(graph, "l").items.at(0).text == "plush");
  CHECK(option(graph, "h").entries.at(0).first.text == "${A}");
  CHECK(option(graph, "h").entries.at(0).second.entries.at(0).second.text == "plush");
  CHECK(option(graph, "c").plugin->find("o")->value.text == "plush");
}

TEST_CASE("a substituted value loses its quotes and may be a list", "[config][variables]") {
  const auto [graph, diagnostics] =
      resolve(R"(filter { x { q => "${Q}" l => "${L}" e => "${E}" p => "[a, b]" d => "${NO:[x]}" } })");
  CHECK(option(graph, "q").text == "it");
  const ConfigValue& list = option(graph, "l");
  REQUIRE(list.kind == ConfigValue::Kind::Array);
  REQUIRE(list.items.size() == 3);
  CHECK(list.items[0].text == "a");
  CHECK(list.items[1].text == "b c");
  CHECK(list.items[2].text == "d");
  CHECK(option(graph, "e").kind == ConfigValue::Kind::Array);
  CHECK(option(graph, "e").items.empty());
  CHECK(option(graph, "p").kind == ConfigValue::Kind::String);  // nothing was substituted
  CHECK(option(graph, "d").items.at(0).text == "x");
}

TEST_CASE("conditions resolve only strings that are one variable", "[config][variables]") {
  const auto [graph, diagnostics] = resolve(
      "filter { if [a] == \"${A}\" or [b] == \"x${A}\" or [c] in [\"${A}\", \"y\"] or [d] =~ /${A}/ or \"${Q}\" { } }");
  std::string texts;
  const auto collect = [&](const auto& self, const ConditionNode& node) -> void {
    for (const auto& child : node.children) self(self, child);
    for (const auto& operand : node.operands) {
      texts += operand.text + ";";
      for (const auto& item : operand.items) texts += item.text + ";";
    }
  };
  collect(collect, std::get<IfNode>(graph.filters.at(0).node).branches.at(0).condition);
  CHECK(texts == "[a];plush;[b];x${A};[c];;plush;y;[d];${A};'it';");
}

TEST_CASE("missing variables of branches, outputs and labels are all reported", "[config][variables]") {
  const auto [graph, diagnostics] = resolve(
      "filter { if [a] == \"${N1}\" { x { k => \"${N2}\" } } else { x { k => \"${N3}\" } } } input { x { k => \"${N4}\" } }"
      "output { x { k => \"${N5}\" } } label @L { filter { x { k => \"${N6}\" } } output { x { k => \"${N7}\" } } }");
  CHECK(diagnostics.items().size() == 7);
}

TEST_CASE("the environment is looked up by name", "[config][variables]") {
  ::setenv("LOGBOOM_TEST_VARIABLE", "value", 1);
  ::unsetenv("LOGBOOM_TEST_UNSET");
  CHECK(environment_variables()("LOGBOOM_TEST_VARIABLE") == std::optional<std::string>("value"));
  CHECK_FALSE(environment_variables()("LOGBOOM_TEST_UNSET"));
}
