// Field names as mutate's options hold them. One that is no reference is reported as a warning and fails on every event,
// as in Logstash, instead of refusing a configuration that runs there.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "pipeline/event/field_ref.h"
#include "pipeline/event/field_template.h"
#include "pipeline/plugin/context.h"

namespace logboom {

/// A fixed name.
class FieldName {
 public:
  FieldName() = default;
  FieldName(const std::string& text, std::string_view option, const PluginContext& context) {
    if (auto field = FieldRef::parse(text)) {
      field_ = std::move(*field);
    } else {
      context.warning(option, field.error().message, "every event that comes here is tagged as failed");
    }
  }
  /// nullptr when the name is no reference.
  const FieldRef* get() const { return field_ ? &*field_ : nullptr; }

 private:
  std::optional<FieldRef> field_;
};

/// A name that may hold %{references}.
class FieldNameTemplate {
 public:
  FieldNameTemplate(const std::string& text, std::string_view option, const PluginContext& context)
      : pattern_(FieldTemplate::parse(text)) {
    if (pattern_.is_literal()) fixed_ = FieldName(text, option, context);
  }
  /// The field for this event: fixed, or parsed into `made`. nullptr when the text is no reference.
  const FieldRef* get(const Event& event, FieldRef& made) const {
    if (pattern_.is_literal()) return fixed_.get();
    auto field = FieldRef::parse_in(event.arena(), pattern_.render(event));
    if (!field) return nullptr;
    made = std::move(*field);
    return &made;
  }

 private:
  FieldTemplate pattern_;
  FieldName fixed_;
};

}  // namespace logboom
