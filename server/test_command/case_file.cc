#include "server/test_command/case_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "pipeline/config/diagnostic.h"
#include "server/json_line.h"
#include "server/test_command/wanted_value.h"

namespace logboom {
namespace {

namespace fs = std::filesystem;

/// Thrown inside this file alone.
struct Wrong {
  int line;
  std::string problem;
};

int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

[[noreturn]] void refuse(const YAML::Node& node, std::string problem) { throw Wrong{line_of(node), std::move(problem)}; }

/// Calls a reader for each key of a mapping; a key without one is refused.
using Readers = std::vector<std::pair<std::string_view, std::function<void(const YAML::Node&)>>>;
void read_mapping(const YAML::Node& mapping, std::string_view what, const Readers& readers) {
  if (!mapping.IsMap()) refuse(mapping, fmt::format("{} is written as keys and values", what));
  std::vector<std::string_view> names;
  for (const auto& [name, reader] : readers) names.push_back(name);
  for (const auto& entry : mapping) {
    const auto key = entry.first.as<std::string>();
    const auto found = std::find_if(readers.begin(), readers.end(), [&](const auto& known) { return known.first == key; });
    if (found != readers.end()) {
      found->second(entry.second);
      continue;
    }
    const std::string_view near = nearest_name(key, names);
    refuse(entry.first, fmt::format("{} has no \"{}\"{}", what, key,
                                    near.empty() ? fmt::format(" (it has {})", fmt::join(names, ", "))
                                                 : fmt::format("; did you mean \"{}\"?", near)));
  }
}

std::string text(const YAML::Node& node) {
  if (!node.IsScalar()) refuse(node, "a text is wanted here");
  return node.as<std::string>();
}

std::vector<std::string> texts(const YAML::Node& node) {
  if (node.IsScalar()) return {node.as<std::string>()};
  if (!node.IsSequence()) refuse(node, "a text or a list of texts is wanted here");
  std::vector<std::string> all;
  for (const auto& item : node) all.push_back(text(item));
  return all;
}

Timestamp instant(const YAML::Node& node) {
  const auto time = parse_iso8601(text(node));
  if (!time) refuse(node, fmt::format("clock: \"{}\" is no time like 2024-05-01T12:00:00Z", text(node)));
  return *time;
}

YAML::Node wanted(const YAML::Node& node) {
  if (!node.IsMap()) refuse(node, "fields are written as keys and values");
  if (const std::string problem = check_wanted(node); !problem.empty()) refuse(node, problem);
  return node;
}

WantedEvent read_wanted_event(const YAML::Node& node) {
  WantedEvent event;
  event.line = line_of(node);
  read_mapping(node, "an expected event",
               {{"fields", [&](const YAML::Node& value) { event.fields = wanted(value); }},
                {"contains", [&](const YAML::Node& value) { event.contains = wanted(value); }},
                {"metadata", [&](const YAML::Node& value) { event.metadata = wanted(value); }},
                {"absent", [&](const YAML::Node& value) { event.absent = texts(value); }},
                {"tags", [&](const YAML::Node& value) { event.tags = texts(value); }},
                {"no_tags", [&](const YAML::Node& value) { event.missing_tags = texts(value); }},
                {"outputs", [&](const YAML::Node& value) { event.outputs = texts(value); }},
                {"label", [&](const YAML::Node& value) { event.label = text(value); }}});
  return event;
}

std::string event_json(const YAML::Node& node) {
  if (!node.IsMap()) refuse(node, "an event is written as keys and values; raw text goes under lines");
  return json_line(json_of_yaml(node));
}

TestCase read_case(const YAML::Node& node) {
  TestCase made;
  made.line = line_of(node);
  read_mapping(node, "a test",
               {{"name", [&](const YAML::Node& value) { made.name = text(value); }},
                {"from", [&](const YAML::Node& value) { made.from = text(value); }},
                {"codec", [&](const YAML::Node& value) { made.codec = text(value); }},
                {"clock", [&](const YAML::Node& value) { made.clock = instant(value); }},
                {"dropped",
                 [&](const YAML::Node& value) {
                   std::size_t count = 0;
                   if (!value.IsScalar() || !YAML::convert<std::size_t>::decode(value, count))
                     refuse(value, "dropped: a number of events is wanted");
                   made.dropped = count;
                 }},
                {"input",
                 [&](const YAML::Node& value) {
                   if (value.IsMap()) return made.events.push_back(event_json(value));
                   if (!value.IsSequence()) refuse(value, "input: an event or a list of events is wanted");
                   for (const auto& item : value) made.events.push_back(event_json(item));
                 }},
                {"lines",
                 [&](const YAML::Node& value) {
                   made.lines = texts(value);
                   made.has_lines = true;
                 }},
                {"expect", [&](const YAML::Node& value) {
                   auto& expected = made.expected.emplace();
                   if (value.IsMap()) return expected.push_back(read_wanted_event(value));
                   if (!value.IsSequence()) refuse(value, "expect: an event or a list of events is wanted; [] for none");
                   for (const auto& item : value) expected.push_back(read_wanted_event(item));
                 }}});
  if (made.name.empty()) refuse(node, "a test needs a name");
  if (made.has_lines && !made.events.empty()) refuse(node, "a test has input (events) or lines, not both");
  if (!made.codec.empty() && !made.has_lines) refuse(node, "codec is for lines");
  if (!made.expected && !made.dropped) refuse(node, "a test says what it expects: expect, or dropped");
  return made;
}

void read_settings(const YAML::Node& node, Settings& settings) {
  if (!node.IsMap()) refuse(node, "settings are written as names and values");
  for (const auto& entry : node) {
    const auto stored = settings.set(entry.first.as<std::string>(), text(entry.second), "test");
    if (!stored) refuse(entry.first, stored.error().message);
  }
}

CaseFile read_document(const std::string& path, const YAML::Node& root) {
  CaseFile file;
  file.path = path;
  read_mapping(root, "a file of tests",
               {{"pipeline",
                 [&](const YAML::Node& value) {
                   const fs::path given = text(value);
                   file.pipeline = given.is_absolute() ? given.string() : (fs::path(path).parent_path() / given).string();
                 }},
                {"filter", [&](const YAML::Node& value) { file.config = "filter {" + text(value) + "\n}"; }},
                {"config", [&](const YAML::Node& value) { file.config = text(value); }},
                {"settings", [&](const YAML::Node& value) { read_settings(value, file.settings); }},
                {"env",
                 [&](const YAML::Node& value) {
                   if (!value.IsMap()) refuse(value, "env is written as names and values");
                   for (const auto& entry : value) file.environment[entry.first.as<std::string>()] = text(entry.second);
                 }},
                {"clock", [&](const YAML::Node& value) { file.clock = instant(value); }},
                {"tests", [&](const YAML::Node& value) {
                   if (!value.IsSequence()) refuse(value, "tests: a list of tests is wanted");
                   for (const auto& item : value) file.cases.push_back(read_case(item));
                 }}});
  const int sources = (root["pipeline"] ? 1 : 0) + (root["filter"] ? 1 : 0) + (root["config"] ? 1 : 0);
  if (sources != 1) refuse(root, "say what is tested: one of pipeline (a path), filter or config (a text)");
  if (file.cases.empty()) refuse(root, "there are no tests");
  return file;
}

}  // namespace

Result<CaseFile> read_case_file(const std::string& path) {
  try {
    return read_document(path, YAML::LoadFile(path));
  } catch (const Wrong& wrong) {
    return Error{ErrorCode::InvalidArgument, fmt::format("{}:{}: {}", path, wrong.line, wrong.problem)};
  } catch (const YAML::BadFile&) {
    return Error{ErrorCode::NotFound, fmt::format("{} cannot be read", path)};
  } catch (const YAML::Exception& problem) {
    return Error{ErrorCode::InvalidArgument, fmt::format("{}:{}: {}", path, problem.mark.line + 1, problem.msg)};
  }
}

}  // namespace logboom
