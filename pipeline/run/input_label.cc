#include "pipeline/run/input_label.h"

#include "pipeline/base/log.h"

namespace logboom {
namespace {

const Key& label_key() {
  static const Key key = intern_key("label");
  return key;
}

}  // namespace

void note_input_label(Chunk& chunk, std::string_view label) {
  if (label.empty()) {
    for (Event* event : chunk.events())
      if (event->metadata_if_any() != nullptr) event->metadata().erase(label_key());
    return;
  }
  const Value name = Value::string(chunk.arena().copy(label));
  for (Event* event : chunk.events()) event->metadata().set(chunk.arena(), label_key(), name);
}

std::optional<std::size_t> label_of_input(const Event& event, const Plan& plan) {
  const Object* metadata = event.metadata_if_any();
  const Value* name = metadata != nullptr ? metadata->find(label_key()) : nullptr;
  if (name == nullptr || !name->is_string()) return std::nullopt;
  for (std::size_t i = 0; i < plan.labels.size(); ++i)
    if (plan.labels[i].name == name->as_string()) return i;
  static LogRateLimit limit;
  if (limit.allow())
    log_warn("label", "an event of an input with the label \"{}\", which is gone, takes the pipeline's own way ({} more)",
             name->as_string(), limit.suppressed());
  return std::nullopt;
}

}  // namespace logboom
