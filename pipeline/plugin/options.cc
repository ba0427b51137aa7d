#include "pipeline/plugin/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace logboom {
namespace {

constexpr std::string_view kKindNames[] = {"a bareword", "a string", "a number", "an array", "a hash", "a plugin"};

std::string_view kind_name(const ConfigValue& value) { return kKindNames[static_cast<int>(value.kind)]; }

bool is_scalar(const ConfigValue& value) {
  return value.kind == ConfigValue::Kind::Bareword || value.kind == ConfigValue::Kind::String ||
         value.kind == ConfigValue::Kind::Number;
}

/// Logstash takes a list of one where one value is wanted.
const ConfigValue& single(const ConfigValue& value) {
  return value.kind == ConfigValue::Kind::Array && value.items.size() == 1 ? value.items[0] : value;
}

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

/// A number where text is wanted, as Logstash (Ruby) prints it: 010 is "8", 1.50 is "1.5".
std::string number_text(const ConfigValue& value) {
  if (value.is_integer) return fmt::format("{}", value.integer);
  if (value.text.find('.') == std::string::npos) return value.text;  // more digits than 64 bits hold
  const double size = std::fabs(value.real);
  const bool is_plain = size == 0 || (size >= 1e-4 && size < 1e16);
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value.real,
                                 is_plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(digits, end.ptr);
  if (text.find('.') == std::string::npos) text.insert(std::min(text.find('e'), text.size()), ".0");
  return text;
}

bool parse_number(const ConfigValue& value, double& out) {
  if (value.kind == ConfigValue::Kind::Number) {
    out = value.is_integer ? static_cast<double>(value.integer) : value.real;
    return true;
  }
  if (!is_scalar(value) || value.text.empty()) return false;
  const auto [end, problem] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), out);
  return problem == std::errc() && end == value.text.data() + value.text.size() && std::isfinite(out);  // no "inf", no "nan"
}

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kByteUnits[] = {
    {"", 1},
    {"b", 1},
    {"k", 1e3},
    {"kb", 1e3},
    {"kib", 1024.0},
    {"m", 1e6},
    {"mb", 1e6},
    {"mib", 1048576.0},
    {"g", 1e9},
    {"gb", 1e9},
    {"gib", 1073741824.0},
    {"t", 1e12},
    {"tb", 1e12},
    {"tib", 1099511627776.0},
};
constexpr Unit kTimeUnits[] = {
    {"", 1},        {"s", 1},        {"sec", 1},      {"secs", 1},      {"second", 1},     {"seconds", 1},  {"ms", 1e-3},
    {"msec", 1e-3}, {"msecs", 1e-3}, {"us", 1e-6},    {"usec", 1e-6},   {"usecs", 1e-6},   {"m", 60},       {"min", 60},
    {"mins", 60},   {"minute", 60},  {"minutes", 60}, {"h", 3600},      {"hour", 3600},    {"hours", 3600}, {"d", 86400},
    {"day", 86400}, {"days", 86400}, {"w", 604800},   {"week", 604800}, {"weeks", 604800},
};

/// "10 MiB" → 10 and the unit's factor; false when either cannot be read.
template <std::size_t N>
bool parse_with_unit(std::string_view text, const Unit (&units)[N], double& out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc() || out < 0 || !std::isfinite(out)) return false;
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);  // one blank may stand before the unit
  std::string unit;
  for (const char c : rest) unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    out *= known.factor;
    return true;
  }
  return false;
}

}  // namespace

bool OptionReader::refuse(const ConfigValue& value, std::string_view problem, std::string hint) {
  diagnostics_.error(value.span, fmt::format("{}: {}", option_, problem), std::move(hint));
  return false;
}

bool OptionReader::check_bound(const ConfigValue& value, double bound, bool is_minimum) {
  double number = 0;
  if (!parse_number(single(value), number)) return true;  // not a plain number: its own reader judges it
  if (is_minimum ? number >= bound : number <= bound) return true;
  return refuse(
      value, fmt::format("{} is {} {}", single(value).text, is_minimum ? "below the minimum" : "above the maximum", bound));
}

bool OptionReader::read(const ConfigValue& given, std::string& out) {
  const ConfigValue& value = single(given);
  if (!is_scalar(value)) return refuse(given, fmt::format("wants a string, not {}", kind_name(value)));
  out = value.kind == ConfigValue::Kind::Number ? number_text(value) : value.text;
  return true;
}

bool OptionReader::read(const ConfigValue& given, bool& out) {
  const ConfigValue& value = single(given);
  if (value.kind != ConfigValue::Kind::Number && is_scalar(value) && (value.text == "true" || value.text == "false")) {
    out = value.text == "true";
    return true;
  }
  return refuse(given, fmt::format("wants true or false, not {}",
                                   is_scalar(value) ? quoted(value.text) : std::string(kind_name(value))));
}

bool OptionReader::read(const ConfigValue& given, std::int64_t& out) {
  const ConfigValue& value = single(given);
  double number = 0;
  if (!is_scalar(value) || !parse_number(value, number) || !(std::fabs(number) < 9.2e18))
    return refuse(
        given, fmt::format("wants a number, not {}", is_scalar(value) ? quoted(value.text) : std::string(kind_name(value))));
  if (number != std::floor(number)) return refuse(given, fmt::format("wants a whole number, not {}", value.text));
  out = value.kind == ConfigValue::Kind::Number && value.is_integer ? value.integer : static_cast<std::int64_t>(number);
  return true;
}

bool OptionReader::read(const ConfigValue& value, std::uint64_t& out) {
  std::int64_t number = 0;
  if (!read(value, number)) return false;
  if (number < 0) return refuse(value, fmt::format("{} is below the minimum 0", number));
  out = static_cast<std::uint64_t>(number);
  return true;
}

bool OptionReader::read(const ConfigValue& given, double& out) {
  const ConfigValue& value = single(given);
  if (parse_number(value, out)) return true;
  return refuse(
      given, fmt::format("wants a number, not {}", is_scalar(value) ? quoted(value.text) : std::string(kind_name(value))));
}

bool OptionReader::read(const ConfigValue& value, FieldRef& out) {
  std::string text;
  if (!read(value, text)) return false;
  auto field = FieldRef::parse(text);
  if (!field) return refuse(value, field.error().message);
  out = std::move(*field);
  return true;
}

bool OptionReader::read(const ConfigValue& value, FieldTemplate& out) {
  std::string text;
  if (!read(value, text)) return false;
  out = FieldTemplate::parse(text);
  return true;
}

bool OptionReader::read(const ConfigValue& value, ConfigHash& out) {
  out.clear();
  if (value.kind == ConfigValue::Kind::Hash) {
    out = value.entries;
    return true;
  }
  if (value.kind == ConfigValue::Kind::Array && value.items.size() % 2 == 0) {  // ["key", "value", …], as Logstash allows
    for (std::size_t i = 0; i < value.items.size(); i += 2) out.emplace_back(value.items[i], value.items[i + 1]);
    return true;
  }
  return refuse(value, fmt::format("wants a hash, not {}", kind_name(value)), "write { \"name\" => \"value\" }");
}

bool OptionReader::read(const ConfigValue& value, TextHash& out) {
  ConfigHash hash;
  if (!read(value, hash)) return false;
  out.clear();
  for (const auto& [name, entry] : hash) {
    std::string text;
    if (!read(entry, text)) return false;
    out.emplace_back(name.text, std::move(text));
  }
  return true;
}

bool OptionReader::read(const ConfigValue& value, Secret& out) { return read(value, out.value); }

bool OptionReader::read(const ConfigValue& value, ByteSize& out) {
  std::string text;
  if (!read(value, text)) return false;
  double bytes = 0;
  if (!parse_with_unit(text, kByteUnits, bytes) || bytes > 9e18)
    return refuse(value, fmt::format("\"{}\" is not a size", text), "write 65536, \"64kb\" or \"10MiB\"");
  out.bytes = static_cast<std::uint64_t>(bytes);
  return true;
}

bool OptionReader::read(const ConfigValue& value, Duration& out) {
  std::string text;
  if (!read(value, text)) return false;
  if (!parse_with_unit(text, kTimeUnits, out.seconds))
    return refuse(value, fmt::format("\"{}\" is not a length of time", text),
                  "write 5, \"15 s\", \"2 minutes\" or \"1 day\"");
  return true;
}

bool OptionReader::read(const ConfigValue& value, CodecChoice& out) {
  if (value.kind == ConfigValue::Kind::Plugin) {
    out = {value.plugin->name, value.plugin, value.span};
    return true;
  }
  std::string name;
  if (!read(value, name)) return false;
  out = {name, nullptr, value.span};
  return true;
}

std::string option_type_name(const std::string&) { return "string"; }
std::string option_type_name(const bool&) { return "boolean"; }
std::string option_type_name(const std::int64_t&) { return "number"; }
std::string option_type_name(const std::uint64_t&) { return "number"; }
std::string option_type_name(const double&) { return "number"; }
std::string option_type_name(const FieldRef&) { return "field reference"; }
std::string option_type_name(const FieldTemplate&) { return "string with %{references}"; }
std::string option_type_name(const ConfigHash&) { return "hash"; }
std::string option_type_name(const TextHash&) { return "hash of strings"; }
std::string option_type_name(const Secret&) { return "password"; }
std::string option_type_name(const ByteSize&) { return "bytes"; }
std::string option_type_name(const Duration&) { return "duration"; }
std::string option_type_name(const CodecChoice&) { return "codec"; }
std::string option_type_name(const ConfigValue&) { return "any value"; }

std::string option_default_text(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) out += c == '\n' ? std::string("\\n") : c == '\t' ? std::string("\\t") : std::string(1, c);
  return out + "\"";
}
std::string option_default_text(bool value) { return value ? "true" : "false"; }
std::string option_default_text(std::int64_t value) { return fmt::format("{}", value); }
std::string option_default_text(std::uint64_t value) { return fmt::format("{}", value); }
std::string option_default_text(double value) { return fmt::format("{}", value); }
std::string option_default_text(const FieldRef& value) { return value.empty() ? "" : quoted(value.text()); }
std::string option_default_text(const FieldTemplate& value) { return value.empty() ? "" : quoted(value.text()); }
std::string option_default_text(const TextHash& value) {
  std::string out = "{";
  for (const auto& [name, text] : value) out += fmt::format(" \"{}\" => \"{}\"", name, text);
  return out + (value.empty() ? "}" : " }");
}
std::string option_default_text(const ConfigHash&) { return "{}"; }
std::string option_default_text(const Secret&) { return ""; }
std::string option_default_text(const ByteSize& value) { return fmt::format("{}", value.bytes); }
std::string option_default_text(const Duration& value) { return fmt::format("{} s", value.seconds); }
std::string option_default_text(const CodecChoice& value) { return value.name; }
std::string option_default_text(const ConfigValue&) { return ""; }

const std::vector<OptionDeclaration>& common_options(PluginKind kind) {
  const auto option = [](const char* name, const char* type, const char* by_default, const char* doc) {
    return OptionDeclaration{name, type, by_default, doc, {}, false, false, "", ""};
  };
  static const OptionDeclaration on_failure{
      "on_failure",
      "string",
      "tag",
      "What becomes of an event that the filter fails on (grok finds no match, a date "
      "cannot be read): it is tagged and goes on, or it leaves the pipeline without the "
      "tag, for the label @ERROR or, when there is none, the dead-letter queue.",
      {"tag", "dlq"},
      false,
      false,
      "",
      ""};
  static const OptionDeclaration id =
      option("id", "string", "", "Name of this plugin in metrics and logs; made up when not given.");
  static const OptionDeclaration metric =
      option("enable_metric", "boolean", "true", "Whether this plugin counts its events.");
  static const OptionDeclaration ecs{"ecs_compatibility",
                                     "string",
                                     "pipeline.ecs_compatibility",
                                     "Which field names the plugin uses.",
                                     {"disabled", "v1", "v8"},
                                     false,
                                     false,
                                     "",
                                     ""};
  static const std::vector<OptionDeclaration> inputs = {
      id,
      metric,
      ecs,
      option("type", "string", "", "Sets [type] on events that have none."),
      option("tags", "array of string", "[]", "Tags added to every event."),
      option("add_field", "hash", "{}", "Fields added to every event."),
      option("label", "string", "", "The label that the events go to, instead of the pipeline's filters and outputs."),
  };
  static const std::vector<OptionDeclaration> codecs = {id, metric, ecs};
  static const std::vector<OptionDeclaration> filters = {
      id,
      metric,
      ecs,
      option("add_field", "hash", "{}", "Fields added when the filter succeeds; names and values may hold %{references}."),
      option("remove_field", "array of string", "[]", "Fields removed when the filter succeeds."),
      option("add_tag", "array of string", "[]", "Tags added when the filter succeeds."),
      option("remove_tag", "array of string", "[]", "Tags removed when the filter succeeds."),
      on_failure,
      option("periodic_flush", "boolean", "false", "Whether the filter's flush hook is called every five seconds."),
  };
  static const std::vector<OptionDeclaration> outputs = {
      id,
      metric,
      ecs,
      option("workers", "number", "1", "Accepted and ignored: outputs are called by all pipeline workers."),
      option("buffer", "hash", "{ type => \"memory\" }",
             "Where events wait for this output: in memory, or on disk, so that its trouble is nobody else's."),
      option("retry", "hash", "{}", "How this output's events are tried again.")};
  switch (kind) {
    case PluginKind::Input: return inputs;
    case PluginKind::Codec: return codecs;
    case PluginKind::Filter: return filters;
    case PluginKind::Output: return outputs;
  }
  return codecs;
}

bool is_common_option(PluginKind kind, std::string_view name) {
  for (const OptionDeclaration& declaration : common_options(kind))
    if (declaration.name == name) return true;
  return false;
}

void report_unknown_option(const PluginNode& node, const Attribute& attribute, const std::vector<OptionDeclaration>& known,
                           Diagnostics& diagnostics) {
  std::vector<std::string_view> names;
  std::string own;
  for (const OptionDeclaration& declaration : known) {
    if (!declaration.obsolete.empty()) continue;
    names.push_back(declaration.name);
    own += (own.empty() ? "" : ", ") + declaration.name;
  }
  for (const OptionDeclaration& declaration : common_options(node.kind)) names.push_back(declaration.name);
  const std::string_view near = nearest_name(attribute.name, names);
  std::string hint = near.empty() ? std::string() : fmt::format("did you mean \"{}\"? ", near);
  hint += own.empty() ? "(it has only the common options)" : fmt::format("(options: {})", own);
  diagnostics.error(attribute.name_span,
                    fmt::format("{} \"{}\" has no option \"{}\"", plugin_kind_name(node.kind), node.name, attribute.name),
                    hint);
}

bool check_declaration(const OptionDeclaration& declaration, const Attribute& attribute, Diagnostics& diagnostics) {
  if (!declaration.obsolete.empty()) {
    diagnostics.error(attribute.name_span, fmt::format("the option \"{}\" is obsolete", declaration.name),
                      declaration.obsolete);
    return false;
  }
  if (!declaration.deprecated.empty())
    diagnostics.warning(attribute.name_span, fmt::format("the option \"{}\" is deprecated", declaration.name),
                        declaration.deprecated);
  std::vector<const ConfigValue*> values;
  if (attribute.value.kind == ConfigValue::Kind::Array) {
    for (const ConfigValue& item : attribute.value.items) values.push_back(&item);
  } else {
    values.push_back(&attribute.value);
  }
  bool is_fine = true;
  for (const ConfigValue* value : values) {
    if (!is_scalar(*value)) continue;
    if (!declaration.choices.empty()) {
      bool is_known = false;
      std::string all;
      std::vector<std::string_view> names;
      for (const std::string& choice : declaration.choices) {
        is_known |= choice == value->text;
        all += (all.empty() ? "" : ", ") + choice;
        names.push_back(choice);
      }
      if (!is_known) {
        const std::string_view near = nearest_name(value->text, names);
        diagnostics.error(value->span, fmt::format("{}: \"{}\" is not one of {}", declaration.name, value->text, all),
                          near.empty() ? std::string() : fmt::format("did you mean \"{}\"?", near));
        is_fine = false;
      }
    }
    if (declaration.is_path && access(value->text.c_str(), F_OK) != 0) {
      diagnostics.error(value->span, fmt::format("{}: \"{}\" does not exist", declaration.name, value->text),
                        "the path is looked up from the directory that logboom was started in");
      is_fine = false;
    }
  }
  return is_fine;
}

Value config_value_to_event(const ConfigValue& value, Arena& arena) {
  switch (value.kind) {
    case ConfigValue::Kind::Number: return value.is_integer ? Value::integer(value.integer) : Value::real(value.real);
    case ConfigValue::Kind::Array: {
      Array* made = Array::make(arena, static_cast<std::uint32_t>(value.items.size()));
      for (const ConfigValue& item : value.items) made->push(arena, config_value_to_event(item, arena));
      return Value::array(made);
    }
    case ConfigValue::Kind::Hash: {
      Object* made = Object::make(arena, static_cast<std::uint32_t>(value.entries.size()));
      for (const auto& [name, entry] : value.entries)
        made->set(arena, intern_key(name.text), config_value_to_event(entry, arena));
      return Value::object(made);
    }
    default: return Value::string(arena.copy(value.text));
  }
}

}  // namespace logboom
