// translate: replaces a value by what a dictionary says of it.
// Tested by tests/plugins/filters/translate_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pipeline/plugin/registry.h"
#include "plugins/filters/translate/dictionary.h"
#include "plugins/filters/translate/dictionary_file.h"

namespace logboom {
namespace {

constexpr std::int64_t kDefaultYamlCodePoints = 134'217'728;

struct TranslateOptions {
  std::optional<FieldRef> source;
  std::optional<FieldRef> field;
  std::optional<FieldRef> target;
  std::optional<FieldRef> destination;
  ConfigHash dictionary;
  std::optional<std::string> dictionary_path;
  double refresh_interval = 300;
  std::string refresh_behaviour = "merge";
  bool exact = true;
  bool regex = false;
  std::optional<FieldTemplate> fallback;
  std::optional<bool> override_target;
  std::optional<FieldRef> iterate_on;
  std::string yaml_load_strategy = "one_shot";
  std::optional<std::int64_t> yaml_dictionary_code_point_limit;
};

OptionTable<TranslateOptions> translate_options() {
  OptionTable<TranslateOptions> table;
  table.optional("source", &TranslateOptions::source, "The field to look up; required.");
  table.optional("field", &TranslateOptions::field, "An earlier name of source.").deprecated("use source");
  table.optional("target", &TranslateOptions::target,
                 "Where the result goes; the source itself, or \"translation\" without ECS.");
  table.optional("destination", &TranslateOptions::destination, "An earlier name of target.").deprecated("use target");
  table.optional("dictionary", &TranslateOptions::dictionary, "Keys and what they become.");
  table
      .optional("dictionary_path", &TranslateOptions::dictionary_path,
                "A .yml, .yaml, .json or .csv file of keys and values.")
      .must_exist();
  table.optional("refresh_interval", &TranslateOptions::refresh_interval,
                 "Seconds between looks at the file; it is read again when it changed. 0 or less: never.");
  table
      .optional("refresh_behaviour", &TranslateOptions::refresh_behaviour,
                "Whether entries that left the file are kept (merge) or go.")
      .one_of({"merge", "replace"});
  table.optional("exact", &TranslateOptions::exact,
                 "Whether the whole text is looked up; else each key found in it is replaced.");
  table.optional("regex", &TranslateOptions::regex, "Whether keys are regular expressions (with exact).");
  table.optional("fallback", &TranslateOptions::fallback, "What is set when nothing matches; may hold %{references}.");
  table.optional("override", &TranslateOptions::override_target, "Whether an existing target is replaced.");
  table.optional("iterate_on", &TranslateOptions::iterate_on, "A list whose items are translated one by one.");
  table.optional("yaml_load_strategy", &TranslateOptions::yaml_load_strategy, "Both give the same dictionary.")
      .one_of({"one_shot", "streaming"});
  table.optional("yaml_dictionary_code_point_limit", &TranslateOptions::yaml_dictionary_code_point_limit,
                 "Longest YAML dictionary, in characters; 134217728 when not given.");
  return table;
}

/// Sets a member of an object, making objects on the way; false when the path leads through something else.
bool set_below(Object& object, const FieldRef& field, Value value, Arena& arena) {
  Object* parent = &object;
  const auto& steps = field.steps();
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    Value* next = parent->find(steps[i].key);
    if (next == nullptr || next->is_null()) next = &parent->set(arena, steps[i].key, Value::object(Object::make(arena)));
    if (!next->is_object()) return false;
    parent = &next->as_object();
  }
  if (steps.empty()) return false;
  parent->set(arena, steps.back().key, value);
  return true;
}

class Translate {
 public:
  Translate(TranslateOptions options, const PluginContext& context)
      : options_(std::move(options)), clock_(&context.clock()), failures_(&context.metrics().counter("failures")) {
    read_fields(context);
    read_dictionary(context);
  }

  Verdict apply(Event& event) {
    if (file_) take_newer_dictionary();
    if (!is_item_wise_ && !override_ && event.has(target_)) return Verdict::Unmatched;
    bool is_matched = false;
    if (!update(event, is_matched)) {
      failures_->add();
      return Verdict::Unmatched;
    }
    return is_matched ? Verdict::Pass : Verdict::Unmatched;
  }

 private:
  void read_fields(const PluginContext& context);
  void read_dictionary(const PluginContext& context);
  void take_newer_dictionary();

  /// False when the event refused the result. `is_matched`: the filter did its work (add_field and so on follow).
  bool update(Event& event, bool& is_matched) {
    const Value* present = event.get(options_.iterate_on ? *options_.iterate_on : source_);
    if (present == nullptr) return true;
    if (!options_.iterate_on) return update_value(*present, event, is_matched);
    if (!is_item_wise_) return update_list(*present, event, is_matched);
    return update_members(*present, event, is_matched);
  }

  bool update_value(const Value& source, Event& event, bool& is_matched) {
    is_matched = is_in_place_;
    Value result;
    const bool is_list = source.is_array();
    const Value first = !is_list ? source : source.as_array().empty() ? Value::null() : source.as_array()[0];
    if (look_up(first, event, result)) {
      is_matched = true;
    } else if (options_.fallback) {
      result = Value::string(options_.fallback->render(event));
      is_matched = true;
    } else {
      return true;
    }
    return event.set(target_, result);
  }

  bool update_list(const Value& source, Event& event, bool& is_matched) {
    Array* made = Array::make(event.arena(), source.is_array() ? source.as_array().size() : 1);
    const Value missing = options_.fallback ? Value::string(options_.fallback->render(event)) : Value::null();
    const auto add = [&](const Value& item) {
      Value result;
      if (!look_up(item, event, result)) result = missing;
      is_matched |= !result.is_null() && !(result.is_boolean() && !result.as_boolean());
      made->push(event.arena(), result);
    };
    if (source.is_array()) {
      for (const Value& item : source.as_array()) add(item);
    } else if (!source.is_null()) {
      add(source);
    }
    is_matched |= is_in_place_;
    return event.set(target_, Value::array(made));
  }

  bool update_members(const Value& list, Event& event, bool& is_matched) {
    is_matched = is_in_place_;
    if (!list.is_array()) return true;
    for (const Value& item : list.as_array()) {
      if (!item.is_object()) continue;
      const Value* source = source_.find(item.as_object(), nullptr);
      if (source == nullptr || source->is_null()) continue;
      Value result;
      if (!look_up(*source, event, result)) {
        if (!options_.fallback) continue;
        result = Value::string(options_.fallback->render(event));
      }
      if (!set_below(item.as_object(), target_, result, event.arena())) return false;
      is_matched = true;
    }
    return true;
  }

  bool look_up(const Value& source, Event& event, Value& result) {
    return dictionary_->find(value_text(source, event.arena()), scratch_, event.arena(), result);
  }

  TranslateOptions options_;
  FieldRef source_;
  FieldRef target_;
  bool override_ = false;
  bool is_in_place_ = false;
  bool is_item_wise_ = false;  // iterate_on names a list of objects that hold the source
  std::shared_ptr<const Dictionary> dictionary_;
  std::shared_ptr<DictionaryFile> file_;
  std::uint64_t version_ = 0;
  const Clock* clock_;
  Counter* failures_;
  MatchScratch scratch_;
};

void Translate::read_fields(const PluginContext& context) {
  if (options_.source && options_.field)
    context.error("field", "source and field are given: field is the earlier name of source", "leave field out");
  if (options_.target && options_.destination)
    context.error("destination", "target and destination are given: destination is the earlier name of target",
                  "leave destination out");
  if (!options_.source) options_.source = options_.field;
  if (!options_.target) options_.target = options_.destination;
  if (!options_.source) return context.error("source", "translate needs the option \"source\"", "name the field to look up");
  source_ = *options_.source;
  target_ = options_.target ? *options_.target : context.is_ecs() ? source_ : FieldRef::of_name("translation");
  is_in_place_ = source_ == target_;
  if (is_in_place_ && options_.override_target && !*options_.override_target)
    context.error("override", "override => false has no effect when source and target are the same field",
                  "leave it out, or set another target");
  override_ = options_.override_target.value_or(is_in_place_);
  is_item_wise_ = options_.iterate_on && !(*options_.iterate_on == source_);
}

void Translate::read_dictionary(const PluginContext& context) {
  const LookupMode mode = !options_.exact  ? LookupMode::Substrings
                          : options_.regex ? LookupMode::Expression
                                           : LookupMode::Exact;
  if (!options_.dictionary_path) {
    auto made = std::make_shared<Dictionary>(mode);
    Arena arena;
    for (const auto& [key, value] : options_.dictionary) made->set(key.text, config_value_to_event(value, arena));
    if (auto done = made->finish(); !done) context.error("dictionary", done.error().message);
    dictionary_ = std::move(made);
    return;
  }
  if (!options_.dictionary.empty())
    return context.error("dictionary_path", "dictionary and dictionary_path exclude each other", "leave one of them out");
  const auto format = dictionary_format_of(*options_.dictionary_path);
  if (!format) return context.error("dictionary_path", "dictionary_path: " + format.error().message);
  const auto& limit = options_.yaml_dictionary_code_point_limit;
  if (limit && *format != DictionaryFormat::Yaml)
    return context.error("yaml_dictionary_code_point_limit",
                         "yaml_dictionary_code_point_limit is for YAML dictionaries only", "leave it out");
  if (limit && *limit <= 0)
    return context.error("yaml_dictionary_code_point_limit",
                         fmt::format("yaml_dictionary_code_point_limit: {} is not positive", *limit));
  const double interval = std::min(std::max(options_.refresh_interval, 0.0), 1e9);
  DictionaryFile::Settings settings{*options_.dictionary_path,
                                    *format,
                                    mode,
                                    static_cast<std::uint64_t>(limit.value_or(kDefaultYamlCodePoints)),
                                    std::chrono::nanoseconds(static_cast<std::int64_t>(interval * 1e9)),
                                    options_.refresh_behaviour == "merge",
                                    "translate " + context.id()};
  file_ = context.shared<DictionaryFile>([&] { return new DictionaryFile(std::move(settings), clock_->steady_now()); });
  if (!file_->problem().empty()) return context.error("dictionary_path", "dictionary_path: " + file_->problem());
  version_ = file_->version();
  dictionary_ = file_->current();
}

void Translate::take_newer_dictionary() {
  file_->refresh_when_due(clock_->steady_now());
  const std::uint64_t newest = file_->version();
  if (newest == version_) return;
  version_ = newest;
  dictionary_ = file_->current();
}

const RegisterFilter registered({
    .name = "translate",
    .summary = "Replaces a value by what a dictionary says of it.",
    .make = make_filter<Translate, translate_options>,
    .details =
        R"(The text of `source` (of a list: its first item) is looked up. With `exact` the whole text must be a key,
or, with `regex`, match one: the first in the dictionary's order that matches counts. With `exact => false` every key
that occurs in the text is replaced by its value. A match, or `fallback`, is set as `target`; values keep their types.
An existing target is left alone unless `override` is set or source and target are the same field. add_field and so on
are done on a match or fallback, and always when source and target are the same.

`iterate_on` names a list: the source itself, then each item is translated into a list of results (null without match
or fallback); or a list of objects, then source and target are members of each object.

A file is read at start (what is wrong with it refuses the configuration) and again, beside the running pipeline, when
it has changed; a version that cannot be read is logged and the earlier entries stay.)",
});

}  // namespace
}  // namespace logboom
