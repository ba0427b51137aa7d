// json: reads the JSON text of a field into the event.
// Tested by tests/plugins/filters/json_test.cc. Reference page: generated from the declarations below.
#include "pipeline/event/json.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/event/batch.h"
#include "pipeline/event/named_field.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct JsonOptions {
  FieldRef source;
  std::optional<FieldRef> target;
  bool skip_on_invalid_json = false;
  std::vector<std::string> tag_on_failure = {"_jsonparsefailure"};
};

OptionTable<JsonOptions> json_options() {
  OptionTable<JsonOptions> table;
  table.required("source", &JsonOptions::source, "The field that holds the JSON text.");
  table.optional("target", &JsonOptions::target,
                 "Where the document goes; its members become the event's fields when not given.");
  table.optional("skip_on_invalid_json", &JsonOptions::skip_on_invalid_json,
                 "Whether text that is no JSON passes without a tag.");
  table.optional("tag_on_failure", &JsonOptions::tag_on_failure, "Tags of events whose text could not be used.");
  return table;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

class Json {
 public:
  Json(JsonOptions options, const PluginContext& context)
      : options_(std::move(options)), clock_(&context.clock()), failures_(&context.metrics().counter("failures")) {}

  Verdict apply(Event& event) {
    const Value* source = event.get(options_.source);
    if (source == nullptr || source->is_null() || (source->is_boolean() && !source->as_boolean())) return Verdict::Unmatched;
    Value document;
    if (!read(*source, event, document)) {
      failures_->add();
      return options_.skip_on_invalid_json ? Verdict::Unmatched : fail(event);
    }
    const bool is_done = options_.target ? event.set(*options_.target, document) : set_members(document, event);
    if (is_done) return Verdict::Pass;
    failures_->add();
    return fail(event);
  }

 private:
  Verdict fail(Event& event) const {
    for (const std::string& tag : options_.tag_on_failure) event.add_failure_tag(tag);
    return Verdict::Unmatched;
  }

  bool read(const Value& source, const Event& event, Value& document) {
    if (!source.is_string()) return false;
    const std::string_view text = source.as_string();
    if (is_blank(text)) return true;  // Logstash reads it as null
    auto parsed = reader_.parse_unpadded(text, event.arena());
    if (!parsed) return false;
    document = *parsed;
    return true;
  }

  /// Members become fields, their names read as references. False when the document is no object, or at the first name or
  /// value that the event refuses; what was set before that stays.
  bool set_members(const Value& document, Event& event) const {
    if (!document.is_object()) return false;
    const Object& members = document.as_object();
    event.fields().reserve(event.arena(), event.fields().size() + members.size());
    const Value* time = nullptr;
    for (const ObjectEntry& member : members) {
      if (member.key == well_known().timestamp) {
        time = &member.value;
      } else if (!set_named_field(event, member.key, member.value)) {
        return false;
      }
    }
    if (time != nullptr) set_timestamp(*time, event);
    return true;
  }

  /// A time that cannot be read is kept aside, and the event gets the current time.
  void set_timestamp(const Value& value, Event& event) const {
    if (value.is_null() || (value.is_boolean() && !value.as_boolean())) return;
    if (const auto time = value.is_string() ? parse_iso8601(value.as_string()) : std::nullopt) {
      event.set_timestamp(*time);
      return;
    }
    static const Key kept = intern_key("_@timestamp");
    event.set_timestamp(Timestamp::now(*clock_));
    event.add_failure_tag("_timestampparsefailure");
    event.fields().set(event.arena(), kept, Value::string(value_text(value, event.arena())));
  }

  JsonOptions options_;
  const Clock* clock_;
  Counter* failures_;
  JsonReader reader_;
};

const RegisterFilter registered({
    .name = "json",
    .summary = "Reads the JSON text of a field into the event.",
    .make = make_filter<Json, json_options>,
    .details =
        R"(With `target` the whole document goes there, whatever it is. Without it the document must be an object; its
members become fields of the event, replace fields of the same name, and names such as `[a][b]` make nested fields.

Text that is no JSON leaves the event as it is and tags it `_jsonparsefailure` (`tag_on_failure`), unless
`skip_on_invalid_json` is set. The tag is also set for a document that is no object and has no target, and for a
member that the event refuses: a name that is no field reference, a path through a text, `tags` that are no texts. A
missing source field is passed over.

Without a target a member `@timestamp` becomes the event's time. When it cannot be read the event gets the current
time, the value goes to `[_@timestamp]`, and the tag is `_timestampparsefailure`.

Numbers beyond 64 bits keep their digits; lone surrogates and invalid UTF-8 become U+FFFD; nesting past 1000 levels is
refused.)",
    .decoration_failure_tag = "_jsonparsefailure",
});

}  // namespace
}  // namespace logboom
