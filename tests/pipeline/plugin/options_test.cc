#include "pipeline/plugin/options.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

using Catch::Contains;

struct ProbeOptions {
  std::string text = "as is";
  bool flag = false;
  std::int64_t number = -3;
  std::uint64_t count = 7;
  double ratio = 0.5;
  FieldRef field;
  FieldTemplate pattern;
  std::optional<std::string> maybe;
  std::optional<std::int64_t> maybe_number;
  std::vector<std::string> texts = {"a", "b"};
  std::vector<FieldRef> fields;
  std::vector<std::int64_t> numbers;
  ConfigHash hash;
  TextHash text_hash;
  Secret secret;
  ByteSize size{1024};
  Duration pause{5};
  CodecChoice codec{"plain", nullptr, {}};
  ConfigValue any;
  std::string mode = "fast";
  std::vector<std::string> modes;
  std::string path;
};

OptionTable<ProbeOptions> probe_options() {
  OptionTable<ProbeOptions> table;
  table.optional("text", &ProbeOptions::text, "A text.");
  table.optional("flag", &ProbeOptions::flag, "A flag.");
  table.optional("number", &ProbeOptions::number, "A number.").at_least(-10).at_most(1'000'000'000'000'000'000.0);
  table.optional("count", &ProbeOptions::count, "A count.").at_most(65535);
  table.optional("ratio", &ProbeOptions::ratio, "A ratio.").at_least(0).at_most(1.5);
  table.optional("field", &ProbeOptions::field, "A field.");
  table.optional("pattern", &ProbeOptions::pattern, "A template.");
  table.optional("maybe", &ProbeOptions::maybe, "A text or nothing.");
  table.optional("maybe_number", &ProbeOptions::maybe_number, "A number or nothing.");
  table.optional("texts", &ProbeOptions::texts, "Texts.");
  table.optional("fields", &ProbeOptions::fields, "Fields.");
  table.optional("numbers", &ProbeOptions::numbers, "Numbers.");
  table.optional("hash", &ProbeOptions::hash, "A hash.");
  table.optional("text_hash", &ProbeOptions::text_hash, "A hash of texts.");
  table.optional("secret", &ProbeOptions::secret, "A password.");
  table.optional("size", &ProbeOptions::size, "A size.");
  table.optional("pause", &ProbeOptions::pause, "A pause.");
  table.optional("codec", &ProbeOptions::codec, "A codec.");
  table.optional("any", &ProbeOptions::any, "Anything.");
  table.optional("mode", &ProbeOptions::mode, "How.").one_of({"fast", "safe"});
  table.optional("modes", &ProbeOptions::modes, "How, several.").one_of({"fast", "safe"});
  table.optional("path", &ProbeOptions::path, "Where.").must_exist();
  table.optional("old_text", &ProbeOptions::text, "A text, once.").deprecated("use text");
  table.alias("number_too", "number", "use number");
  table.obsolete("gone", "it has no effect any more: remove it");
  return table;
}

/// A plugin written as users write it, and what the table makes of it.
struct Reading {
  explicit Reading(std::string_view body, const OptionTable<ProbeOptions>& table = probe_options()) {
    const std::string text = "filter { probe { " + std::string(body) + " } }";
    parse_logstash(std::make_shared<SourceText>("web.conf", text), {}, graph, diagnostics);
    INFO(diagnostics.render());
    REQUIRE_FALSE(diagnostics.has_errors());
    options = table.read(std::get<PluginNode>(graph.filters.at(0).node), diagnostics);
  }
  /// Message and hint of the only diagnostic; everything when there are more.
  std::string problem() const {
    if (diagnostics.items().empty()) return "";
    if (diagnostics.items().size() > 1) return diagnostics.render();
    const Diagnostic& only = diagnostics.items()[0];
    return only.message + (only.hint.empty() ? "" : " | " + only.hint);
  }
  /// The piece of the text that the first diagnostic points at.
  std::string_view place() const {
    REQUIRE_FALSE(diagnostics.items().empty());
    const SourceSpan& span = diagnostics.items()[0].span;
    return span.source->text().substr(span.offset, span.length);
  }
  Graph graph;
  Diagnostics diagnostics;
  ProbeOptions options;
};

TEST_CASE("an option that is not given keeps its struct's initialiser", "[options]") {
  const Reading reading("");
  CHECK(reading.problem().empty());
  CHECK(reading.options.text == "as is");
  CHECK(reading.options.number == -3);
  CHECK(reading.options.texts == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(reading.options.maybe.has_value());
  CHECK(reading.options.field.empty());
  CHECK(reading.options.codec.name == "plain");
}

TEST_CASE("texts are read from strings, barewords, numbers and lists of one", "[options]") {
  const auto [body, expected] = GENERATE(table<const char*, const char*>({
      {"text => \"quoted\"", "quoted"},
      {"text => 'single'", "single"},
      {"text => bareword", "bareword"},
      {"text => 010", "8"},  // numbers are numbers before they are text, as in Logstash
      {"text => 1.50", "1.5"},
      {"text => -2.", "-2.0"},
      {"text => 100000000000000000.0", "1.0e+17"},
      {"text => 99999999999999999999", "99999999999999999999"},
      {"text => [\"one\"]", "one"},
      {"text => \"\"", ""},
  }));
  CAPTURE(body);
  const Reading reading(body);
  CHECK(reading.problem().empty());
  CHECK(reading.options.text == expected);
}

TEST_CASE("a wrong kind of value is refused at the value, with what was wanted and what is there", "[options]") {
  const auto [body, place, problem] = GENERATE(table<const char*, const char*, const char*>({
      {"text => [\"a\", \"b\"]", "[\"a\", \"b\"]", "text: wants a string, not an array"},
      {"text => []", "[]", "text: wants a string, not an array"},
      {"text => { \"a\" => \"b\" }", "{ \"a\" => \"b\" }", "text: wants a string, not a hash"},
      {"flag => \"yes\"", "\"yes\"", "flag: wants true or false, not \"yes\""},
      {"flag => TRUE", "TRUE", "flag: wants true or false, not \"TRUE\""},
      {"flag => 1", "1", "flag: wants true or false, not \"1\""},
      {"flag => [\"true\", \"true\"]", "[\"true\", \"true\"]", "flag: wants true or false, not an array"},
      {"number => \"five\"", "\"five\"", "number: wants a number, not \"five\""},
      {"number => \"10x\"", "\"10x\"", "number: wants a number, not \"10x\""},
      {"number => \" 5\"", "\" 5\"", "number: wants a number, not \" 5\""},
      {"number => \"\"", "\"\"", "number: wants a number, not \"\""},
      {"number => \"inf\"", "\"inf\"", "number: wants a number, not \"inf\""},
      {"number => \"nan\"", "\"nan\"", "number: wants a number, not \"nan\""},
      {"number => \"1e30\"", "\"1e30\"", "number: wants a number, not \"1e30\""},
      {"number => [1, 2]", "[1, 2]", "number: wants a number, not an array"},
      {"number => 1.5", "1.5", "number: wants a whole number, not 1.5"},
      {"count => -1", "-1", "count: -1 is below the minimum 0"},
      {"count => 2.5", "2.5", "count: wants a whole number, not 2.5"},
      {"ratio => \"half\"", "\"half\"", "ratio: wants a number, not \"half\""},
      {"ratio => \"infinity\"", "\"infinity\"", "ratio: wants a number, not \"infinity\""},
      {"ratio => \"nan\"", "\"nan\"", "ratio: wants a number, not \"nan\""},
      {"maybe_number => \"x\"", "\"x\"", "maybe_number: wants a number, not \"x\""},
      {"texts => [\"a\", { \"b\" => \"c\" }]", "{ \"b\" => \"c\" }", "texts: wants a string, not a hash"},
      {"texts => { \"a\" => \"b\" }", "{ \"a\" => \"b\" }", "texts: wants a string, not a hash"},
      {"numbers => [1, \"x\"]", "\"x\"", "numbers: wants a number, not \"x\""},
      {"hash => \"aa\"", "\"aa\"", "hash: wants a hash, not a string | write { \"name\" => \"value\" }"},
      {"hash => [\"aa\", \"1\", \"bb\"]", "[\"aa\", \"1\", \"bb\"]",
       "hash: wants a hash, not an array | write { \"name\" => \"value\" }"},
      {"text_hash => { \"a\" => { \"b\" => \"c\" } }", "{ \"b\" => \"c\" }", "text_hash: wants a string, not a hash"},
      {"secret => [\"a\", \"b\"]", "[\"a\", \"b\"]", "secret: wants a string, not an array"},
      {"size => \"10 parsecs\"", "\"10 parsecs\"",
       "size: \"10 parsecs\" is not a size | write 65536, \"64kb\" or \"10MiB\""},
      {"size => \"-1\"", "\"-1\"", "size: \"-1\" is not a size | write 65536, \"64kb\" or \"10MiB\""},
      {"size => \"nan\"", "\"nan\"", "size: \"nan\" is not a size | write 65536, \"64kb\" or \"10MiB\""},
      {"size => \"9999999999tb\"", "\"9999999999tb\"",
       "size: \"9999999999tb\" is not a size | write 65536, \"64kb\" or \"10MiB\""},
      {"size => \"\"", "\"\"", "size: \"\" is not a size | write 65536, \"64kb\" or \"10MiB\""},
      {"pause => \"soon\"", "\"soon\"",
       "pause: \"soon\" is not a length of time | write 5, \"15 s\", \"2 minutes\" or \"1 day\""},
      {"pause => \"inf s\"", "\"inf s\"",
       "pause: \"inf s\" is not a length of time | write 5, \"15 s\", \"2 minutes\" or \"1 day\""},
      {"pause => \"5 lightyears\"", "\"5 lightyears\"",
       "pause: \"5 lightyears\" is not a length of time | write 5, \"15 s\", \"2 minutes\" or \"1 day\""},
      {"codec => [\"a\", \"b\"]", "[\"a\", \"b\"]", "codec: wants a string, not an array"},
  }));
  CAPTURE(body);
  const Reading reading(body);
  CHECK(reading.problem() == problem);
  CHECK(reading.place() == place);
  CHECK(reading.diagnostics.has_errors());
}

TEST_CASE("booleans are true and false, quoted or not", "[options]") {
  CHECK(Reading("flag => true").options.flag);
  CHECK(Reading("flag => \"true\"").options.flag);
  CHECK_FALSE(Reading("flag => false").options.flag);
}

TEST_CASE("numbers are read whole, also from strings", "[options]") {
  CHECK(Reading("number => 12").options.number == 12);
  CHECK(Reading("number => \"12\"").options.number == 12);
  CHECK(Reading("number => -7").options.number == -7);
  CHECK(Reading("number => 5.0").options.number == 5);
  CHECK(Reading("number => [5]").options.number == 5);
  CHECK(Reading("number => 900719925474099301").options.number == 900'719'925'474'099'301);  // beyond a double
  CHECK(Reading("count => 65535").options.count == 65535);
  CHECK(Reading("ratio => 1").options.ratio == 1.0);
  CHECK(Reading("ratio => \"0.25\"").options.ratio == 0.25);
  CHECK(Reading("numbers => [1, \"2\", -3]").options.numbers == std::vector<std::int64_t>{1, 2, -3});
  CHECK(Reading("maybe_number => 0").options.maybe_number == 0);
}

TEST_CASE("a number outside its bounds is refused at the value with the bound", "[options]") {
  const auto [body, problem] = GENERATE(table<const char*, const char*>({
      {"number => -11", "number: -11 is below the minimum -10"},
      {"number => \"-11\"", "number: -11 is below the minimum -10"},
      {"number => [-11]", "number: -11 is below the minimum -10"},
      {"count => 65536", "count: 65536 is above the maximum 65535"},
      {"ratio => 1.6", "ratio: 1.6 is above the maximum 1.5"},
      {"ratio => -0.1", "ratio: -0.1 is below the minimum 0"},
  }));
  CAPTURE(body);
  CHECK(Reading(body).problem() == problem);
  CHECK(Reading("number => -10 count => 65535 ratio => 1.5").problem().empty());
}

TEST_CASE("field references and templates are parsed with the configuration", "[options]") {
  const Reading reading(R"(field => "[a][b]" pattern => "x %{c}" fields => ["one", "[two][three]"])");
  CHECK(reading.problem().empty());
  CHECK(reading.options.field.text() == "[a][b]");
  CHECK(reading.options.pattern.text() == "x %{c}");
  CHECK_FALSE(reading.options.pattern.is_literal());
  REQUIRE(reading.options.fields.size() == 2);
  CHECK(reading.options.fields[1].text() == "[two][three]");
  CHECK(Reading("fields => \"single\"").options.fields.size() == 1);

  const Reading broken("fields => [\"fine\", \"[a\"]");
  CHECK_THAT(broken.problem(), Contains("fields: \"[a\" is not a field reference: a bracket that is not closed"));
  CHECK(broken.place() == "\"[a\"");
}

TEST_CASE("lists take one value for a list of one, and an empty list", "[options]") {
  CHECK(Reading("texts => \"x\"").options.texts == std::vector<std::string>{"x"});
  CHECK(Reading("texts => []").options.texts.empty());
  CHECK(Reading("texts => [\"x\", yy, 3]").options.texts == std::vector<std::string>{"x", "yy", "3"});
  CHECK(Reading("maybe => \"set\"").options.maybe == "set");
}

TEST_CASE("hashes keep their order and are also read from lists of pairs", "[options]") {
  const auto body = GENERATE("text_hash => { \"z\" => \"1\" \"a\" => 2 }", "text_hash => [\"z\", \"1\", \"a\", 2]");
  const Reading reading(body);
  CHECK(reading.problem().empty());
  CHECK(reading.options.text_hash == TextHash{{"z", "1"}, {"a", "2"}});
  const Reading deep("hash => { \"a\" => { \"b\" => [1, \"x\"] } }");
  REQUIRE(deep.options.hash.size() == 1);
  CHECK(deep.options.hash[0].second.kind == ConfigValue::Kind::Hash);
  Arena arena;
  std::string json;
  write_json(config_value_to_event(deep.options.hash[0].second, arena), json);
  CHECK(json == R"({"b":[1,"x"]})");
  CHECK(Reading("hash => {}").options.hash.empty());
}

TEST_CASE("sizes take bytes and units", "[options]") {
  const auto [text, bytes] = GENERATE(table<const char*, std::uint64_t>({
      {"65536", 65536},
      {"\"65536\"", 65536},
      {"\"10MiB\"", 10 * 1024 * 1024},
      {"\"10 mib\"", 10 * 1024 * 1024},
      {"\"1.5kib\"", 1536},
      {"\"2GiB\"", std::uint64_t{2} << 30},
      {"\"1tib\"", std::uint64_t{1} << 40},
      {"\"5b\"", 5},
      {"0", 0},
  }));
  CAPTURE(text);
  const Reading reading("size => " + std::string(text));
  CHECK(reading.problem().empty());
  CHECK(reading.options.size.bytes == bytes);
}

TEST_CASE("lengths of time take seconds and units", "[options]") {
  const auto [text, seconds] = GENERATE(table<const char*, double>({
      {"5", 5.0},
      {"0.5", 0.5},
      {"\"15 s\"", 15.0},
      {"\"15s\"", 15.0},
      {"\"2 minutes\"", 120.0},
      {"\"1 day\"", 86400.0},
      {"\"1 week\"", 604800.0},
      {"\"3h\"", 10800.0},
      {"\"250 ms\"", 0.25},
      {"\"10 usec\"", 1e-5},
      {"\"1 Hour\"", 3600.0},
  }));
  CAPTURE(text);
  const Reading reading("pause => " + std::string(text));
  CHECK(reading.problem().empty());
  CHECK(reading.options.pause.seconds == Approx(seconds));
}

TEST_CASE("a codec is chosen by name or with options of its own", "[options]") {
  const Reading named("codec => json");
  CHECK(named.options.codec.name == "json");
  CHECK(named.options.codec.node == nullptr);
  const Reading with_options("codec => line { charset => \"UTF-8\" }");
  CHECK(with_options.options.codec.name == "line");
  REQUIRE(with_options.options.codec.node != nullptr);
  CHECK(with_options.options.codec.node->find("charset")->value.text == "UTF-8");
}

TEST_CASE("a value of any kind is kept as written", "[options]") {
  CHECK(Reading("any => { \"a\" => 1 }").options.any.kind == ConfigValue::Kind::Hash);
  CHECK(Reading("any => [1, 2]").options.any.items.size() == 2);
  CHECK(Reading("any => 010").options.any.text == "010");
}

TEST_CASE("a value outside the allowed ones is refused with all of them and the nearest", "[options]") {
  const Reading near("mode => \"fats\"");
  CHECK(near.problem() == "mode: \"fats\" is not one of fast, safe | did you mean \"fast\"?");
  CHECK(near.place() == "\"fats\"");
  CHECK(Reading("mode => \"quantum\"").problem() == "mode: \"quantum\" is not one of fast, safe");
  CHECK(Reading("mode => safe").options.mode == "safe");
  const Reading item("modes => [\"fast\", \"slow\", \"safe\"]");
  CHECK_THAT(item.problem(), Contains("modes: \"slow\" is not one of fast, safe"));
  CHECK(item.place() == "\"slow\"");
}

TEST_CASE("a path that must exist is looked up", "[options]") {
  const Reading missing("path => \"/no/such/file/anywhere\"");
  CHECK_THAT(missing.problem(), Contains("path: \"/no/such/file/anywhere\" does not exist"));
  CHECK(missing.place() == "\"/no/such/file/anywhere\"");
  CHECK(Reading("path => \"plugins\"").problem().empty());
}

TEST_CASE("an unknown option is refused at its name, with the nearest known one and all of them", "[options]") {
  const Reading near("numbr => 5");
  CHECK_THAT(near.problem(), Contains("filter \"probe\" has no option \"numbr\"") && Contains("did you mean \"number\"?") &&
                                 Contains("(options: text, flag, number, ") && !Contains("gone"));
  CHECK(near.place() == "numbr");
  CHECK_THAT(Reading("add_feild => {}").problem(), Contains("did you mean \"add_field\"?"));  // a common option
  CHECK_THAT(Reading("completely_different => 5").problem(), !Contains("did you mean"));
}

TEST_CASE("common options of the kind are accepted, those of other kinds are not", "[options]") {
  CHECK(Reading("id => xx add_tag => yy remove_field => zz add_field => { aa => bb } enable_metric => false")
            .problem()
            .empty());
  CHECK_THAT(Reading("tags => [xx]").problem(), Contains("has no option \"tags\""));
  CHECK_THAT(Reading("type => xx").problem(), Contains("has no option \"type\""));
  CHECK(is_common_option(PluginKind::Input, "tags"));
  CHECK(is_common_option(PluginKind::Codec, "id"));
  CHECK_FALSE(is_common_option(PluginKind::Codec, "add_field"));
  CHECK_FALSE(is_common_option(PluginKind::Output, "add_tag"));
}

TEST_CASE("a deprecated option works and warns at its name", "[options]") {
  const Reading reading("old_text => \"v\"");
  CHECK(reading.options.text == "v");
  CHECK_FALSE(reading.diagnostics.has_errors());
  CHECK(reading.problem() == "the option \"old_text\" is deprecated | use text");
  CHECK(reading.place() == "old_text");
  CHECK(reading.diagnostics.items()[0].severity == Severity::Warning);
}

TEST_CASE("an alias reads into the same member with the same bounds", "[options]") {
  CHECK(Reading("number_too => 9").options.number == 9);
  CHECK_THAT(Reading("number_too => -11").problem(), Contains("number_too: -11 is below the minimum -10"));
}

TEST_CASE("an obsolete option is refused at its name with the explanation", "[options]") {
  const Reading reading("gone => 1");
  CHECK(reading.problem() == "the option \"gone\" is obsolete | it has no effect any more: remove it");
  CHECK(reading.place() == "gone");
  CHECK(reading.diagnostics.has_errors());
}

OptionTable<ProbeOptions> demanding_options() {
  OptionTable<ProbeOptions> table;
  table.required("text", &ProbeOptions::text, "The text to probe.");
  table.required("count", &ProbeOptions::count, "How often.").at_least(1);
  table.alias("times", "count", "use count");
  return table;
}

TEST_CASE("a required option that is missing is named at the plugin", "[options]") {
  const Reading reading("count => 1", demanding_options());
  CHECK(reading.problem() == "filter \"probe\" needs the option \"text\" | The text to probe.");
  CHECK(reading.place() == "probe");
  CHECK(Reading("text => \"\" count => 1", demanding_options()).problem().empty());
}

TEST_CASE("a required option may be given under its other name", "[options]") {
  const Reading reading("text => xx times => 3", demanding_options());
  CHECK_FALSE(reading.diagnostics.has_errors());
  CHECK(reading.options.count == 3);
}

TEST_CASE("every problem of a plugin is reported at once", "[options]") {
  const Reading reading("feilds => 1 flag => \"yes\" count => -1 mode => \"x\" gone => 1 number => 5");
  CHECK(reading.diagnostics.error_count() == 5);
  CHECK(reading.options.number == 5);
  CHECK_THAT(Reading("", demanding_options()).problem(),
             Contains("needs the option \"text\"") && Contains("needs the option \"count\""));
}

TEST_CASE("declarations say type, default, choices and remarks of every option", "[options]") {
  std::map<std::string, OptionDeclaration> known;
  for (const OptionDeclaration& declaration : probe_options().declarations()) known[declaration.name] = declaration;
  const auto [name, type, default_text] = GENERATE(table<const char*, const char*, const char*>({
      {"text", "string", "\"as is\""},
      {"flag", "boolean", "false"},
      {"number", "number", "-3"},
      {"count", "number", "7"},
      {"ratio", "number", "0.5"},
      {"field", "field reference", ""},
      {"pattern", "string with %{references}", ""},
      {"maybe", "string", ""},
      {"texts", "array of string", "[\"a\", \"b\"]"},
      {"fields", "array of field reference", "[]"},
      {"hash", "hash", "{}"},
      {"text_hash", "hash of strings", "{}"},
      {"secret", "password", ""},
      {"size", "bytes", "1024"},
      {"pause", "duration", "5 s"},
      {"codec", "codec", "plain"},
      {"any", "any value", ""},
  }));
  CAPTURE(name);
  CHECK(known.at(name).type == type);
  CHECK(known.at(name).default_text == default_text);
  CHECK_FALSE(known.at(name).doc.empty());
  CHECK(known.at("mode").choices == std::vector<std::string>{"fast", "safe"});
  CHECK(known.at("path").is_path);
  CHECK(known.at("old_text").deprecated == "use text");
  CHECK_FALSE(known.at("gone").obsolete.empty());
  CHECK(demanding_options().declarations()[0].is_required);
}

TEST_CASE("a default that is secret is never printed", "[options]") {
  CHECK(option_default_text(Secret{"hunter2"}).empty());
}

}  // namespace
}  // namespace logboom
