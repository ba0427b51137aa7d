#include "pipeline/event/field_ref.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace logboom {
namespace {

/// "a|b" for [a][b], "@metadata:a|b" for a reference below @metadata, "refused" for what is none.
std::string names_of(const Result<FieldRef>& field) {
  if (!field) return "refused";
  std::string out = field->is_metadata() ? "@metadata:" : "";
  for (std::size_t i = 0; i < field->steps().size(); ++i) {
    if (i > 0) out += '|';
    out += field->steps()[i].key.text();
  }
  return out;
}

TEST_CASE("a field reference is a bare name or names in brackets", "[field_ref]") {
  const auto [text, names] = GENERATE(table<const char*, const char*>({
      {"foo", "foo"},
      {"[foo]", "foo"},
      {"[foo][bar][baz]", "foo|bar|baz"},
      {"[[foo]][bar]", "foo|bar"},
      {"[[ok]]", "ok"},
      {"[[foo][bar]][baz]", "foo|bar|baz"},
      {"[[[a][b]][c]][d]", "a|b|c|d"},
      {"[a b][c d]", "a b|c d"},
      {" foo ", " foo "},
      {"[l][0][k]", "l|0|k"},
      {"[l][-1]", "l|-1"},
      {"a.b-c@d:e", "a.b-c@d:e"},
      {"[a.b-c@d:e]", "a.b-c@d:e"},
      {"%{x}", "%{x}"},
      {"@metadata", "@metadata:"},
      {"[@metadata]", "@metadata:"},
      {"[@metadata][x]", "@metadata:x"},
      {"[[@metadata][x]]", "@metadata:x"},
      {"[@metadata][nested][field]", "@metadata:nested|field"},
      {"[x][@metadata]", "x|@metadata"},
      {"@metadata.x", "@metadata.x"},
      {"日本", "日本"},
  }));
  CAPTURE(text);
  CHECK(names_of(FieldRef::parse(text)) == names);
  Arena arena;
  CHECK(names_of(FieldRef::parse_in(arena, text)) == names);
}

TEST_CASE("what is no field reference is refused with the reason and the place", "[field_ref]") {
  const auto [text, reason] = GENERATE(table<const char*, const char*>({
      {"", "an empty field reference at byte 1"},
      {"[foo][bar][baz", "a bracket that is not closed at byte 15"},
      {"foo[bar][baz]", "text outside brackets at byte 1"},
      {"[foo]bar[baz]", "text outside brackets at byte 6"},
      {"[foo]bar", "text outside brackets at byte 6"},
      {"[foo]]", "text outside brackets at byte 6"},
      {"foo]", "text outside brackets at byte 1"},
      {"]foo[", "text outside brackets at byte 1"},
      {"[", "a bracket that is not closed at byte 2"},
      {"[[[[[[[[[[[]", "empty brackets at byte 12"},
      {"[]", "empty brackets at byte 2"},
      {"[a][]", "empty brackets at byte 5"},
      {"[nope[foo][bar]][baz]", "a bracket inside a name at byte 6"},
      {"[this[is]terrible]", "a bracket inside a name at byte 6"},
      {"[[is]terrible]", "text after an inner reference at byte 6"},
  }));
  CAPTURE(text);
  const auto field = FieldRef::parse(text);
  REQUIRE_FALSE(field.has_value());
  CHECK(field.error().code == ErrorCode::InvalidArgument);
  CHECK_THAT(field.error().message, Catch::Contains(reason) && Catch::Contains("write name or [outer][inner]"));
}

TEST_CASE("a hostile reference is refused before it can nest an event too deeply", "[field_ref]") {
  const auto repeated = [](std::string_view piece, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += piece;
    return out;
  };
  CHECK(FieldRef::parse(repeated("[a]", 1000)).has_value());
  CHECK_FALSE(FieldRef::parse(repeated("[a]", 1001)).has_value());
  CHECK_FALSE(FieldRef::parse(repeated("[a]", 1'000'000)).has_value());
  CHECK_FALSE(FieldRef::parse("[" + repeated("[a]", 1'000'000) + "]").has_value());
  CHECK(FieldRef::parse(repeated("[", 60) + "a" + repeated("]", 60)).has_value());
  CHECK_FALSE(FieldRef::parse(repeated("[", 1'000'000) + "a" + repeated("]", 1'000'000)).has_value());
  CHECK_FALSE(FieldRef::parse(repeated("[", 1'000'000)).has_value());
}

TEST_CASE("the text of a reference parses back to the same reference", "[field_ref]") {
  std::mt19937 random(7);
  const std::vector<std::string> names = {"a", "message", "0", "-1", "a b", "@timestamp", "x.y", "ü"};
  for (int round = 0; round < 2'000; ++round) {
    std::string text = random() % 4 == 0 ? "[@metadata]" : "";
    const int depth = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < depth; ++i) text += "[" + names[random() % names.size()] + "]";
    const auto field = FieldRef::parse(text);
    REQUIRE(field.has_value());
    const auto again = FieldRef::parse(field->text());
    REQUIRE(again.has_value());
    REQUIRE(*again == *field);
    REQUIRE(field->text() == (depth == 1 && !field->is_metadata() ? text.substr(1, text.size() - 2) : text));
  }
  CHECK(FieldRef::parse("[@metadata]")->text() == "[@metadata]");
}

TEST_CASE("references differ in any name and in being below @metadata", "[field_ref]") {
  const auto field = [](std::string_view text) { return *FieldRef::parse(text); };
  CHECK(field("[a][b]") == field("[[a]][b]"));
  CHECK_FALSE(field("[a][b]") == field("[a]"));
  CHECK_FALSE(field("[a][b]") == field("[a][c]"));
  CHECK_FALSE(field("[@metadata][a]") == field("[a]"));
  CHECK(field("a") == field("[a]"));
}

TEST_CASE("a name made from an event does not depend on the text it was made of", "[field_ref]") {
  Arena arena;
  std::string text = "[outer][inner]";
  const auto field = FieldRef::parse_in(arena, text);
  text.assign(text.size(), '!');
  REQUIRE(field.has_value());
  CHECK(field->text() == "[outer][inner]");
  CHECK(*field == *FieldRef::parse("[outer][inner]"));
}

TEST_CASE("of_name takes brackets as part of the name", "[field_ref]") {
  const FieldRef field = FieldRef::of_name("[not][parsed]");
  REQUIRE(field.steps().size() == 1);
  CHECK(field.steps()[0].key.text() == "[not][parsed]");
  CHECK(FieldRef().empty());
  CHECK_FALSE(field.empty());
}

TEST_CASE("child appends one step", "[field_ref]") {
  CHECK(FieldRef::parse("[a]")->child("b") == *FieldRef::parse("[a][b]"));
  CHECK(FieldRef::parse("[@metadata]")->child("b") == *FieldRef::parse("[@metadata][b]"));
  CHECK(FieldRef::parse("[@metadata]")->refers_to_metadata_root());
  CHECK_FALSE(FieldRef::parse("[@metadata][b]")->refers_to_metadata_root());
}

TEST_CASE("only whole decimal numbers index arrays, from the end when negative", "[field_ref]") {
  Arena arena;
  Array* list = Array::make(arena, 0);
  for (int i = 0; i < 3; ++i) list->push(arena, Value::integer(i));
  Object* fields = Object::make(arena);
  fields->set(arena, make_key("list"), Value::array(list));
  const auto at = [&](std::string_view reference) -> std::string {
    const Value* value = FieldRef::parse(reference)->find(*fields, nullptr);
    return value == nullptr ? "nothing" : std::to_string(value->as_integer());
  };
  CHECK(at("[list][0]") == "0");
  CHECK(at("[list][2]") == "2");
  CHECK(at("[list][-1]") == "2");
  CHECK(at("[list][-3]") == "0");
  for (const char* reference :
       {"[list][3]", "[list][-4]", "[list][1.0]", "[list][x]", "[list][1x]", "[list][ 1]", "[list][0][0]", "[list][0][x]",
        "[list][99999999999999999999]", "[list][-99999999999999999999]", "[@metadata][list]"}) {
    CAPTURE(reference);
    CHECK(at(reference) == "nothing");
  }
}

}  // namespace
}  // namespace logboom
