#include "server/test_command/wanted_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "pipeline/config/diagnostic.h"
#include "pipeline/event/field_ref.h"
#include "pipeline/event/timestamp.h"
#include "pipeline/text/matcher.h"
#include "server/json_line.h"

namespace logboom {
namespace {

using nlohmann::json;

constexpr double kRelativeTolerance = 1e-6;
const std::vector<std::string_view> kTags = {"!any", "!absent", "!type", "!regex", "!approx", "!contains", "!unordered"};
const std::vector<std::string_view> kTypes = {"string", "number", "integer", "float",    "boolean",
                                              "array",  "object", "null",    "timestamp"};

std::string shown(const json* value) { return value == nullptr ? "nothing" : json_line(*value); }

bool is_own_tag(const std::string& tag) { return tag.size() > 1 && tag[0] == '!'; }

std::optional<Timestamp> time_of(const json& value) {
  if (!value.is_string()) return std::nullopt;
  return parse_iso8601(value.get_ref<const std::string&>());
}

bool scalars_equal(const json& wanted, const json& got) {
  if (wanted.is_number() && got.is_number()) {
    if (wanted.is_number_integer() && got.is_number_integer()) return wanted == got;
    const double left = wanted.get<double>(), right = got.get<double>();
    return std::fabs(left - right) <= 1e-9 * std::max({1.0, std::fabs(left), std::fabs(right)});
  }
  if (wanted == got) return true;
  const auto left = time_of(wanted), right = time_of(got);  // the same instant may be written in two ways
  return left && right && *left == *right;
}

bool has_type(const std::string& type, const json& value) {
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "integer") return value.is_number_integer();
  if (type == "float") return value.is_number_float();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "null") return value.is_null();
  return time_of(value).has_value();
}

/// A number or a text as the expressions of a pipeline see it.
std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : json_line(value); }

bool matches(const std::string& expression, const json& value) {
  const auto matcher = Matcher::compile(expression, {});
  MatchScratch scratch;
  return matcher && (*matcher)->match_untrusted(text_of(value), scratch) == MatchStatus::Matched;
}

/// An item of a list by its number, which may count from the end.
const json* item_at(const json& list, std::string_view number) {
  std::int64_t index = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (problem != std::errc() || end != number.data() + number.size()) return nullptr;
  const auto size = static_cast<std::int64_t>(list.size());
  if (index < 0) index += size;
  return index >= 0 && index < size ? &list.at(static_cast<std::size_t>(index)) : nullptr;
}

std::string child_name(const std::string& field, const std::string& name) { return fmt::format("{}[{}]", field, name); }

/// The fields that a mapping names, references taken apart.
struct WantedFields {
  std::vector<std::pair<std::string, std::unique_ptr<WantedFields>>> below;
  std::optional<YAML::Node> value;

  void add(const std::vector<std::string>& steps, std::size_t at, const YAML::Node& node) {
    if (at == steps.size()) {
      if (node.IsMap() && !is_own_tag(node.Tag())) return add_all(node);
      value = node;
      return;
    }
    for (auto& [name, fields] : below)
      if (name == steps[at]) return fields->add(steps, at + 1, node);
    below.emplace_back(steps[at], std::make_unique<WantedFields>());
    below.back().second->add(steps, at + 1, node);
  }
  void add_all(const YAML::Node& mapping) {
    is_mapping = true;
    for (const auto& entry : mapping) {
      const auto key = entry.first.as<std::string>();
      std::vector<std::string> steps{key};
      if (const auto reference = FieldRef::parse(key); key[0] == '[' && reference) {
        steps.clear();
        if (reference->is_metadata()) steps.emplace_back("@metadata");
        for (const FieldRef::Step& step : reference->steps()) steps.emplace_back(step.key.text());
      }
      add(steps, 0, entry.second);
    }
  }
  bool is_mapping = false;
};

class Comparison {
 public:
  Comparison(Extent extent, std::vector<Difference>& differences) : extent_(extent), differences_(differences) {}

  void compare(const YAML::Node& wanted, const json* got, const std::string& field) {
    const std::string& tag = wanted.Tag();
    if (is_own_tag(tag)) {
      compare_tagged(tag, wanted, got, field);
    } else if (got == nullptr) {
      differ(field, fmt::format("want {}, but it is not there", shown_wanted(wanted)));
    } else if (wanted.IsMap()) {
      WantedFields fields;
      fields.add_all(wanted);
      compare_fields(fields, got, field);
    } else if (wanted.IsSequence()) {
      compare_list(wanted, *got, field);
    } else if (!scalars_equal(json_of_yaml(wanted), *got)) {
      differ(field, fmt::format("want {}, got {}", shown_wanted(wanted), shown(got)));
    }
  }

 private:
  void differ(const std::string& field, std::string text) { differences_.push_back({field, std::move(text)}); }

  static std::string shown_wanted(const YAML::Node& wanted) { return json_line(json_of_yaml(wanted)); }

  void compare_fields(const WantedFields& wanted, const json* got, const std::string& field) {
    if (wanted.value) return compare(*wanted.value, got, field);
    if (got != nullptr && got->is_array()) {
      for (const auto& [name, fields] : wanted.below) compare_fields(*fields, item_at(*got, name), child_name(field, name));
      return;
    }
    if (got == nullptr || !got->is_object()) {
      for (const auto& [name, fields] : wanted.below) compare_fields(*fields, nullptr, child_name(field, name));
      if (wanted.below.empty()) differ(field, fmt::format("want an object, got {}", shown(got)));
      return;
    }
    for (const auto& [name, fields] : wanted.below) {
      const auto found = got->find(name);
      compare_fields(*fields, found != got->end() ? &*found : nullptr, child_name(field, name));
    }
    if (extent_ == Extent::Subset) return;
    for (const auto& [name, value] : got->items()) {
      const auto is_it = [&name = name](const auto& entry) { return entry.first == name; };
      if (std::none_of(wanted.below.begin(), wanted.below.end(), is_it))
        differ(child_name(field, name), fmt::format("is not wanted, got {}", shown(&value)));
    }
  }

  void compare_list(const YAML::Node& wanted, const json& got, const std::string& field) {
    if (!got.is_array()) return differ(field, fmt::format("want a list, got {}", shown(&got)));
    if (got.size() != wanted.size()) return differ(field, fmt::format("want {}, got {}", shown_wanted(wanted), shown(&got)));
    for (std::size_t i = 0; i < wanted.size(); ++i) compare(wanted[i], &got[i], child_name(field, std::to_string(i)));
  }

  void compare_tagged(const std::string& tag, const YAML::Node& wanted, const json* got, const std::string& field) {
    if (tag == "!absent") {
      if (got != nullptr) differ(field, fmt::format("must not be there, got {}", shown(got)));
      return;
    }
    if (got == nullptr) return differ(field, fmt::format("want {} {}, but it is not there", tag, plain_text(wanted)));
    bool is_fine = true;
    if (tag == "!type") is_fine = has_type(wanted.as<std::string>(), *got);
    if (tag == "!regex") is_fine = matches(wanted.as<std::string>(), *got);
    if (tag == "!approx") is_fine = is_near(wanted, *got);
    if (tag == "!contains") return compare_contained(wanted, *got, field);
    if (tag == "!unordered") is_fine = has_items(wanted, *got, true);
    if (!is_fine) differ(field, fmt::format("want {} {}, got {}", tag, plain_text(wanted), shown(got)));
  }

  static std::string plain_text(const YAML::Node& wanted) {
    return wanted.IsScalar() ? wanted.as<std::string>() : json_line(json_of_yaml(wanted));
  }

  static bool is_near(const YAML::Node& wanted, const json& got) {
    if (!got.is_number()) return false;
    const double number = (wanted.IsSequence() ? wanted[0] : wanted).as<double>();
    const double tolerance = wanted.IsSequence() ? wanted[1].as<double>() : kRelativeTolerance * std::fabs(number);
    return std::fabs(got.get<double>() - number) <= tolerance;
  }

  void compare_contained(const YAML::Node& wanted, const json& got, const std::string& field) {
    if (wanted.IsMap()) {
      WantedFields fields;
      fields.add_all(wanted);
      Comparison(Extent::Subset, differences_).compare_fields(fields, &got, field);
      return;
    }
    const bool is_fine = wanted.IsSequence() ? has_items(wanted, got, false)
                                             : text_of(got).find(wanted.as<std::string>()) != std::string::npos;
    if (!is_fine) differ(field, fmt::format("want something with {}, got {}", plain_text(wanted), shown(&got)));
  }

  /// Each wanted item is there, with `all` nothing else is.
  bool has_items(const YAML::Node& wanted, const json& got, bool all) const {
    if (!got.is_array() || (all && got.size() != wanted.size())) return false;
    std::vector<bool> is_taken(got.size());
    for (const auto& item : wanted) {
      std::size_t at = 0;
      for (; at < got.size(); ++at) {
        std::vector<Difference> unused;
        Comparison(extent_, unused).compare(item, &got[at], "");
        if (!is_taken[at] && unused.empty()) break;
      }
      if (at == got.size()) return false;
      is_taken[at] = true;
    }
    return true;
  }

  const Extent extent_;
  std::vector<Difference>& differences_;
};

}  // namespace

void compare_value(const YAML::Node& wanted, const json* got, const std::string& field, Extent extent,
                   std::vector<Difference>& differences) {
  Comparison(extent, differences).compare(wanted, got, field);
}

const json* value_at(const json& event, const std::string& reference) {
  const auto parsed = FieldRef::parse(reference);
  if (!parsed) return nullptr;
  const json* at = &event;
  if (parsed->is_metadata()) at = at->contains("@metadata") ? &at->at("@metadata") : nullptr;
  for (const FieldRef::Step& step : parsed->steps()) {
    if (at == nullptr) return nullptr;
    const std::string name(step.key.text());
    if (at->is_object()) {
      at = at->contains(name) ? &at->at(name) : nullptr;
    } else {
      at = at->is_array() ? item_at(*at, name) : nullptr;
    }
  }
  return at;
}

json json_of_yaml(const YAML::Node& node) {
  if (node.IsMap()) {
    json object = json::object();
    for (const auto& entry : node) object[entry.first.as<std::string>()] = json_of_yaml(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    json list = json::array();
    for (const auto& item : node) list.push_back(json_of_yaml(item));
    return list;
  }
  if (node.IsNull()) return nullptr;
  const auto text = node.as<std::string>();
  if (node.Tag() != "?") return text;  // quoted, or a block
  if (text == "true" || text == "false") return text == "true";
  const json number = json::parse(text, nullptr, false);  // a number of JSON, not 0x10 or 1_000
  return number.is_number() ? number : json(text);
}

std::string check_wanted(const YAML::Node& wanted) {
  const std::string& tag = wanted.Tag();
  if (is_own_tag(tag)) {
    if (std::find(kTags.begin(), kTags.end(), tag) == kTags.end()) {
      const std::string_view near = nearest_name(tag, kTags);
      return fmt::format(
          "there is no matcher {}{}", tag,
          near.empty() ? fmt::format(" (there are {})", fmt::join(kTags, ", ")) : fmt::format("; did you mean {}?", near));
    }
    const bool wants_text = tag == "!type" || tag == "!regex";
    if (wants_text && !wanted.IsScalar()) return fmt::format("{} wants a text", tag);
    if (tag == "!type" && std::find(kTypes.begin(), kTypes.end(), wanted.as<std::string>()) == kTypes.end())
      return fmt::format("!type: \"{}\" is not one of {}", wanted.as<std::string>(), fmt::join(kTypes, ", "));
    if (tag == "!regex")
      if (const auto matcher = Matcher::compile(wanted.as<std::string>(), {}); !matcher)
        return "!regex: " + matcher.error().message;
    if (tag == "!unordered" && !wanted.IsSequence()) return "!unordered wants a list";
    if (tag == "!approx") {
      const bool is_pair = wanted.IsSequence() && wanted.size() == 2;
      double number = 0;
      for (const YAML::Node& part :
           is_pair ? std::vector<YAML::Node>{wanted[0], wanted[1]} : std::vector<YAML::Node>{wanted})
        if (!part.IsScalar() || !YAML::convert<double>::decode(part, number))
          return "!approx wants a number, or [number, tolerance]";
    }
  }
  if (wanted.IsMap())
    for (const auto& entry : wanted)
      if (std::string problem = check_wanted(entry.second); !problem.empty()) return problem;
  if (wanted.IsSequence())
    for (const auto& item : wanted)
      if (std::string problem = check_wanted(item); !problem.empty()) return problem;
  return {};
}

}  // namespace logboom
