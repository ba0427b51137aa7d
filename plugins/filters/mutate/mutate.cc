// mutate: renames, sets, converts and rewrites fields, in one fixed order whatever the order in the block.
// Tested by tests/plugins/filters/mutate_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/event/letter_case.h"
#include "pipeline/plugin/registry.h"
#include "plugins/filters/mutate/conversion.h"
#include "plugins/filters/mutate/field_name.h"
#include "plugins/filters/mutate/substitution.h"
#include "plugins/filters/mutate/text_pieces.h"
#include "plugins/filters/mutate/value_words.h"

namespace logboom {
namespace {

struct MutateOptions {
  TextHash coerce;
  TextHash rename;
  TextHash update;
  TextHash replace;
  TextHash convert;
  std::vector<std::string> gsub;
  std::vector<std::string> uppercase;
  std::vector<std::string> capitalize;
  std::vector<std::string> lowercase;
  std::vector<std::string> strip;
  TextHash split;
  TextHash join;
  ConfigHash merge;
  TextHash copy;
  std::string tag_on_failure = "_mutate_error";
};

OptionTable<MutateOptions> mutate_options() {
  OptionTable<MutateOptions> table;
  table.optional("coerce", &MutateOptions::coerce, "Values for fields that exist and are null.");
  table.optional("rename", &MutateOptions::rename, "Old names and new names; both may hold %{references}.");
  table.optional("update", &MutateOptions::update, "New values for fields that exist.");
  table.optional("replace", &MutateOptions::replace, "Values for fields, existing or not.");
  table.optional("convert", &MutateOptions::convert,
                 "Types for fields: integer, float, integer_eu, float_eu, string or boolean.");
  table.optional("gsub", &MutateOptions::gsub, "Triples of field, regular expression and replacement.");
  table.optional("uppercase", &MutateOptions::uppercase, "Fields whose text becomes upper case.");
  table.optional("capitalize", &MutateOptions::capitalize,
                 "Fields whose first letter becomes upper case, the rest lower case.");
  table.optional("lowercase", &MutateOptions::lowercase, "Fields whose text becomes lower case.");
  table.optional("strip", &MutateOptions::strip, "Fields that lose the blanks at both ends.");
  table.optional("split", &MutateOptions::split, "Fields whose text becomes a list, and the separator.");
  table.optional("join", &MutateOptions::join, "Fields whose list becomes a text, and the separator.");
  table.optional("merge", &MutateOptions::merge, "Fields, and the field or fields whose items they take over.");
  table.optional("copy", &MutateOptions::copy, "Fields and the names of their copies.");
  table.optional("tag_on_failure", &MutateOptions::tag_on_failure, "Tag of events on which a step failed.");
  return table;
}

class Mutate {
 public:
  Mutate(MutateOptions options, const PluginContext& context);
  Verdict apply(Event& event);

 private:
  struct SetStep {
    FieldName field;
    FieldTemplate value;
  };
  struct RenameStep {
    FieldNameTemplate from;
    FieldNameTemplate to;
  };
  struct ConvertStep {
    FieldName field;
    ConversionKind kind;
  };
  struct SubstitutionStep {
    FieldName field;
    Substitution substitution;
  };
  struct CaseStep {
    FieldName field;
    LetterCase wanted;
  };
  struct SeparatorStep {
    FieldName field;
    std::string separator;
  };
  struct MergeStep {
    FieldName into;
    std::vector<FieldName> added;
  };
  struct CopyStep {
    FieldName from;
    FieldName to;
  };
  enum class SetWhen { Null, Present, Always };

  void read_sets(const TextHash& hash, const char* option, std::vector<SetStep>& out, const PluginContext& context);
  void read_conversions(const TextHash& hash, const PluginContext& context);
  void read_substitutions(const std::vector<std::string>& items, const PluginContext& context);
  void read_merges(const ConfigHash& hash, const PluginContext& context);

  bool apply_or_fail(Event& event);
  static bool set_fields(Event& event, const std::vector<SetStep>& steps, SetWhen when);
  static bool rename(Event& event, const RenameStep& step);
  static bool convert(Event& event, const ConvertStep& step);
  static bool substitute(Event& event, SubstitutionStep& step);
  static bool change_case(Event& event, const CaseStep& step);
  static bool strip(Event& event, const FieldName& name);
  static bool split(Event& event, const SeparatorStep& step);
  static bool join(Event& event, const SeparatorStep& step);
  static bool merge(Event& event, const MergeStep& step);
  static bool copy(Event& event, const CopyStep& step);

  std::vector<SetStep> coerce_;
  std::vector<RenameStep> rename_;
  std::vector<SetStep> update_;
  std::vector<SetStep> replace_;
  std::vector<ConvertStep> convert_;
  std::vector<SubstitutionStep> gsub_;
  std::vector<CaseStep> cases_;  // upper, capital, lower: in this order
  std::vector<FieldName> strip_;
  std::vector<SeparatorStep> split_;
  std::vector<SeparatorStep> join_;
  std::vector<MergeStep> merge_;
  std::vector<CopyStep> copy_;
  std::string failure_tag_;
  Counter* failures_;
};

Mutate::Mutate(MutateOptions options, const PluginContext& context)
    : failure_tag_(std::move(options.tag_on_failure)), failures_(&context.metrics().counter("failures")) {
  read_sets(options.coerce, "coerce", coerce_, context);
  for (const auto& [from, to] : options.rename)
    rename_.push_back({FieldNameTemplate(from, "rename", context), FieldNameTemplate(to, "rename", context)});
  read_sets(options.update, "update", update_, context);
  read_sets(options.replace, "replace", replace_, context);
  read_conversions(options.convert, context);
  read_substitutions(options.gsub, context);
  for (const std::string& name : options.uppercase)
    cases_.push_back({FieldName(name, "uppercase", context), LetterCase::Upper});
  for (const std::string& name : options.capitalize)
    cases_.push_back({FieldName(name, "capitalize", context), LetterCase::Capital});
  for (const std::string& name : options.lowercase)
    cases_.push_back({FieldName(name, "lowercase", context), LetterCase::Lower});
  for (const std::string& name : options.strip) strip_.emplace_back(name, "strip", context);
  for (auto& [name, separator] : options.split) split_.push_back({FieldName(name, "split", context), std::move(separator)});
  for (auto& [name, separator] : options.join) join_.push_back({FieldName(name, "join", context), std::move(separator)});
  read_merges(options.merge, context);
  for (const auto& [from, to] : options.copy)
    copy_.push_back({FieldName(from, "copy", context), FieldName(to, "copy", context)});
}

void Mutate::read_sets(const TextHash& hash, const char* option, std::vector<SetStep>& out, const PluginContext& context) {
  for (const auto& [name, value] : hash) out.push_back({FieldName(name, option, context), FieldTemplate::parse(value)});
}

void Mutate::read_conversions(const TextHash& hash, const PluginContext& context) {
  for (const auto& [name, type] : hash) {
    if (const auto kind = conversion_named(type)) {
      convert_.push_back({FieldName(name, "convert", context), *kind});
    } else {
      context.error("convert", fmt::format("convert: there is no type \"{}\" for \"{}\"", type, name),
                    "write integer, float, integer_eu, float_eu, string or boolean");
    }
  }
}

void Mutate::read_substitutions(const std::vector<std::string>& items, const PluginContext& context) {
  if (items.size() % 3 != 0) {
    context.error("gsub", fmt::format("gsub: {} values are no triples", items.size()),
                  "write field, regular expression and replacement for each substitution");
    return;
  }
  for (std::size_t i = 0; i < items.size(); i += 3) {
    auto made = Substitution::make(items[i + 1], items[i + 2]);
    if (!made) {
      context.error("gsub", "gsub: " + made.error().message);
      continue;
    }
    gsub_.push_back({FieldName(items[i], "gsub", context), std::move(*made)});
  }
}

void Mutate::read_merges(const ConfigHash& hash, const PluginContext& context) {
  for (const auto& [name, value] : hash) {
    MergeStep step{FieldName(name.text, "merge", context), {}};
    const bool is_list = value.kind == ConfigValue::Kind::Array;
    const std::vector<ConfigValue> single{value};
    for (const ConfigValue& item : is_list ? value.items : single) {
      if (item.kind == ConfigValue::Kind::Array || item.kind == ConfigValue::Kind::Hash ||
          item.kind == ConfigValue::Kind::Plugin) {
        context.error(item.span, "merge: wants the name of a field, or a list of names");
        continue;
      }
      step.added.emplace_back(item.text, "merge", context);
    }
    merge_.push_back(std::move(step));
  }
}

Verdict Mutate::apply(Event& event) {
  if (apply_or_fail(event)) return Verdict::Pass;
  failures_->add();
  event.add_failure_tag(failure_tag_);
  return Verdict::Unmatched;
}

bool Mutate::apply_or_fail(Event& event) {
  if (!set_fields(event, coerce_, SetWhen::Null)) return false;
  for (const RenameStep& step : rename_)
    if (!rename(event, step)) return false;
  if (!set_fields(event, update_, SetWhen::Present) || !set_fields(event, replace_, SetWhen::Always)) return false;
  for (const ConvertStep& step : convert_)
    if (!convert(event, step)) return false;
  for (SubstitutionStep& step : gsub_)
    if (!substitute(event, step)) return false;
  for (const CaseStep& step : cases_)
    if (!change_case(event, step)) return false;
  for (const FieldName& name : strip_)
    if (!strip(event, name)) return false;
  for (const SeparatorStep& step : split_)
    if (!split(event, step)) return false;
  for (const SeparatorStep& step : join_)
    if (!join(event, step)) return false;
  for (const MergeStep& step : merge_)
    if (!merge(event, step)) return false;
  for (const CopyStep& step : copy_)
    if (!copy(event, step)) return false;
  return true;
}

bool Mutate::set_fields(Event& event, const std::vector<SetStep>& steps, SetWhen when) {
  for (const SetStep& step : steps) {
    const FieldRef* field = step.field.get();
    if (field == nullptr) return false;
    if (when != SetWhen::Always) {
      const Value* present = event.get(*field);
      if (present == nullptr || (when == SetWhen::Null && !present->is_null())) continue;
    }
    if (!event.set(*field, Value::string(step.value.render(event)))) return false;
  }
  return true;
}

bool Mutate::rename(Event& event, const RenameStep& step) {
  FieldRef made_from, made_to;
  const FieldRef* from = step.from.get(event, made_from);
  const FieldRef* to = step.to.get(event, made_to);
  if (from == nullptr || to == nullptr) return false;
  const Value* present = event.get(*from);
  if (present == nullptr) return true;
  const Value value = *present;
  event.remove(*from);
  if (event.set(*to, value)) return true;
  event.set(*from, value);
  return false;
}

bool Mutate::convert(Event& event, const ConvertStep& step) {
  const FieldRef* field = step.field.get();
  if (field == nullptr) return false;
  const Value* present = event.get(*field);
  if (present == nullptr) return true;
  Value value = *present;
  return convert_value(value, step.kind, event.arena()) && event.set(*field, value);
}

bool Mutate::substitute(Event& event, SubstitutionStep& step) {
  const FieldRef* field = step.field.get();
  if (field == nullptr) return false;
  const Value* present = event.get(*field);
  if (present == nullptr || (!present->is_string() && !present->is_array())) return true;
  Value value = *present;
  if (!step.substitution.prepare(event)) return false;
  std::string_view result;
  if (value.is_string()) {
    if (!step.substitution.replace(value.as_string(), event.arena(), result)) return false;
    return result.data() == value.as_string().data() || event.set(*field, Value::string(result));
  }
  Array* made = Array::make(event.arena(), value.as_array().size());
  for (const Value& item : value.as_array()) {
    if (!item.is_string()) {
      made->push(event.arena(), item);
      continue;
    }
    if (!step.substitution.replace(item.as_string(), event.arena(), result)) return false;
    made->push(event.arena(), Value::string(result));
  }
  return event.set(*field, Value::array(made));
}

bool Mutate::change_case(Event& event, const CaseStep& step) {
  const FieldRef* field = step.field.get();
  if (field == nullptr) return false;
  Value* value = event.get(*field);
  if (value == nullptr) return true;
  if (value->is_string()) {
    *value = Value::string(with_letter_case(value->as_string(), step.wanted, event.arena()));
  } else if (value->is_array()) {
    for (Value& item : value->as_array())
      if (item.is_string()) item = Value::string(with_letter_case(item.as_string(), step.wanted, event.arena()));
  }
  return true;
}

bool Mutate::strip(Event& event, const FieldName& name) {
  const FieldRef* field = name.get();
  if (field == nullptr) return false;
  Value* value = event.get(*field);
  if (value == nullptr) return true;
  if (value->is_string()) {
    *value = Value::string(stripped(value->as_string()));
  } else if (value->is_array()) {
    for (const Value& item : value->as_array())
      if (!item.is_string()) return false;
    for (Value& item : value->as_array()) item = Value::string(stripped(item.as_string()));
  }
  return true;
}

bool Mutate::split(Event& event, const SeparatorStep& step) {
  const FieldRef* field = step.field.get();
  if (field == nullptr) return false;
  const Value* value = event.get(*field);
  if (value == nullptr || !value->is_string()) return true;
  return event.set(*field, Value::array(split_text(value->as_string(), step.separator, event.arena())));
}

bool Mutate::join(Event& event, const SeparatorStep& step) {
  const FieldRef* field = step.field.get();
  if (field == nullptr) return false;
  const Value* value = event.get(*field);
  if (value == nullptr || !value->is_array()) return true;
  static thread_local std::string joined;
  joined.clear();
  append_joined(value->as_array(), step.separator, joined);
  return event.set(*field, Value::string(joined.empty() ? std::string_view("") : event.arena().copy(joined)));
}

/// Objects take the members of objects over; anything else becomes a list and takes items over. An object and something
/// that is none (a missing field too) are left as they are.
bool Mutate::merge(Event& event, const MergeStep& step) {
  const FieldRef* into = step.into.get();
  if (into == nullptr) return false;
  Arena& arena = event.arena();
  for (const FieldName& name : step.added) {
    const FieldRef* from = name.get();
    if (from == nullptr) return false;
    const Value* present = event.get(*into);
    const Value* added = event.get(*from);
    const bool is_object = present != nullptr && present->is_object();
    if (is_object != (added != nullptr && added->is_object())) continue;
    if (is_object) {
      if (present == added) continue;
      const Object* members = copy_object(added->as_object(), arena, CopyStrings::Share);
      for (const ObjectEntry& entry : *members) present->as_object().set(arena, entry.key, entry.value);
      continue;
    }
    Array* list = Array::make(arena, 4);
    for (const Value* side : {present, added}) {
      if (side == nullptr || side->is_null()) continue;
      const Value own = side == added ? copy_value(*side, arena, CopyStrings::Share) : *side;
      if (own.is_array()) {
        for (const Value& item : own.as_array()) list->push(arena, item);
      } else {
        list->push(arena, own);
      }
    }
    if (!event.set(*into, Value::array(list))) return false;
  }
  return true;
}

bool Mutate::copy(Event& event, const CopyStep& step) {
  const FieldRef* from = step.from.get();
  const FieldRef* to = step.to.get();
  if (from == nullptr || to == nullptr) return false;
  const Value* value = event.get(*from);
  if (value == nullptr || value->is_null()) return true;
  return event.set(*to, copy_value(*value, event.arena(), CopyStrings::Share));
}

/// As make_filter, but tag_on_failure also marks events on which add_field and the like could not be done.
std::unique_ptr<Filter> make_mutate(const PluginNode& node, PluginContext& context, Diagnostics& diagnostics) {
  const std::size_t problems = diagnostics.error_count();
  MutateOptions options = mutate_options().read(node, diagnostics);
  auto decorations = Decorations::read(node, options.tag_on_failure, diagnostics);
  if (diagnostics.error_count() != problems) return nullptr;
  Mutate impl(std::move(options), context);
  if (diagnostics.error_count() != problems) return nullptr;
  return std::make_unique<FilterOf<Mutate>>(std::move(impl), std::move(decorations));
}

std::vector<OptionDeclaration> mutate_declarations() { return mutate_options().declarations(); }

const RegisterFilter registered({
    .name = "mutate",
    .summary = "Renames, sets, converts and rewrites fields.",
    .make = {make_mutate, mutate_declarations},
    .details =
        R"(The steps of one block run in this order, however they are written: coerce, rename, update, replace,
convert, gsub, uppercase, capitalize, lowercase, strip, split, join, merge, copy. Use two blocks where another order
is wanted.

The first step that fails ends the block for that event: later steps and add_field, add_tag and so on are left out,
and the event is tagged `_mutate_error` (`tag_on_failure`) and counted. Steps on a missing field do nothing, except
replace and merge. A step fails when a text is no number (convert), when a list to strip holds something else than
text, when a path leads through a text, when a name is no field reference, or when a replacement (gsub) names an
unknown group or the result exceeds 64 MiB.

- **convert** to integer or float reads decimal, scientific and hexadecimal text; commas and surrounding blanks are
  ignored, `integer_eu` and `float_eu` exchange the meanings of comma and point. Fractions are cut towards zero.
  Integers beyond 64 bits keep their digits. boolean knows true, t, yes, y, 1, 1.0, false, f, no, n, 0, 0.0 and the
  empty text; anything else stays.
- **gsub** uses Ruby's regular expressions, with `\1` to `\9`, `\0` and `\k<name>` in the replacement. Expression and
  replacement may hold `%{references}`; an expression that has some is compiled when its text first occurs.
- **split** leaves out empty pieces at the end; a single blank splits at runs of blanks.
- **merge** of several fields into one takes a list of names.)",
    .decoration_failure_tag = "_mutate_error",
});

}  // namespace
}  // namespace logboom
