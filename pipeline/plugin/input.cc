#include "pipeline/plugin/input.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace logboom {

StopSignal::StopSignal() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

StopSignal::~StopSignal() {
  if (descriptor_ >= 0) close(descriptor_);
}

void StopSignal::request_stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_.store(true, std::memory_order_release);
  }
  stopped_.notify_all();
  const std::uint64_t one = 1;
  if (write(descriptor_, &one, sizeof one) < 0) return;  // already readable
}

bool StopSignal::wait_for(std::chrono::nanoseconds time) {
  std::unique_lock lock(mutex_);
  return stopped_.wait_for(lock, time, [this] { return is_stopping(); });
}

InputDecorations::InputDecorations(const PluginContext& context) {
  if (const ConfigValue* type = context.written("type")) type_ = type->text;
  if (const ConfigValue* tags = context.written("tags")) {
    if (tags->kind == ConfigValue::Kind::Array) {
      for (const ConfigValue& tag : tags->items) tags_.push_back(tag.text);
    } else {
      tags_.push_back(tags->text);
    }
  }
  const ConfigValue* fields = context.written("add_field");
  if (fields == nullptr) return;
  if (fields->kind != ConfigValue::Kind::Hash) {
    context.error("add_field", "add_field: wants a hash", "write { \"name\" => \"value\" }");
    return;
  }
  for (const auto& [name, value] : fields->entries) {
    auto field = FieldRef::parse(name.text);
    if (!field) {
      context.error(name.span, field.error().message);
      continue;
    }
    std::vector<FieldTemplate> values;
    if (value.kind == ConfigValue::Kind::Array) {
      for (const ConfigValue& item : value.items) values.push_back(FieldTemplate::parse(item.text));
    } else {
      values.push_back(FieldTemplate::parse(value.text));
    }
    add_fields_.emplace_back(std::move(*field), std::move(values));
  }
}

void InputDecorations::apply(Chunk& chunk, std::size_t first) const {
  if (type_.empty() && tags_.empty() && add_fields_.empty()) return;
  for (std::size_t i = first; i < chunk.events().size(); ++i) {
    Event& event = *chunk.events()[i];
    for (const auto& [field, values] : add_fields_)
      for (const FieldTemplate& value : values) event.append(field, Value::string(value.render(event)));
    for (const std::string& tag : tags_) event.add_failure_tag(tag);  // an input's tag is there once
    if (!type_.empty() && event.fields().find(well_known().type) == nullptr)
      event.fields().append(event.arena(), well_known().type, Value::string(type_));
  }
}

}  // namespace logboom
