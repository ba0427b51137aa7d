#include <fmt/core.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "plugins/filters/kv/pair_reader.h"
#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string kv(const std::string& options, const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  }
  return run_filter("kv { source => \"m\" remove_field => [\"m\"] " + options + " }", "{\"m\":\"" + escaped + "\"}");
}

template <class Reader>
Pairs all_pairs(const Reader& reader, std::string_view text) {
  MatchScratch scratch;
  typename Reader::Cursor cursor(text, scratch);
  Pairs out;
  Pair pair;
  while (reader.next(cursor, pair) == PairOutcome::Found) out.emplace_back(pair.key, pair.value);
  return out;
}

CharacterPairs reader_of(const PairSeparators& separators) {
  auto made = CharacterPairs::make(separators);
  if (!made) FAIL(made.error().message);
  return std::move(*made);
}

/// The scan expression that Logstash's users know, found again and again.
Pairs scanned(const PairSeparators& separators, std::string_view text) {
  const std::string blanks = separators.is_lenient ? " *" : "";
  const std::string brackets = separators.include_brackets ? R"(|\((?<v>[^)]*)\)|\[(?<v>[^\]]*)\]|<(?<v>[^>]*)>)" : "";
  const auto matcher = Matcher::compile(fmt::format(
      R"x((?<k>(?:\\ |[^{0}{1}])+){2}[{0}]{2}(?:"(?<v>[^"]*)"|'(?<v>[^']*)'{3}|(?<v>(?:\\ |[^{1}])+))?(?:[{1}]|$))x",
      separators.value_split, separators.field_split, blanks, brackets));
  if (!matcher) FAIL(matcher.error().message);
  MatchScratch scratch;
  MatchCursor cursor;
  Pairs out;
  while ((*matcher)->find_next(text, scratch, cursor) == MatchStatus::Matched) {
    std::pair<std::string, std::string> found;
    for (const NamedGroup& group : (*matcher)->groups())
      if (scratch.is_set(group.index)) (group.name == "k" ? found.first : found.second) = scratch.group(group.index);
    out.push_back(std::move(found));
  }
  return out;
}

TEST_CASE("kv reads what Logstash's scan expression reads, on random texts", "[filter][kv]") {
  const std::vector<PairSeparators> all = {
      {},
      {" ", "=", "", "", false, true},
      {" ", "=", "", "", true, false},
      {"&?", "=", "", "", true, true},
      {R"(\r\n)", " ", "", "", true, true},
      {R"(\r\n)", " :", "", "", false, true},
      {",; ", ":=", "", "", true, true},
      {"|", R"(\\=)", "", "", true, true},
      {"é|", "=ü", "", "", true, true},
      {"[:space:]", "0-9b", "", "", true, true},
      {" \"", "=", "", "", true, true},
      {" ", "= ", "", "", true, true},
  };
  std::mt19937 random(20261123);
  const std::vector<std::string> pieces = {"a",  "b",  "key", " ", " ",  "=",  "=", "  ", "\\ ", "\\",
                                           "\"", "\"", "'",   "(", ")",  "[",  "]", "<",  ">",   "&",
                                           "?",  ":",  ",",   "|", "\n", "\r", "é", "ü",  "日",  "="};
  std::size_t found = 0;
  for (const PairSeparators& separators : all) {
    const CharacterPairs reader = reader_of(separators);
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (std::size_t left = random() % 24; left > 0; --left) text += pieces[random() % pieces.size()];
      INFO("field_split " << separators.field_split << " value_split " << separators.value_split << " lenient "
                          << separators.is_lenient << ": " << text);
      const Pairs expected = scanned(separators, text);
      REQUIRE(all_pairs(reader, text) == expected);
      found += expected.size();
    }
  }
  CHECK(found > 20'000);  // not vacuous
}

TEST_CASE("kv reads long texts of unclosed quotes in one pass", "[filter][kv]") {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "a=(b c=\"d ";
  const Pairs pairs = all_pairs(reader_of({}), text + "\"x");
  REQUIRE(pairs.size() > 200'000);
  CHECK(pairs[0] == std::pair<std::string, std::string>("a", "(b"));
}

TEST_CASE("kv with patterns ends whatever the text, with a tag", "[filter][kv]") {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "a=(b--";
  const std::string out = kv(R"(field_split_pattern => "--" tag_on_timeout => "slow")", text);
  CHECK((Contains("slow") || Contains("(b")).match(out));
}

TEST_CASE("kv stores below a target or as fields, with names read as references", "[filter][kv]") {
  CHECK(kv("", "a=1 [b][c]=2 d=") == R"({"a":"1","b":{"c":"2"}})");
  CHECK(kv(R"(target => "[x][y]")", "a=1 [b]=2") == R"({"x":{"y":{"a":"1","[b]":"2"}}})");
  CHECK(kv(R"(prefix => "p_")", "a=1") == R"({"p_a":"1"})");
}

TEST_CASE("kv tags an event that refuses a pair and keeps the others", "[filter][kv]") {
  CHECK(kv("", "a=1 a[b=2 c=3") == R"({"m":"a=1 a[b=2 c=3","a":"1","c":"3","tags":["_kv_filter_error"]})");
  CHECK_THAT(kv(R"(tag_on_failure => ["x"])", "[m][n]=2"), Contains(R"("tags":["x"])"));
}

TEST_CASE("kv edits keys and values in Logstash's order", "[filter][kv]") {
  CHECK(kv(R"(trim_key => "<>" remove_char_key => "-" transform_key => "uppercase" field_split => "|")", "<a-b>=1|<<é>=2") ==
        R"({"AB":"1","É":"2"})");
  CHECK(kv(R"(trim_value => "\s" field_split => "|")", "a= \t1 \n 2 |b=3") == R"({"a":"1\n2","b":"3"})");
  CHECK(kv(R"(remove_char_value => "\\é")", R"(a=1é2\3)") == R"({"a":"123"})");
  CHECK(kv(R"(include_keys => ["A"] transform_key => "uppercase" prefix => "x")", "a=1 b=2") == R"({"xA":"1"})");
}

TEST_CASE("kv keeps different values only, when asked to", "[filter][kv]") {
  CHECK(kv("allow_duplicate_values => false", "a=mexico a=me a=me a=mexico") == R"({"a":["mexico","me"]})");
  std::string text;
  std::string expected = "0";
  for (int i = 0; i < 100; ++i) text += "a=" + std::to_string(i % 40) + " ";
  for (int i = 1; i < 40; ++i) expected += "\",\"" + std::to_string(i);
  CHECK(kv("allow_duplicate_values => false", text) == "{\"a\":[\"" + expected + "\"]}");
  CHECK(kv("allow_duplicate_values => false recursive => true", "a=(b=1) a=(b=1) a=(b=2)") ==
        R"({"a":[{"b":"1"},{"b":"2"}]})");
}

TEST_CASE("kv nests to a bounded depth", "[filter][kv]") {
  std::string text = "a";
  for (int i = 0; i < 5000; ++i) text += "=a";
  const std::string out = kv("recursive => true", text);
  std::size_t depth = 0;
  while (out.compare(depth * 5, 5, R"({"a":)") == 0) ++depth;
  CHECK(depth == 101);
}

TEST_CASE("kv sets defaults for keys that the text does not hold", "[filter][kv]") {
  CHECK(kv(R"(default_keys => { "a" => "x" "b" => ["y", "z"] })", "a=1") == R"({"a":"1","b":["y","z"]})");
  CHECK(kv(R"(default_keys => { "a" => "x" } add_field => { "f" => "g" })", "nothing") == R"({"a":"x","f":"g"})");
}

TEST_CASE("kv refuses splitters that cannot be read, with the option's name", "[filter][kv]") {
  CHECK_THAT(check_config(R"(filter { kv { field_split => "" } })"), Contains("field_split is empty"));
  CHECK_THAT(check_config(R"(filter { kv { value_split => "z-a" } })"), Contains("value_split"));
  CHECK_THAT(check_config(R"(filter { kv { field_split_pattern => "(a" } })"), Contains("field_split_pattern"));
  CHECK_THAT(check_config(R"(filter { kv { trim_key => "z-a" } })"), Contains("trim_key"));
  CHECK_THAT(check_config(R"(filter { kv { transform_key => "title" } })"), Contains("capitalize"));
}

}  // namespace
}  // namespace logboom
