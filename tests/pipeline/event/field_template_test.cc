#include "pipeline/event/field_template.h"

#include <catch2/catch.hpp>
#include <string>

#include "pipeline/event/json.h"

namespace logboom {
namespace {

/// An event read from JSON, and templates rendered on it.
class Rendered {
 public:
  explicit Rendered(std::string_view json) : event_(arena_, nullptr, 0) {
    auto value = JsonReader().parse_unpadded(json, arena_);
    REQUIRE(value.has_value());
    event_.adopt_fields(&value->as_object(), {1'443'657'600, 0});  // 2015-10-01T00:00:00Z
  }
  std::string operator()(std::string_view text) {
    const FieldTemplate made = FieldTemplate::parse(text);
    std::string appended = "<";
    made.append_to(event_, appended);
    const std::string rendered(made.render(event_));
    CHECK(appended == "<" + rendered);  // the two ways agree
    return rendered;
  }
  Event& event() { return event_; }

 private:
  Arena arena_;
  Event event_;
};

constexpr const char* kEvent =
    R"({"bar":"foo","zone":"west","j":{"k1":"v"},"l":["a","b","c"],"n":5,"f":1.0,"t":true,"nothing":null,"empty":[],)"
    R"("text":"","list":[1,[2,null]],"my field":{"a b":"v"},"ref":"%{bar}","@metadata":{"x":1,"d":{"k":"v"}}})";

TEST_CASE("references are replaced by the fields' text, the rest stays", "[field_template]") {
  const auto [text, expected] = GENERATE(table<const char*, const char*>({
      {"/data/raw/day", "/data/raw/day"},
      {"", ""},
      {"/data/%{bar}/day", "/data/foo/day"},
      {"%{bar}", "foo"},
      {"%{bar}%{zone}", "foowest"},
      {"%{[bar]}", "foo"},
      {"%{[j][k1]}", "v"},
      {"%{[l][0]}-%{[l][-1]}", "a-c"},
      {"%{[my field][a b]}", "v"},
      {"%{n} %{f} %{t}", "5 1.0 true"},
      {"%{[@metadata][x]}-%{[@metadata][d][k]}", "1-v"},
      {"%{[@metadata]}", R"({"x":1,"d":{"k":"v"}})"},
      {"%{l}", "a,b,c"},
      {"%{list}", "1,2,"},
      {"<%{empty}>", "<>"},
      {"<%{text}>", "<>"},
      {"%{text}", ""},
      {"%{j}", R"({"k1":"v"})"},
      {"%{ref}", "%{bar}"},  // an expanded value is not expanded again
      {"%{@timestamp}", "2015-10-01T00:00:00.000Z"},
      {"100%", "100%"},
      {"%%{bar}", "%foo"},
      {"{bar}", "{bar}"},
      {"% {bar}", "% {bar}"},
  }));
  CAPTURE(text);
  CHECK(Rendered(kEvent)(text) == expected);
}

TEST_CASE("what cannot be replaced stays as written", "[field_template]") {
  const auto text =
      GENERATE("%{missing}", "a %{[a][b]}!", "%{nothing}", "%{[l][9]}", "%{[bar][x]}", "%{}", "%{[}", "%{[a]b}", "%{a[b]}",
               "%{bar", "/data/%{+YYY/web", "%{", "%{{yyyy}", "%{{yyyy", "%", "}", "%{ bar }");
  CAPTURE(text);
  CHECK(Rendered(kEvent)(text) == text);
}

TEST_CASE("time references print @timestamp in UTC", "[field_template]") {
  const auto [time, text, expected] = GENERATE(table<const char*, const char*, const char*>({
      {"2015-10-01T00:00:00.000Z", "/data/%{+YYYY}", "/data/2015"},
      {"2015-10-01T00:00:00.000Z", "%{+YYYY}", "2015"},
      {"2015-10-01T00:00:00.000Z", "logs-%{+YYYY.MM.dd}", "logs-2015.10.01"},
      {"2015-10-01T13:14:15.678Z", "%{+YYYY-MM-dd HH:mm:ss}", "2015-10-01 13:14:15"},
      {"2015-10-01T00:00:00.000Z", "%{+xxxx-'W'ww}", "2015-W40"},
      {"2015-10-01T00:00:00.000Z", "/data/%{{YYYY-DDD}}/at/%{bar}", "/data/2015-274/at/foo"},
      {"2015-10-01T00:00:00.000Z", "%{{YYYY-'W'ww}}", "2015-W40"},
      {"2015-10-01T07:59:59.000Z", "%{{yyyy.MM.dd.HH}}", "2015.10.01.07"},
      {"2015-09-30T23:30:00.000-0200", "%{+YYYY.MM.dd}", "2015.10.01"},
      {"2015-10-01T00:00:00.000Z", "%{+%s}", "1443657600"},
      {"1969-12-31T23:59:59.000Z", "%{+%s}", "-1"},
      {"2015-10-01T00:00:00.000Z", "%{+%ss}", "%00"},
      {"2015-10-01T00:00:00.000Z", "%{bar}-%{+YYYY}-%{{MM}}", "foo-2015-10"},
  }));
  CAPTURE(time, text);
  CHECK(Rendered(R"({"bar":"foo","@timestamp":")" + std::string(time) + "\"}")(text) == expected);
}

TEST_CASE("without a @timestamp time references give nothing", "[field_template]") {
  Rendered rendered(kEvent);
  rendered.event().remove(*FieldRef::parse("@timestamp"));
  CHECK(rendered("<%{+YYYY}%{+%s}%{{yyyy}}>") == "<>");
}

TEST_CASE("TIME_NOW is the wall clock in ISO 8601, whatever @timestamp says", "[field_template]") {
  Rendered rendered(R"({"@timestamp":"1999-01-01T00:00:00Z"})");
  const FieldTemplate made = FieldTemplate::parse("%{{TIME_NOW}}");
  const Timestamp before = Timestamp::now(system_clock());
  const auto printed = parse_iso8601(made.render(rendered.event()));
  const Timestamp after = Timestamp::now(system_clock());
  REQUIRE(printed.has_value());
  CHECK(printed->seconds >= before.seconds);
  CHECK(*printed <= after);
  CHECK_FALSE(made.is_literal());
}

TEST_CASE("a template knows whether it is literal or one field", "[field_template]") {
  CHECK(FieldTemplate::parse("plain").is_literal());
  CHECK(FieldTemplate::parse("").is_literal());
  CHECK(FieldTemplate::parse("%{bar").is_literal());
  CHECK(FieldTemplate().empty());
  CHECK_FALSE(FieldTemplate::parse("a%{bar}").is_literal());
  CHECK_FALSE(FieldTemplate::parse("%{+YYYY}").is_literal());
  CHECK_FALSE(FieldTemplate::parse("a%{bar}").is_single_field());
  const FieldTemplate single = FieldTemplate::parse("%{[a][b]}");
  REQUIRE(single.is_single_field());
  CHECK(single.field() == *FieldRef::parse("[a][b]"));
  CHECK(single.text() == "%{[a][b]}");
}

TEST_CASE("a rendered text outlives the next rendering", "[field_template]") {
  Rendered rendered(kEvent);
  const std::string_view first = FieldTemplate::parse("one %{bar}").render(rendered.event());
  const std::string_view second = FieldTemplate::parse("two %{zone}").render(rendered.event());
  CHECK(first == "one foo");
  CHECK(second == "two west");
}

}  // namespace
}  // namespace logboom
