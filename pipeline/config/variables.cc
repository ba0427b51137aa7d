#include "pipeline/config/variables.h"

#include <fmt/core.h>

#include <cstdlib>
#include <utility>

namespace logboom {
namespace {

bool starts_name(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

struct Reference {
  std::string_view name;
  std::optional<std::string_view> fallback;
  std::size_t length = 0;  // of the whole ${…}
};

/// The reference at the start of `text`, which begins with "${"; nothing when what follows is plain text.
/// `has_brace_ahead` is false when no '}' follows, which saves looking for it from every "${NAME:" of a long text.
std::optional<Reference> reference_at(std::string_view text, bool has_brace_ahead) {
  if (!has_brace_ahead || text.size() < 4 || !starts_name(text[2])) return std::nullopt;
  std::size_t end = 3;
  while (end < text.size() && continues_name(text[end])) ++end;
  if (end == text.size()) return std::nullopt;
  Reference found{text.substr(2, end - 2), std::nullopt, 0};
  if (text[end] == ':') {
    const std::size_t close = text.find('}', end);
    if (close == std::string_view::npos) return std::nullopt;
    found.fallback = text.substr(end + 1, close - end - 1);
    end = close;
  }
  if (text[end] != '}') return std::nullopt;
  found.length = end + 1;
  return found;
}

/// Narrows the span of a value to a reference inside it, searching from `from` (relative to the span) onwards.
SourceSpan narrow(SourceSpan span, std::string_view reference, std::size_t from) {
  if (!span.source) return span;
  const std::string_view written = span.source->text().substr(span.offset, span.length);
  const std::size_t at = from <= written.size() ? written.find(reference, from) : std::string_view::npos;
  if (at == std::string_view::npos) return span;
  return {span.source, static_cast<std::uint32_t>(span.offset + at), static_cast<std::uint32_t>(reference.size())};
}

struct Expansion {
  std::string text;
  bool has_substituted = false;
};

Expansion expand(std::string_view text, SourceSpan span, const VariableLookup& lookup, Diagnostics& diagnostics) {
  Expansion out;
  const std::size_t last_brace = text.rfind('}');
  std::size_t copied = 0;
  std::size_t reported = 0;
  for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
    const auto reference = reference_at(text.substr(at), last_brace != std::string_view::npos && last_brace > at);
    if (!reference) {
      at += 2;
      continue;
    }
    out.text.append(text, copied, at - copied);
    std::optional<std::string> value = lookup(reference->name);
    if (!value && reference->fallback) value = std::string(*reference->fallback);
    if (value) {
      out.text += *value;
      out.has_substituted = true;
    } else {
      const std::string_view written = text.substr(at, reference->length);
      out.text += written;
      const SourceSpan place = narrow(span, written, reported);
      if (place.offset > span.offset) reported = place.offset - span.offset + 1;
      diagnostics.error(place, fmt::format("variable {} is not set and has no default", reference->name),
                        fmt::format("set it in the environment or the keystore, or write ${{{}:default}}", reference->name));
    }
    at += reference->length;
    copied = at;
  }
  out.text.append(text, copied, std::string_view::npos);
  return out;
}

bool is_one_variable(std::string_view text) {
  if (text.substr(0, 2) != "${") return false;
  const auto reference = reference_at(text, true);
  return reference && reference->length == text.size();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view without_quotes(std::string_view text) {
  const bool is_quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return is_quoted ? text.substr(1, text.size() - 2) : text;
}

ConfigValue text_value(std::string_view text, SourceSpan span) {
  ConfigValue value;
  value.span = span;
  value.text = std::string(text);
  return value;
}

/// What a variable's text means as an option value: quotes around it fall away, "[a, b]" is a list.
ConfigValue read_substituted(std::string_view text, SourceSpan span) {
  text = without_quotes(text);
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return text_value(text, span);
  ConfigValue list;
  list.kind = ConfigValue::Kind::Array;
  list.span = span;
  std::string_view rest = text.substr(1, text.size() - 2);
  if (trimmed(rest).empty()) return list;
  for (;;) {
    const std::size_t comma = rest.find(',');
    list.items.push_back(text_value(without_quotes(trimmed(rest.substr(0, comma))), span));
    if (comma == std::string_view::npos) return list;
    rest.remove_prefix(comma + 1);
  }
}

class Resolver {
 public:
  Resolver(const VariableLookup& lookup, Diagnostics& diagnostics) : lookup_(lookup), diagnostics_(diagnostics) {}

  void resolve(PluginNode& plugin) {
    for (Attribute& attribute : plugin.attributes) resolve(attribute.value);
  }

  void resolve(std::vector<Statement>& statements) {
    for (Statement& statement : statements) {
      if (auto* plugin = std::get_if<PluginNode>(&statement.node)) {
        resolve(*plugin);
        continue;
      }
      auto& choice = std::get<IfNode>(statement.node);
      for (Branch& branch : choice.branches) {
        resolve(branch.condition);
        resolve(branch.body);
      }
      resolve(choice.otherwise);
    }
  }

 private:
  void resolve(ConfigValue& value) {
    if (value.kind == ConfigValue::Kind::String) {
      Expansion expansion = expand(value.text, value.span, lookup_, diagnostics_);
      if (expansion.has_substituted) value = read_substituted(expansion.text, value.span);
      return;
    }
    for (ConfigValue& item : value.items) resolve(item);
    for (auto& entry : value.entries) resolve(entry.second);
    if (value.plugin) resolve(*value.plugin);
  }

  void resolve(ConditionNode& condition) {
    for (ConditionNode& child : condition.children) resolve(child);
    for (Operand& operand : condition.operands) resolve(operand);
  }

  void resolve(Operand& operand) {
    for (Operand& item : operand.items) resolve(item);
    if (operand.kind == Operand::Kind::String && is_one_variable(operand.text))
      operand.text = expand(operand.text, operand.span, lookup_, diagnostics_).text;
  }

  const VariableLookup& lookup_;
  Diagnostics& diagnostics_;
};

}  // namespace

VariableLookup environment_variables() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (!value) return std::nullopt;
    return std::string(value);
  };
}

std::string expand_variables(std::string_view text, SourceSpan span, const VariableLookup& lookup,
                             Diagnostics& diagnostics) {
  return expand(text, span, lookup, diagnostics).text;
}

void resolve_variables(Graph& graph, const VariableLookup& lookup, Diagnostics& diagnostics) {
  Resolver resolver(lookup, diagnostics);
  for (PluginNode& input : graph.inputs) resolver.resolve(input);
  resolver.resolve(graph.filters);
  resolver.resolve(graph.outputs);
  for (LabelNode& label : graph.labels) {
    resolver.resolve(label.filters);
    resolver.resolve(label.outputs);
  }
}

}  // namespace logboom
