#include "pipeline/compile/plugin_content.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <vector>

#include "pipeline/base/file_stamp.h"

namespace logboom {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestPath = 4096;
constexpr std::size_t kMostFilesOfFolder = 10'000;

/// Options that name what is read or written while the pipeline runs, and changes by itself.
bool names_data(PluginKind kind, std::string_view option) {
  if (kind != PluginKind::Input && kind != PluginKind::Output) return false;
  return option == "path" || option == "sincedb_path" || option == "file_completed_log_path" || option == "exclude";
}

bool may_be_path(std::string_view text) {
  return !text.empty() && text.size() < kLongestPath && text.find_first_of("/.") != std::string_view::npos &&
         text.find_first_of("\n%") == std::string_view::npos;
}

/// Each part with its length before it, so that no two lists of parts read alike.
void append_part(std::string_view part, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}:", part.size());
  out += part;
}

void append_stamp(const struct stat& status, std::string& out) { out += '<' + file_stamp(status) + '>'; }

void append_state_of_path(const std::string& path, std::string& out) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return;
  if (S_ISREG(status.st_mode)) return append_stamp(status, out);
  if (!S_ISDIR(status.st_mode)) return;
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator at(path, problem), end; !problem && at != end && names.size() < kMostFilesOfFolder;
       at.increment(problem))
    names.push_back(at->path().string());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (stat(name.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    append_part(name, out);
    append_stamp(status, out);
  }
}

void append_value(const ConfigValue& value, bool looks_at_files, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}", static_cast<int>(value.kind));
  switch (value.kind) {
    case ConfigValue::Kind::Bareword:
    case ConfigValue::Kind::String:
    case ConfigValue::Kind::Number:
      append_part(value.text, out);
      if (looks_at_files && value.kind != ConfigValue::Kind::Number && may_be_path(value.text))
        append_state_of_path(value.text, out);
      return;
    case ConfigValue::Kind::Array:
      out += '[';
      for (const ConfigValue& item : value.items) append_value(item, looks_at_files, out);
      out += ']';
      return;
    case ConfigValue::Kind::Hash:
      out += '{';
      for (const auto& [key, entry] : value.entries) {
        append_value(key, false, out);
        append_value(entry, false, out);  // a dictionary's words are no files
      }
      out += '}';
      return;
    case ConfigValue::Kind::Plugin:
      if (value.plugin) out += plugin_content(*value.plugin);
      return;
  }
}

void append_operand(const Operand& operand, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}", static_cast<int>(operand.kind));
  append_part(operand.text, out);
  if (operand.kind == Operand::Kind::Number)
    fmt::format_to(std::back_inserter(out), "{} {} {}", operand.is_integer, operand.integer, operand.real);
  out += '[';
  for (const Operand& item : operand.items) append_operand(item, out);
  out += ']';
}

void append_condition(const ConditionNode& condition, std::string& out) {
  fmt::format_to(std::back_inserter(out), "({}", static_cast<int>(condition.kind));
  for (const ConditionNode& child : condition.children) append_condition(child, out);
  for (const Operand& operand : condition.operands) append_operand(operand, out);
  out += ')';
}

void append_statements(const std::vector<Statement>& statements, std::string& out) {
  out += '{';
  for (const Statement& statement : statements) {
    if (const auto* node = std::get_if<PluginNode>(&statement.node)) {
      out += plugin_content(*node);
      continue;
    }
    const auto& choice = std::get<IfNode>(statement.node);
    for (const Branch& branch : choice.branches) {
      append_condition(branch.condition, out);
      append_statements(branch.body, out);
    }
    append_statements(choice.otherwise, out);
  }
  out += '}';
}

}  // namespace

std::string plugin_content(const PluginNode& node) {
  std::string out(plugin_kind_name(node.kind));
  out += ' ';
  append_part(node.name, out);
  out += '{';
  for (const Attribute& attribute : node.attributes) {
    append_part(attribute.name, out);
    append_value(attribute.value, !names_data(node.kind, attribute.name), out);
  }
  out += '}';
  return out;
}

std::string graph_content(const Graph& graph) {
  std::string out;
  for (const PluginNode& node : graph.inputs) out += plugin_content(node);
  append_statements(graph.filters, out);
  append_statements(graph.outputs, out);
  for (const LabelNode& label : graph.labels) {
    append_part(label.name, out);
    append_statements(label.filters, out);
    append_statements(label.outputs, out);
  }
  return out;
}

}  // namespace logboom
