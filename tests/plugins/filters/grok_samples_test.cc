// Every bundled pattern on lines like those it is for: tests/pipeline/text/data/pattern_samples.json holds, for each name of
// both sets, texts with the fields that grok makes of them, or with the part of the text that the pattern takes ("whole").
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/text/pattern_library.h"
#include "tests/support/run_filter.h"

namespace logboom {
namespace {

using nlohmann::json;

const json& samples() {
  static const json read = [] {
    std::ifstream file("tests/pipeline/text/data/pattern_samples.json");
    return json::parse(file);
  }();
  return read;
}

/// "a" and "[a][b]" as "/a" and "/a/b".
std::string path_of(const std::string& field) {
  std::string out = field[0] == '[' ? "" : "/";
  for (const char c : field)
    if (c != ']') out += c == '[' ? '/' : c;
  return out;
}

/// Values at the end of every path through objects.
void flatten(const json& value, const std::string& path, std::map<std::string, json>& into) {
  if (!value.is_object()) {
    into[path] = value;
    return;
  }
  for (const auto& [name, inner] : value.items()) flatten(inner, path + "/" + name, into);
}

void check_samples(const std::string& set) {
  // One filter for all samples of a pattern.
  std::map<std::string, std::vector<const json*>> by_pattern;
  for (const json& sample : samples())
    if (sample["set"] == set) by_pattern[sample["pattern"]].push_back(&sample);
  const RunFilterOptions options{set == "legacy" ? EcsMode::Disabled : EcsMode::V1};
  for (const auto& [name, texts] : by_pattern) {
    std::string events;
    for (const json* sample : texts) events += json{{"sample_text", (*sample)["text"]}}.dump() + "\n";
    const bool is_whole = texts.front()->contains("whole");
    const std::string pattern = is_whole ? "(?<sample_whole>%{" + name + "})" : "%{" + name + "}";
    // @metadata is not printed, so what captures put there moves.
    const std::string filter = "grok { match => { \"sample_text\" => \"" + pattern +
                               "\" } remove_field => [\"sample_text\"] keep_empty_captures => " +
                               (is_whole ? "true" : "false") +
                               " } mutate { rename => { \"[@metadata][cisco]\" => \"[moved][cisco]\" } }";
    const std::string out = run_filter(filter, events, options);
    std::size_t begin = 0;
    for (const json* sample : texts) {
      const std::size_t end = out.find('\n', begin);
      const json event = json::parse(out.substr(begin, end == std::string::npos ? end : end - begin));
      begin = end + 1;
      INFO(name << " on " << (*sample)["text"].dump() << " gave " << event.dump());
      CHECK_FALSE(event.contains("tags"));
      if (sample->contains("whole")) {
        CHECK(event.value("sample_whole", json()) == (*sample)["whole"]);
        continue;
      }
      std::map<std::string, json> made;
      flatten(event, "", made);
      std::map<std::string, json> expected;
      for (const auto& [field, value] : (*sample)["fields"].items())
        expected[path_of(field.rfind("[@metadata]", 0) == 0 ? "[moved]" + field.substr(11) : field)] = value;
      CHECK(made == expected);
    }
  }
}

TEST_CASE("every legacy pattern makes of its samples the fields that they say", "[filter][grok][patterns]") {
  check_samples("legacy");
}

TEST_CASE("every ECS pattern makes of its samples the fields that they say", "[filter][grok][patterns]") {
  check_samples("ecs-v1");
}

TEST_CASE("no bundled pattern is without a sample, and no sample without a pattern", "[filter][grok][patterns]") {
  std::set<std::pair<std::string, std::string>> sampled;
  for (const json& sample : samples())
    sampled.insert({sample["set"].get<std::string>(), sample["pattern"].get<std::string>()});
  std::set<std::pair<std::string, std::string>> bundled;
  for (const auto& [set, name] : {std::pair{PatternSet::Legacy, "legacy"}, std::pair{PatternSet::EcsV1, "ecs-v1"}})
    for (const auto& entry : PatternLibrary::bundled(set).patterns()) bundled.insert({name, entry.first});
  CHECK(sampled == bundled);
}

}  // namespace
}  // namespace logboom
