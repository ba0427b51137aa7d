#include "server/test_command/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/json_line.h"
#include "server/test_command/wanted_value.h"

namespace logboom {
namespace {

using nlohmann::json;

std::vector<std::string> tags_of(const json& event) {
  std::vector<std::string> tags;
  const json* found = value_at(event, "tags");
  if (found != nullptr && found->is_string()) tags.push_back(found->get<std::string>());
  if (found != nullptr && found->is_array())
    for (const json& tag : *found)
      if (tag.is_string()) tags.push_back(tag.get<std::string>());
  return tags;
}

/// The event without what a test that lists all fields does not have to say: what every event has, and what it says
/// elsewhere.
json listed_fields(const WantedEvent& wanted, const json& event) {
  json fields = event;
  const auto says = [&](const char* name) { return wanted.fields[name].IsDefined(); };
  for (const char* name : {"@timestamp", "@version", "@metadata"})
    if (!says(name)) fields.erase(name);
  if (!says("tags") && !(wanted.tags.empty() && wanted.missing_tags.empty())) fields.erase("tags");
  return fields;
}

std::vector<Difference> differences_of(const WantedEvent& wanted, const TrialEvent& got) {
  std::vector<Difference> found;
  if (wanted.fields.IsMap()) {
    const json fields = listed_fields(wanted, got.event);
    compare_value(wanted.fields, &fields, "", Extent::Whole, found);
  }
  if (wanted.contains.IsMap()) compare_value(wanted.contains, &got.event, "", Extent::Subset, found);
  if (wanted.metadata.IsMap())
    compare_value(wanted.metadata, value_at(got.event, "[@metadata]"), "[@metadata]", Extent::Subset, found);
  for (const std::string& field : wanted.absent)
    if (const json* value = value_at(got.event, field))
      found.push_back({field, fmt::format("must not be there, got {}", json_line(*value))});
  const auto tags = tags_of(got.event);
  const auto has_tag = [&](const std::string& tag) { return std::find(tags.begin(), tags.end(), tag) != tags.end(); };
  for (const std::string& tag : wanted.tags)
    if (!has_tag(tag)) found.push_back({"[tags]", fmt::format("want the tag \"{}\", got {}", tag, json_line(tags))});
  for (const std::string& tag : wanted.missing_tags)
    if (has_tag(tag)) found.push_back({"[tags]", fmt::format("must not have the tag \"{}\"", tag)});
  if (wanted.label && *wanted.label != got.label)
    found.push_back({"label", fmt::format("want {}, got {}", wanted.label->empty() ? "none" : *wanted.label,
                                          got.label.empty() ? "none" : got.label)});
  if (wanted.outputs) {
    auto want = *wanted.outputs;
    auto outputs = got.outputs;
    std::sort(want.begin(), want.end());
    std::sort(outputs.begin(), outputs.end());
    if (want != outputs) found.push_back({"outputs", fmt::format("want {}, got {}", json_line(want), json_line(outputs))});
  }
  return found;
}

std::string title_of(const TrialEvent& event, std::size_t number) {
  return fmt::format("event {} ({}{})", number + 1, event.label.empty() ? "" : fmt::format("label {}, ", event.label),
                     event.outputs.empty() ? "reached no output" : fmt::format("to {}", fmt::join(event.outputs, ", ")));
}

}  // namespace

std::vector<std::string> judge(const TestCase& test, const TrialResult& result) {
  std::vector<std::string> lines;
  if (test.dropped && *test.dropped != result.dropped)
    lines.push_back(fmt::format("{} events were dropped, expected are {}", result.dropped, *test.dropped));
  if (!test.expected) return lines;
  const auto& expected = *test.expected;
  if (expected.size() != result.events.size())
    lines.push_back(fmt::format("{} events came out, expected are {}", result.events.size(), expected.size()));
  for (std::size_t i = 0; i < std::max(expected.size(), result.events.size()); ++i) {
    if (i >= result.events.size()) {
      lines.push_back(fmt::format("event {} did not come (line {})", i + 1, expected[i].line));
      continue;
    }
    const TrialEvent& got = result.events[i];
    if (i >= expected.size()) {
      lines.push_back(fmt::format("{} was not expected: {}", title_of(got, i), json_line(got.event)));
      continue;
    }
    const auto differences = differences_of(expected[i], got);
    if (differences.empty()) continue;
    lines.push_back(fmt::format("{}, expected at line {}:", title_of(got, i), expected[i].line));
    for (const Difference& difference : differences)
      lines.push_back(fmt::format("  {}: {}", difference.field, difference.text));
    lines.push_back("  the event: " + json_line(got.event));
  }
  return lines;
}

}  // namespace logboom
