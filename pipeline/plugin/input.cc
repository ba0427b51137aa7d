#include "pipeline/plugin/input.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "pipeline/plugin/added_values.h"

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
  Diagnostics found;
  if (const ConfigValue* type = context.written("type")) OptionReader("type", found).read(*type, type_);
  if (const ConfigValue* tags = context.written("tags")) OptionReader("tags", found).read(*tags, tags_);
  const ConfigValue* written = context.written("add_field");
  ConfigHash fields;
  if (written != nullptr) OptionReader("add_field", found).read(*written, fields);
  for (const auto& [name, value] : fields) {
    if (auto field = FieldRef::parse(name.text)) {
      add_fields_.emplace_back(std::move(*field), read_added_values(value, found));
    } else {
      found.error(name.span, field.error().message);
    }
  }
  for (const Diagnostic& problem : found.items()) context.error(problem.span, problem.message, problem.hint);
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
