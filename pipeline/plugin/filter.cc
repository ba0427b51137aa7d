#include "pipeline/plugin/filter.h"

#include <fmt/core.h>

#include "pipeline/base/log.h"
#include "pipeline/plugin/added_values.h"

namespace logboom {

Decorations::Name Decorations::read_name(const ConfigValue& value, Diagnostics& diagnostics) {
  Name name;
  name.pattern = FieldTemplate::parse(value.text);
  if (!name.pattern.is_literal()) return name;
  name.is_fixed = true;
  if (auto field = FieldRef::parse(value.text)) {
    name.field = std::move(*field);
  } else {
    name.is_broken = true;
    diagnostics.warning(value.span, field.error().message, "every event that comes here is tagged as failed");
  }
  return name;
}

Decorations Decorations::read(const PluginNode& node, std::string failure_tag, Diagnostics& diagnostics) {
  Decorations made;
  made.failure_tag_ = std::move(failure_tag);
  if (const Attribute* attribute = node.find("add_field")) {
    ConfigHash hash;
    if (OptionReader("add_field", diagnostics).read(attribute->value, hash)) {
      for (const auto& [key, value] : hash) {
        AddField add{read_name(key, diagnostics), read_added_values(value, diagnostics)};
        made.add_fields_.push_back(std::move(add));
      }
    }
  }
  const auto read_list = [&](const char* option, auto&& take) {
    const Attribute* attribute = node.find(option);
    if (attribute == nullptr) return;
    std::vector<ConfigValue> items;
    OptionReader reader(option, diagnostics);
    if (!reader.read(attribute->value, items)) return;
    for (const ConfigValue& item : items) {
      ConfigValue as_text = item;
      if (reader.read(item, as_text.text)) take(as_text);
    }
  };
  read_list("remove_field", [&](const ConfigValue& item) { made.remove_fields_.push_back(read_name(item, diagnostics)); });
  read_list("add_tag", [&](const ConfigValue& item) { made.add_tags_.push_back(FieldTemplate::parse(item.text)); });
  read_list("remove_tag", [&](const ConfigValue& item) { made.remove_tags_.push_back(FieldTemplate::parse(item.text)); });
  for (const char* option : {"enable_metric", "periodic_flush"}) {
    bool unused = false;
    if (const Attribute* attribute = node.find(option)) OptionReader(option, diagnostics).read(attribute->value, unused);
  }
  if (const Attribute* given = node.find("on_failure")) {
    made.diverts_failures_ = given->value.text == "dlq";
    if (!made.diverts_failures_ && given->value.text != "tag")
      diagnostics.error(given->value.span, fmt::format("on_failure: \"{}\" is not one of tag, dlq", given->value.text));
  }
  return made;
}

FailedEvent failed_event(Event& event) {
  const FailureNotes& notes = failure_notes();
  FailedEvent failed{&event, {}};
  for (std::size_t i = 0; i < notes.added_count; ++i) {
    failed.reason += (i == 0 ? "" : ", ") + std::string(notes.added[i]);
    event.remove_tag(notes.added[i]);
  }
  // A list that holds nothing any more was made for these tags.
  const Value* tags = event.fields().find(well_known().tags);
  if (notes.added_count > 0 && tags != nullptr && tags->is_array() && tags->as_array().empty())
    event.fields().erase(well_known().tags);
  if (failed.reason.empty()) failed.reason = notes.last;
  return failed;
}

bool set_poison_aside(Event& event, std::string_view problem, FilterBatch& work) {
  static LogRateLimit limit;
  if (limit.allow())
    log_error("filter", "an event made a filter fail: {}; the others go on ({} more held back)", problem,
              limit.suppressed());
  if (work.failed != nullptr) {
    work.failed->push_back({&event, fmt::format("the filter failed: {}", problem)});
    return true;
  }
  event.add_failure_tag("_filterexception");
  return false;
}

void Decorations::apply(Event& event) const {
  if (!apply_or_fail(event)) event.add_failure_tag(failure_tag_);
}

bool Decorations::apply_or_fail(Event& event) const {
  const auto resolve = [&event](const Name& name, FieldRef& made) -> const FieldRef* {
    if (name.is_broken) return nullptr;
    if (name.is_fixed) return &name.field;
    auto field = FieldRef::parse_in(event.arena(), name.pattern.render(event));
    if (!field) return nullptr;
    made = std::move(*field);
    return &made;
  };
  FieldRef made;
  for (const AddField& add : add_fields_) {
    const FieldRef* field = resolve(add.name, made);
    if (field == nullptr) return false;
    for (const FieldTemplate& value : add.values)
      if (!event.append(*field, Value::string(value.render(event)))) return false;
  }
  for (const Name& name : remove_fields_) {
    const FieldRef* field = resolve(name, made);
    if (field == nullptr) return false;
    event.remove(*field);
  }
  for (const FieldTemplate& tag : add_tags_)
    if (!event.add_tag(tag.render(event))) return false;
  for (const FieldTemplate& tag : remove_tags_) event.remove_tag(tag.render(event));
  return true;
}

}  // namespace logboom
