#include "pipeline/compile/condition.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

using Catch::Contains;

/// A condition as users write it, compiled.
struct Compiled {
  explicit Compiled(const std::string& text) {
    parse_logstash(std::make_shared<SourceText>("web.conf", "filter { if " + text + " { drop { } } }"), {}, graph,
                   diagnostics);
    INFO(diagnostics.render());
    REQUIRE_FALSE(diagnostics.has_errors());
    condition = Condition::compile(std::get<IfNode>(graph.filters.at(0).node).branches.at(0).condition, diagnostics);
    scratch.failures = &failures;
  }
  bool operator()(std::string_view json) {
    Arena arena;
    Event event(arena, nullptr, 0);
    auto value = JsonReader().parse_unpadded(json, arena);
    REQUIRE(value.has_value());
    event.adopt_fields(&value->as_object(), {1'443'657'600, 0});
    return condition.evaluate(event, scratch);
  }
  Graph graph;
  Diagnostics diagnostics;
  Condition condition;
  Counter failures;
  Condition::Scratch scratch;
};

bool holds(const std::string& condition, std::string_view json) { return Compiled(condition)(json); }

/// One value of every kind, as JSON; "" stands for a missing field.
const std::vector<std::string> kValues = {
    "",      "null",   "true",       "false",  "0",  "1",   "5",        "5.0", "5.5",       "123456789012345678901",
    R"("")", R"("5")", R"("false")", R"("x")", "[]", "[5]", R"(["x"])", "{}",  R"({"x":5})"};

std::string event_with(const std::string& left, const std::string& right = "") {
  std::string json = "{\"other\":1";
  if (!left.empty()) json += ",\"l\":" + left;
  if (!right.empty()) json += ",\"r\":" + right;
  return json + "}";
}

/// Kind and number or text of a JSON scalar, for the expectations below.
struct Scalar {
  explicit Scalar(const std::string& json) {
    if (json.empty() || json == "null") {
      kind = "nothing";
    } else if (json[0] == '"') {
      kind = "text";
      text = json.substr(1, json.size() - 2);
    } else if (json[0] == '[' || json[0] == '{') {
      kind = "table";
      text = json;
    } else if (json == "true" || json == "false") {
      kind = "boolean";
      text = json;
    } else {
      kind = "number";
      number = std::stod(json);
    }
  }
  std::string kind;
  std::string text;
  double number = 0;
};

TEST_CASE("a field is true unless it is missing, null, false, empty text or the text false", "[condition]") {
  const std::map<std::string, bool> truths = {
      {"", false},      {"null", false},    {"true", true},        {"false", false},    {"0", true},
      {"1", true},      {"5", true},        {"5.0", true},         {"5.5", true},       {"123456789012345678901", true},
      {R"("")", false}, {R"("5")", true},   {R"("false")", false}, {R"("x")", true},    {"[]", true},
      {"[5]", true},    {R"(["x"])", true}, {"{}", true},          {R"({"x":5})", true}};
  Compiled plain("[l]");
  Compiled negated("![l]");
  Compiled doubled("!(![l])");
  for (const std::string& value : kValues) {
    CAPTURE(value);
    CHECK(plain(event_with(value)) == truths.at(value));
    CHECK(negated(event_with(value)) == !truths.at(value));
    CHECK(doubled(event_with(value)) == truths.at(value));
  }
  CHECK(plain(R"({"l":"False"})"));
  CHECK(plain(R"({"l":" "})"));
  CHECK(plain.failures.value() == 0);
}

TEST_CASE("== and != compare any two kinds, with numbers as numbers, and never fail", "[condition]") {
  Compiled equal("[l] == [r]");
  Compiled unequal("[l] != [r]");
  for (const std::string& left : kValues) {
    for (const std::string& right : kValues) {
      const Scalar a(left);
      const Scalar b(right);
      const bool expected = a.kind == b.kind && a.text == b.text && a.number == b.number;
      CAPTURE(left, right);
      CHECK(equal(event_with(left, right)) == expected);
      CHECK(unequal(event_with(left, right)) == !expected);
    }
  }
  CHECK(equal.failures.value() == 0);
  CHECK(unequal.failures.value() == 0);
  CHECK(equal(R"({"l":{"a":1,"b":[1,2]},"r":{"b":[1,2.0],"a":1}})"));
}

TEST_CASE("order holds between two texts or two numbers; everything else is false and counted", "[condition]") {
  const std::string op = GENERATE(as<std::string>(), "<", "<=", ">", ">=");
  CAPTURE(op);
  Compiled compiled("[l] " + op + " [r]");
  for (const std::string& left : kValues) {
    for (const std::string& right : kValues) {
      const Scalar a(left);
      const Scalar b(right);
      const bool is_comparable = a.kind == b.kind && (a.kind == "text" || a.kind == "number");
      const int order = a.text < b.text || a.number < b.number ? -1 : a.text == b.text && a.number == b.number ? 0 : 1;
      const bool expected =
          is_comparable && ((order < 0 && op[0] == '<') || (order > 0 && op[0] == '>') || (order == 0 && op.size() == 2));
      CAPTURE(left, right);
      const auto before = compiled.failures.value();
      CHECK(compiled(event_with(left, right)) == expected);
      CHECK(compiled.failures.value() - before == (is_comparable ? 0 : 1));
    }
  }
}

TEST_CASE("a negated comparison that cannot be made is true, and counted all the same", "[condition]") {
  Compiled compiled("!([l] < 5)");
  CHECK(compiled("{}"));
  CHECK(compiled(R"({"l":"text"})"));
  CHECK(compiled.failures.value() == 2);
  CHECK_FALSE(compiled(R"({"l":4})"));
  CHECK(compiled.failures.value() == 2);
}

TEST_CASE("counting failures is optional", "[condition]") {
  Compiled compiled("[l] < 5");
  compiled.scratch.failures = nullptr;
  CHECK_FALSE(compiled("{}"));
}

TEST_CASE("texts compare by their bytes, integers exactly", "[condition]") {
  CHECK(holds("[l] < \"9\"", R"({"l":"10"})"));
  CHECK(holds("[l] < \"lion\"", R"({"l":"ant"})"));
  CHECK(holds("[l] > \"z\"", R"({"l":"é"})"));
  CHECK(holds("[l] < [r]", R"({"l":9007199254740992,"r":9007199254740993})"));
  CHECK_FALSE(holds("[l] == [r]", R"({"l":9007199254740992,"r":9007199254740993})"));
  CHECK(holds("[l] > [r]", R"({"l":123456789012345678902,"r":1})"));
  CHECK(holds("[l] < 2.5", R"({"l":2})"));
  CHECK(holds("[@timestamp] < [other]", R"({"l":1})") == false);
}

TEST_CASE("constants may stand on both sides", "[condition]") {
  CHECK(holds("7 != 6", "{}"));
  CHECK_FALSE(holds("7 > 7", "{}"));
  CHECK(holds("7 >= 7", "{}"));
  CHECK(holds("'value' == \"value\"", "{}"));
  CHECK(holds("5 == [l]", R"({"l":5})"));
  CHECK_FALSE(holds("[l] == \"%{r}\"", R"({"l":"x","r":"x"})"));  // no references in conditions
}

TEST_CASE("in a list of the configuration compares texts", "[condition]") {
  const auto [condition, json, expected] = GENERATE(table<const char*, const char*, bool>({
      {R"([l] in ["GET", "POST"])", R"({"l":"GET"})", true},
      {R"([l] in ["GET", "POST"])", R"({"l":"PUT"})", false},
      {R"([l] in ["GET", "POST"])", R"({})", false},
      {R"([l] in ["GET", "POST"])", R"({"l":null})", false},
      {R"([l] in ["GET", "POST"])", R"({"l":["GET"]})", false},
      {R"([l] in ["GET", "POST"])", R"({"l":"get"})", false},
      {R"([l] in [200, 404])", R"({"l":404})", true},
      {R"([l] in [200, 404])", R"({"l":"404"})", true},
      {R"([l] in ["200", "404"])", R"({"l":404})", true},
      {R"([l] in ["true", "x"])", R"({"l":true})", true},
      {R"("foo" in ["aa", "foo"])", R"({})", true},
      {R"(5 in [4, 5])", R"({})", true},
  }));
  CAPTURE(condition, json);
  CHECK(holds(condition, json) == expected);
  const std::string text = condition;
  const std::string negated = text.substr(0, text.find(" in ")) + " not in " + text.substr(text.find(" in ") + 4);
  CHECK(holds(negated, json) == !expected);
}

TEST_CASE("in a field finds an item of a list, a piece of a text, or the same scalar", "[condition]") {
  const auto [condition, json, expected] = GENERATE(table<const char*, const char*, bool>({
      {R"("beats" in [tags])", R"({"tags":["beats","x"]})", true},
      {R"("beats" in [tags])", R"({"tags":["beatsy"]})", false},
      {R"("beats" in [tags])", R"({"tags":"my beats"})", true},
      {R"("beats" in [tags])", R"({})", false},
      {R"([l] in [r])", R"({"l":2,"r":[1,2]})", true},
      {R"([l] in [r])", R"({"l":2.0,"r":[1,2]})", true},
      {R"([l] in [r])", R"({"l":"2","r":[1,2]})", false},
      {R"([l] in [r])", R"({"l":"foo","r":"foobar"})", true},
      {R"([l] in [r])", R"({"l":"bar","r":"foo"})", false},
      {R"([l] in [r])", R"({"l":"4","r":42})", false},
      {R"([l] in [r])", R"({"l":4,"r":"42"})", false},
      {R"([l] in [r])", R"({"l":42,"r":42})", true},
      {R"([l] in [r])", R"({"l":"k","r":{"k":1}})", false},
      {R"([l] in [r])", R"({"l":true,"r":[true]})", true},
      {R"([l] in [r])", R"({"l":"x"})", false},
      {R"([l] in [r])", R"({"r":["x"]})", false},
      {R"([l] in [r])", R"({})", false},
      {R"([l] in [r])", R"({"l":null,"r":[null]})", false},
      {R"([l] in "foo bar")", R"({"l":"foo"})", true},
      {R"([l] in "foo")", R"({"l":"foo bar"})", false},
      {R"(5 in [r])", R"({"r":[4,5]})", true},
      {R"(5 in [r])", R"({"r":["5"]})", false},
  }));
  CAPTURE(condition, json);
  CHECK(holds(condition, json) == expected);
  const std::string text = condition;
  const std::string negated = text.substr(0, text.find(" in ")) + " not in " + text.substr(text.find(" in ") + 4);
  CHECK(holds(negated, json) == !expected);
}

TEST_CASE("=~ looks anywhere in a text and never matches what is none", "[condition]") {
  const auto [pattern, value, expected] = GENERATE(table<const char*, const char*, bool>({
      {"/lion/", R"("a lion")", true},
      {"/lion/", R"("ant")", false},
      {"/^abc$/", R"("abc")", true},
      {"/^abc$/", R"("xabc")", false},
      {"/^b$/", R"("a\nb\nc")", true},
      {"/^\\/var\\/log/", R"("/var/log/x")", true},
      {"\"\\d\"", R"("a1")", true},
      {"\"\\d\"", R"("a")", false},
      {"/^.$/", R"("é")", true},
      {"/5/", "5", false},
      {"/5/", "\"5\"", true},
      {"/.*/", "", false},
      {"/.*/", "null", false},
      {"/a/", R"(["a"])", false},
      {"/true/", "true", false},
      {"/^$/", "\"\"", true},
      {"/(?<=a)b/", R"("ab")", true},
  }));
  CAPTURE(pattern, value);
  CHECK(holds(std::string("[l] =~ ") + pattern, event_with(value)) == expected);
  CHECK(holds(std::string("[l] !~ ") + pattern, event_with(value)) == !expected);
}

TEST_CASE("a broken expression is refused at its place", "[condition]") {
  Graph graph;
  Diagnostics diagnostics;
  parse_logstash(std::make_shared<SourceText>("web.conf", "filter { if [aa] =~ /(unclosed/ { drop { } } }"), {}, graph,
                 diagnostics);
  REQUIRE_FALSE(diagnostics.has_errors());
  (void)Condition::compile(std::get<IfNode>(graph.filters.at(0).node).branches.at(0).condition, diagnostics);
  CHECK(diagnostics.error_count() == 1);
  CHECK_THAT(diagnostics.render(), Contains("web.conf:1:21: error:"));
}

TEST_CASE("and, or, nand, xor and ! follow their truth tables", "[condition]") {
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      const std::string json = std::string("{\"a\":") + (a ? "true" : "false") + ",\"b\":" + (b ? "true" : "false") + "}";
      CAPTURE(json);
      CHECK(holds("[a] and [b]", json) == (a && b));
      CHECK(holds("[a] or [b]", json) == (a || b));
      CHECK(holds("[a] nand [b]", json) == !(a && b));
      CHECK(holds("[a] xor [b]", json) == (a != b));
      CHECK(holds("!([a] and [b])", json) == !(a && b));
      CHECK(holds("![a] or [b]", json) == (!a || b));
    }
  }
}

TEST_CASE("and binds tighter than or, and parentheses tighter than both", "[condition]") {
  CHECK(holds("2 > 1 and 1 < 2 or 3 < 2", "{}"));
  CHECK_FALSE(holds("1 > 2 and 3 > 4 or 6 > 7 and 8 > 9", "{}"));
  CHECK(holds("1 < 2 and (1 > 2 and 3 > 4 or 6 < 7 and 8 < 9) or 6 > 7 and 8 > 9", "{}"));
  CHECK_FALSE(holds("1 > 2 and (1 < 2 or 3 < 4)", "{}"));
}

TEST_CASE("the right side is not evaluated when the left decides", "[condition]") {
  Compiled conjunction("[l] and [l] > 100");
  CHECK_FALSE(conjunction("{}"));
  CHECK(conjunction.failures.value() == 0);
  Compiled disjunction("[l] == 1 or [l] > \"x\"");
  CHECK(disjunction(R"({"l":1})"));
  CHECK(disjunction.failures.value() == 0);
  CHECK_FALSE(disjunction(R"({"l":2})"));
  CHECK(disjunction.failures.value() == 1);
}

TEST_CASE("selectors reach nested fields, list items, metadata and odd names", "[condition]") {
  CHECK(holds("[a][b] == 1", R"({"a":{"b":1}})"));
  CHECK_FALSE(holds("[a][b]", R"({"a":1})"));
  CHECK(holds("[list][0] == \"a\"", R"({"list":["a","b"]})"));
  CHECK(holds("[list][-1] == \"b\"", R"({"list":["a","b"]})"));
  CHECK(holds("[@metadata][x] == 1", R"({"@metadata":{"x":1}})"));
  CHECK(holds("[a.b-c@d:e] == 1", R"({"a.b-c@d:e":1})"));
  CHECK(holds("[a b]", R"({"a b":"yes"})"));
}

TEST_CASE("a compiled condition may be copied and outlives what it was compiled from", "[condition]") {
  Condition copy;
  {
    const Compiled compiled(
        "[l] == \"a rather long text, longer than small strings\" or [l] in [\"one\", \"two\"] or [l] =~ /^z/");
    copy = compiled.condition;
  }
  Arena arena;
  Condition::Scratch scratch;
  for (const auto& [text, expected] : std::map<std::string, bool>{
           {"a rather long text, longer than small strings", true}, {"two", true}, {"zoo", true}, {"x", false}}) {
    Event event(arena, nullptr, 0);
    event.set(*FieldRef::parse("l"), Value::string(text));
    CAPTURE(text);
    CHECK(copy.evaluate(event, scratch) == expected);
  }
}

}  // namespace
}  // namespace logboom
