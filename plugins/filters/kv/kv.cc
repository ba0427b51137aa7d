// kv: finds key=value pairs in a text and makes fields of them.
// Tested by tests/plugins/filters/kv_test.cc; measured by tests/bench/cutting_bench.cc. Reference page: generated from the
// declarations below.
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/event/letter_case.h"
#include "pipeline/event/named_field.h"
#include "pipeline/plugin/registry.h"
#include "plugins/filters/kv/pair_reader.h"
#include "plugins/filters/kv/text_edit.h"

namespace logboom {
namespace {

constexpr int kDeepestNesting = 100;         // "a=b=c=…" is as deep as it is long; below that values stay texts
constexpr std::uint32_t kSearchedUpTo = 16;  // lists longer than this get an index of their values

struct KvOptions {
  FieldRef source = FieldRef::of_name("message");
  std::optional<FieldRef> target;
  PairSeparators separators;
  std::string whitespace = "lenient";
  FieldTemplate prefix;
  std::vector<FieldTemplate> include_keys;
  std::vector<FieldTemplate> exclude_keys;
  ConfigHash default_keys;
  std::string trim_key;
  std::string trim_value;
  std::string remove_char_key;
  std::string remove_char_value;
  std::string transform_key;
  std::string transform_value;
  bool allow_duplicate_values = true;
  bool allow_empty_values = false;
  bool include_brackets = true;
  bool recursive = false;
  std::string field_split = " ";
  std::string value_split = "=";
  std::string field_split_pattern;
  std::string value_split_pattern;
  std::vector<std::string> tag_on_failure = {"_kv_filter_error"};
  std::string tag_on_timeout = "_kv_filter_timeout";
  std::uint64_t timeout_millis = 30'000;
};

OptionTable<KvOptions> kv_options() {
  using Options = KvOptions;
  const std::vector<std::string> cases = {"lowercase", "uppercase", "capitalize"};
  OptionTable<Options> table;
  table.optional("source", &Options::source, "The field that is read: a text or a list of texts.");
  table.optional("target", &Options::target, "The field that holds the pairs; the event itself when not given.");
  table.optional("field_split", &Options::field_split,
                 "Characters between pairs, as inside [ and ] of a regular expression.");
  table.optional("field_split_pattern", &Options::field_split_pattern, "A regular expression between pairs instead.");
  table.optional("value_split", &Options::value_split,
                 "Characters between key and value, as inside [ and ] of a regular expression.");
  table.optional("value_split_pattern", &Options::value_split_pattern,
                 "A regular expression between key and value instead.");
  table.optional("whitespace", &Options::whitespace, "lenient: blanks around the value splitter are skipped.")
      .one_of({"lenient", "strict"});
  table.optional("include_brackets", &Options::include_brackets,
                 "Whether (…), […] and <…> hold a value together as quotes do.");
  table.optional("prefix", &Options::prefix, "Put in front of every key.");
  table.optional("include_keys", &Options::include_keys, "Keys that are stored; all when empty. Without the prefix.");
  table.optional("exclude_keys", &Options::exclude_keys, "Keys that are not stored. Without the prefix.");
  table.optional("default_keys", &Options::default_keys,
                 "Keys, each with the value that it has when the text does not hold it.");
  table.optional("trim_key", &Options::trim_key, "Characters taken off both ends of keys.");
  table.optional("trim_value", &Options::trim_value, "Characters taken off both ends of values.");
  table.optional("remove_char_key", &Options::remove_char_key, "Characters taken out of keys.");
  table.optional("remove_char_value", &Options::remove_char_value, "Characters taken out of values.");
  table.optional("transform_key", &Options::transform_key, "Letter case of keys.").one_of(cases);
  table.optional("transform_value", &Options::transform_value, "Letter case of values.").one_of(cases);
  table.optional("allow_duplicate_values", &Options::allow_duplicate_values,
                 "Whether a value that the key has already is added again.");
  table.optional("allow_empty_values", &Options::allow_empty_values,
                 "Whether keys without a value are stored, with empty text.");
  table.optional("recursive", &Options::recursive, "Whether a value that holds pairs itself becomes an object of them.");
  table.optional("tag_on_failure", &Options::tag_on_failure, "Tags of events that could not hold the pairs.");
  table.optional("tag_on_timeout", &Options::tag_on_timeout, "Tag of events whose text took too many steps.");
  table.optional(
      "timeout_millis", &Options::timeout_millis,
      "0 raises the limit of steps that a splitting pattern may take to its maximum; other values change nothing.");
  return table;
}

std::optional<LetterCase> letter_case_of(std::string_view name) {
  if (name == "lowercase") return LetterCase::Lower;
  if (name == "uppercase") return LetterCase::Upper;
  if (name == "capitalize") return LetterCase::Capital;
  return std::nullopt;
}

/// Names that an option lists: known ones, and ones that each event makes.
class NameList {
 public:
  explicit NameList(const std::vector<FieldTemplate>& names) {
    for (const FieldTemplate& name : names) {
      if (name.is_literal()) {
        known_.push_back(name.text());
      } else {
        made_.push_back(name);
      }
    }
    std::sort(known_.begin(), known_.end());
  }

  bool empty() const { return known_.empty() && made_.empty(); }
  /// The names made from this event, which contains() then knows.
  void begin(const Event& event) {
    rendered_.clear();
    for (const FieldTemplate& name : made_) rendered_.push_back(name.render(event));
  }
  bool contains(std::string_view name) const {
    return std::binary_search(known_.begin(), known_.end(), name) ||
           std::find(rendered_.begin(), rendered_.end(), name) != rendered_.end();
  }

 private:
  std::vector<std::string> known_;
  std::vector<FieldTemplate> made_;
  std::vector<std::string_view> rendered_;
};

class Kv {
 public:
  Kv(KvOptions options, const PluginContext& context)
      : options_(std::move(options)),
        include_(options_.include_keys),
        exclude_(options_.exclude_keys),
        failures_(&context.metrics().counter("failures")),
        timeouts_(&context.metrics().counter("timeouts")),
        matches_(&context.metrics().counter("matches")) {
    set_up(key_edit_, "key", options_.trim_key, options_.remove_char_key, options_.transform_key, context);
    set_up(value_edit_, "value", options_.trim_value, options_.remove_char_value, options_.transform_value, context);
    read_separators(context);
    for (const auto& [name, value] : options_.default_keys) read_default(name, value, context);
  }

  Verdict apply(Event& event) {
    const Value* source = event.get(options_.source);
    is_over_budget_ = false;
    Object* found = nullptr;
    if (source != nullptr) {
      begin(event);
      if (source->is_string()) {
        found = pairs_of(source->as_string(), 0, found);
      } else if (source->is_array()) {
        for (const Value& item : source->as_array())
          if (item.is_string()) found = pairs_of(item.as_string(), 0, found);
      }
    }
    if (is_over_budget_) {
      timeouts_->add();
      event.add_failure_tag(options_.tag_on_timeout);
      return Verdict::Unmatched;
    }
    if (!defaults_.empty()) found = with_defaults(event.arena(), found);
    if (found == nullptr) return Verdict::Unmatched;
    if (store(event, found)) {
      matches_->add();
      return Verdict::Pass;
    }
    failures_->add();
    for (const std::string& tag : options_.tag_on_failure) event.add_failure_tag(tag);
    return Verdict::Unmatched;
  }

 private:
  static void set_up(TextEdit& edit, std::string_view what, const std::string& trimmed, const std::string& removed,
                     const std::string& letter_case, const PluginContext& context) {
    const auto check = [&](std::string_view option, const Result<void>& result) {
      if (!result)
        context.error(fmt::format("{}_{}", option, what), result.error().message, "write \\ in front of [ ] ^ - and \\");
    };
    if (!trimmed.empty()) check("trim", edit.set_trimmed(trimmed));
    if (!removed.empty()) check("remove_char", edit.set_removed(removed));
    if (const auto wanted = letter_case_of(letter_case)) edit.set_letter_case(*wanted);
  }

  void read_separators(const PluginContext& context) {
    for (const char* option : {"field_split", "field_split_pattern", "value_split", "value_split_pattern"}) {
      const ConfigValue* written = context.written(option);
      if (written != nullptr && written->text.empty())
        return context.error(option, fmt::format("{} is empty: every place would split", option),
                             "leave it out for the default");
    }
    const PairSeparators separators{options_.field_split,
                                    options_.value_split,
                                    options_.field_split_pattern,
                                    options_.value_split_pattern,
                                    options_.whitespace == "lenient",
                                    options_.include_brackets};
    const auto take = [&](auto made) {
      if (made) {
        pairs_ = std::move(*made);
      } else {
        context.error("field_split", made.error().message, "write \\ in front of [ ] ^ - and \\ that stand for themselves");
      }
    };
    if (separators.field_split_pattern.empty() && separators.value_split_pattern.empty()) {
      take(CharacterPairs::make(separators));
    } else {
      take(PatternPairs::make(separators, options_.timeout_millis == 0 ? Matcher::kLargestBudget : Matcher::kDefaultBudget));
    }
  }

  void read_default(const ConfigValue& name, const ConfigValue& value, const PluginContext& context) {
    if (value.kind == ConfigValue::Kind::Hash || value.kind == ConfigValue::Kind::Plugin) {
      context.error(value.span, "default_keys: wants a text or a list of texts");
      return;
    }
    Default made{intern_key(name.text), {}, value.kind == ConfigValue::Kind::Array};
    if (made.is_list) {
      for (const ConfigValue& item : value.items) made.texts.push_back(item.text);
    } else {
      made.texts.push_back(value.text);
    }
    defaults_.push_back(std::move(made));
  }

  void begin(const Event& event) {
    arena_ = &event.arena();
    prefix_ = options_.prefix.render(event);
    include_.begin(event);
    exclude_.begin(event);
    known_values_.clear();
  }

  /// Adds the pairs of a text to `found`, which is made with the first of them.
  Object* pairs_of(std::string_view text, int depth, Object* found) {
    return std::visit([&](const auto& reader) { return read_pairs(reader, text, depth, found); }, pairs_);
  }

  Object* read_pairs(const std::monostate&, std::string_view, int, Object* found) { return found; }
  template <class Reader>
  Object* read_pairs(const Reader& reader, std::string_view text, int depth, Object* found) {
    typename Reader::Cursor cursor(text, scratch_);
    Pair pair;
    PairOutcome outcome = PairOutcome::End;
    while (!is_over_budget_ && (outcome = reader.next(cursor, pair)) == PairOutcome::Found) {
      if (pair.value.empty() && !options_.allow_empty_values) continue;
      std::string_view name = key_edit_.apply(pair.key, *arena_, scratch_);
      if ((!include_.empty() && !include_.contains(name)) || exclude_.contains(name)) continue;
      if (!prefix_.empty()) name = joined(prefix_, name);
      if (found == nullptr) found = Object::make(*arena_, 16);
      add(*found, make_key(name), value_of(pair.value, depth));
    }
    is_over_budget_ |= outcome == PairOutcome::OverBudget;
    return found;
  }

  Value value_of(std::string_view text, int depth) {
    text = value_edit_.apply(text, *arena_, scratch_);
    if (options_.recursive && depth < kDeepestNesting)
      if (Object* inner = pairs_of(text, depth + 1, nullptr)) return Value::object(inner);
    return Value::string(text);
  }

  std::string_view joined(std::string_view first, std::string_view second) const {
    char* text = arena_->allocate_array<char>(first.size() + second.size());
    std::copy(first.begin(), first.end(), text);
    std::copy(second.begin(), second.end(), text + first.size());
    return {text, first.size() + second.size()};
  }

  /// A key's second value makes a list of the first.
  void add(Object& found, const Key& key, const Value& value) {
    Value* existing = found.find(key);
    if (existing == nullptr) {
      found.append(*arena_, key, value);
      return;
    }
    if (!options_.allow_duplicate_values && holds(*existing, value)) return;
    if (!existing->is_array()) {
      Array* list = Array::make(*arena_, 4);
      list->push(*arena_, *existing);
      *existing = Value::array(list);
    }
    existing->as_array().push(*arena_, value);
  }

  bool holds(const Value& existing, const Value& value) {
    if (!existing.is_array()) return values_equal(existing, value);
    const Array& list = existing.as_array();
    if (list.size() <= kSearchedUpTo)
      return std::any_of(list.begin(), list.end(), [&](const Value& item) { return values_equal(item, value); });
    std::unordered_set<std::string_view>& known = known_values_[&list];
    for (auto at = static_cast<std::uint32_t>(known.size()); at < list.size(); ++at) known.insert(identity(list[at]));
    return known.count(identity(value)) != 0;
  }

  /// Texts stand for themselves; a NUL in front tells objects from texts that look like them.
  std::string_view identity(const Value& value) const {
    return value.is_string() ? value.as_string() : joined(std::string_view("\0", 1), value_text(value, *arena_));
  }

  /// The defaults in front, each with the value that was found for it.
  Object* with_defaults(Arena& arena, const Object* found) {
    Object* all = Object::make(arena, static_cast<std::uint32_t>(defaults_.size()) + (found == nullptr ? 0 : found->size()));
    for (const Default& entry : defaults_) {
      if (!entry.is_list) {
        all->set(arena, entry.key, Value::string(entry.texts.front()));
        continue;
      }
      Array* list = Array::make(arena, static_cast<std::uint32_t>(entry.texts.size()));
      for (const std::string& text : entry.texts) list->push(arena, Value::string(text));
      all->set(arena, entry.key, Value::array(list));
    }
    if (found != nullptr)
      for (const ObjectEntry& entry : *found) all->set(arena, entry.key, entry.value);
    return all;
  }

  bool store(Event& event, Object* found) const {
    if (options_.target) return event.set(*options_.target, Value::object(found));
    event.fields().reserve(event.arena(), event.fields().size() + found->size());
    bool is_done = true;
    for (const ObjectEntry& entry : *found) is_done &= set_named_field(event, entry.key, entry.value);
    return is_done;
  }

  struct Default {
    Key key;
    std::vector<std::string> texts;
    bool is_list = false;
  };

  KvOptions options_;
  TextEdit key_edit_;
  TextEdit value_edit_;
  NameList include_;
  NameList exclude_;
  std::vector<Default> defaults_;
  std::variant<std::monostate, CharacterPairs, PatternPairs> pairs_;
  Counter* failures_;
  Counter* timeouts_;
  Counter* matches_;

  // Of the event in hand.
  Arena* arena_ = nullptr;
  std::string_view prefix_;
  bool is_over_budget_ = false;
  std::unordered_map<const Array*, std::unordered_set<std::string_view>> known_values_;  // of long lists
  MatchScratch scratch_;
};

const RegisterFilter registered({
    .name = "kv",
    .summary = "Finds key=value pairs in a text and makes fields of them.",
    .make = make_filter<Kv, kv_options>,
    .details =
        R"(A pair is a key, a value splitter, and a value up to the next field splitter. Values in `"…"`, `'…'`, `(…)`,
`[…]` and `<…>` may hold splitters, when a field splitter or the end of the line stands behind the closing sign; what
does not end so is taken as it stands. `\ ` in a key or an unquoted value is a blank that does not split; the backslash
stays. Pairs without a value are left out unless `allow_empty_values` is set. With `whitespace => lenient` blanks around
the value splitter are skipped, so that in `a= b=1` the value of `a` is `b=1`: choose `strict` where values may be missing.

`field_split` and `value_split` list single characters, as inside `[…]` of a regular expression: `"&?"`, `"\r\n"`. With
`field_split_pattern` or `value_split_pattern` any expression splits; that costs more than lists of characters do.

Each pair goes through these steps: `trim_key`, `remove_char_key` and `transform_key`; `include_keys` and `exclude_keys`;
`prefix`; `trim_value`, `remove_char_value` and `transform_value`; `recursive` (at most 100 levels). A key found again
makes a list of its values (with `allow_duplicate_values => false` of the different ones; Logstash also drops a second value
that is a part of the first). A key with brackets is a field reference: `[a][b]=1` sets `b` below `a`. Keys of
`default_keys` that are missing get the values given there.

`add_field` and the like happen when at least one pair was stored or a default was set. A text without pairs is no
failure. Events that refuse a pair (its path leads through a text, `tags` that are no text, a key that is no field
reference) get `tag_on_failure` and keep the other pairs. With patterns a text that takes too many steps gets
`tag_on_timeout` and no pairs. Sources that are no text are passed over.

Counters: `matches`, `failures`, `timeouts` (events).)",
    .decoration_failure_tag = "_kv_filter_error",
});

}  // namespace
}  // namespace logboom
