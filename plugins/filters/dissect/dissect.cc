// dissect: cuts a text at fixed delimiters, without regular expressions.
// Tested by tests/plugins/filters/dissect_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/plugin/registry.h"
#include "plugins/filters/dissect/mapping.h"

namespace logboom {
namespace {

constexpr std::int64_t kLargestAddedDigits = 4096;  // "1e999999999" must not become a gigabyte of zeros

struct DissectOptions {
  TextHash mapping;
  TextHash convert_datatype;
  std::vector<std::string> tag_on_failure = {"_dissectfailure"};
};

OptionTable<DissectOptions> dissect_options() {
  OptionTable<DissectOptions> table;
  table.optional("mapping", &DissectOptions::mapping, "Fields to cut, and the delimiters and names of their parts.");
  table.optional("convert_datatype", &DissectOptions::convert_datatype, "Fields that become numbers: int or float.");
  table.optional("tag_on_failure", &DissectOptions::tag_on_failure, "Tags of events whose text does not fit its mapping.");
  return table;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A decimal number as digits: value = 0.digits * 10^point.
struct Decimal {
  bool is_negative = false;
  std::string digits;
  std::int64_t point = 0;
};

/// What Java's BigDecimal reads: sign, digits with a point anywhere among them, exponent.
std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal made;
  const auto take_sign = [&text] {
    const bool is_negative = !text.empty() && text.front() == '-';
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
    return is_negative;
  };
  made.is_negative = take_sign();
  bool has_point = false;
  for (; !text.empty() && (is_digit(text.front()) || (text.front() == '.' && !has_point)); text.remove_prefix(1)) {
    if (text.front() == '.') {
      has_point = true;
    } else {
      made.digits += text.front();
      if (!has_point) ++made.point;
    }
  }
  if (made.digits.empty()) return std::nullopt;
  if (text.empty()) return made;
  if (text.front() != 'e' && text.front() != 'E') return std::nullopt;
  text.remove_prefix(1);
  const bool is_small = take_sign();
  if (text.empty()) return std::nullopt;
  std::int64_t exponent = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    exponent = std::min<std::int64_t>(exponent * 10 + (c - '0'), 1'000'000'000);
  }
  made.point += is_small ? -exponent : exponent;
  return made;
}

std::optional<Value> to_integer(const Decimal& number, Arena& arena) {
  if (number.point <= 0 || number.digits.find_first_not_of('0') == std::string::npos) return Value::integer(0);
  if (number.point > static_cast<std::int64_t>(number.digits.size()) + kLargestAddedDigits) return std::nullopt;
  std::string text = number.digits;
  text.resize(static_cast<std::size_t>(number.point), '0');
  const std::size_t first = text.find_first_not_of('0');
  if (first == std::string::npos) return Value::integer(0);
  text = (number.is_negative ? "-" : "") + text.substr(first);
  std::int64_t small = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), small);
  return problem == std::errc() ? Value::integer(small) : Value::big_number(arena.copy(text));
}

std::optional<Value> to_float(const Decimal& number) {
  const std::string text = fmt::format("{}0.{}e{}", number.is_negative ? "-" : "", number.digits, number.point);
  double made = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), made);
  if (problem == std::errc::result_out_of_range) {
    if (number.point > 0 && number.digits.find_first_not_of('0') != std::string::npos) return std::nullopt;
    made = 0;
  }
  return Value::real(made);
}

class Dissect {
 public:
  Dissect(DissectOptions options, Decorations decorations, const PluginContext& context)
      : decorations_(std::move(decorations)),
        tags_(std::move(options.tag_on_failure)),
        failures_(&context.metrics().counter("failures")),
        matches_(&context.metrics().counter("matches")) {
    for (const auto& [source, mapping] : options.mapping) read_mapping(source, mapping, context);
    for (const auto& [field, type] : options.convert_datatype) read_conversion(field, type, context);
  }

  /// The decorations are applied here, after each mapping that fits and before the next, so the verdict asks for none.
  Verdict apply(Event& event) {
    if (!apply_mappings(event)) {
      fail(event);
      return Verdict::Unmatched;
    }
    for (const Conversion& conversion : conversions_) convert(event, conversion);
    return Verdict::Unmatched;
  }

 private:
  struct Step {
    FieldRef source;
    DissectMapping mapping;
  };
  struct Conversion {
    FieldRef field;
    bool is_integer = false;
    std::string null_tag;
    std::string failure_tag;
  };

  void read_mapping(const std::string& source, const std::string& mapping, const PluginContext& context) {
    auto field = FieldRef::parse(source);
    if (!field) return context.error("mapping", field.error().message);
    auto made = DissectMapping::parse(mapping);
    if (!made) return context.error("mapping", fmt::format("mapping of \"{}\": {}", source, made.error().message));
    if (!made->empty()) steps_.push_back({std::move(*field), std::move(*made)});
  }

  void read_conversion(const std::string& name, const std::string& type, const PluginContext& context) {
    auto field = FieldRef::parse(name);
    if (!field) return context.error("convert_datatype", field.error().message);
    std::string lower;
    for (const char c : type) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (lower != "int" && lower != "float") {
      return context.error("convert_datatype",
                           fmt::format("convert_datatype: there is no type \"{}\" for \"{}\"", type, name),
                           "write int or float");
    }
    conversions_.push_back({std::move(*field), lower == "int", fmt::format("_dataconversionnullvalue_{}_{}", name, type),
                            fmt::format("_dataconversionuncoercible_{}_{}", name, type)});
  }

  void fail(Event& event) const {
    failures_->add();
    for (const std::string& tag : tags_) event.add_failure_tag(tag);
  }

  /// False when the event refused a value: nothing more is done with it.
  bool apply_mappings(Event& event) {
    for (const Step& step : steps_) {
      const Value* source = event.get(step.source);
      if (source == nullptr) {
        failures_->add();
        continue;
      }
      if (!step.mapping.cut(value_text(*source, event.arena()), parts_)) {
        fail(event);
        continue;
      }
      if (!step.mapping.store(event, parts_)) return false;
      matches_->add();
      if (!decorations_.empty()) decorations_.apply(event);
    }
    return true;
  }

  static void convert(Event& event, const Conversion& conversion) {
    const Value* value = event.get(conversion.field);
    if (value == nullptr || value->is_null()) return event.add_failure_tag(conversion.null_tag);
    std::optional<Value> made;
    if (value->is_string() || value->is_number()) {
      if (const auto number = read_decimal(value_text(*value, event.arena())))
        made = conversion.is_integer ? to_integer(*number, event.arena()) : to_float(*number);
    }
    if (!made || !event.set(conversion.field, *made)) event.add_failure_tag(conversion.failure_tag);
  }

  std::vector<Step> steps_;
  std::vector<Conversion> conversions_;
  Decorations decorations_;
  std::vector<std::string> tags_;
  Counter* failures_;
  Counter* matches_;
  DissectedParts parts_;
};

std::unique_ptr<Filter> make_dissect(const PluginNode& node, PluginContext& context, Diagnostics& diagnostics) {
  const std::size_t problems = diagnostics.error_count();
  DissectOptions options = dissect_options().read(node, diagnostics);
  auto decorations = Decorations::read(node, "_dissectfailure", diagnostics);
  if (diagnostics.error_count() != problems) return nullptr;
  Dissect impl(std::move(options), std::move(decorations), context);
  if (diagnostics.error_count() != problems) return nullptr;
  return std::make_unique<FilterOf<Dissect>>(std::move(impl), Decorations());
}

std::vector<OptionDeclaration> dissect_declarations() { return dissect_options().declarations(); }

const RegisterFilter registered({
    .name = "dissect",
    .summary = "Cuts a text at fixed delimiters.",
    .make = {make_dissect, dissect_declarations},
    .details =
        R"(A mapping is text with fields in it: `%{a}` keeps what stands there, `%{}` and `%{?a}` skip it, `%{+a}`
appends it to `a` with the delimiter before it, `%{+a/2}` does so in the order of the numbers, `%{&a}` stores it under
the name that `a` (or `%{?a}`) holds, and `%{a->}` passes over repeats of the delimiter behind it. Text before the
first field must stand at the very start. The last field takes the rest.

A text that does not fit (or is empty) sets nothing and tags the event `_dissectfailure` (`tag_on_failure`); a missing
source field is passed over. With several mappings each is tried, and may read what the ones before it set; add_field
and the like are done after each that fits.

`convert_datatype` runs after the mappings, also when they failed. Integers beyond 64 bits keep their digits. A
missing or null field is tagged `_dataconversionnullvalue_FIELD_TYPE`, one that is no number
`_dataconversionuncoercible_FIELD_TYPE`.)",
    .decoration_failure_tag = "_dissectfailure",
});

}  // namespace
}  // namespace logboom
