#include "pipeline/plugin/context.h"

#include <fmt/core.h>
#include <unistd.h>

#include "pipeline/plugin/codec.h"
#include "pipeline/plugin/registry.h"

namespace logboom {

PluginContext::PluginContext(const PluginNode& node, std::string id, const Surroundings& surroundings, MetricScope& metrics,
                             SharedSlot& shared, Diagnostics& diagnostics)
    : node_(node),
      id_(std::move(id)),
      surroundings_(surroundings),
      ecs_(surroundings.ecs),
      metrics_(metrics),
      shared_(shared),
      diagnostics_(diagnostics) {
  const Attribute* own = node.find("ecs_compatibility");
  if (own == nullptr) return;
  if (own->value.text == "disabled") {
    ecs_ = EcsMode::Disabled;
  } else if (own->value.text == "v1" || own->value.text == "v8") {
    ecs_ = EcsMode::V1;
  } else {
    diagnostics.error(own->value.span,
                      fmt::format("ecs_compatibility: \"{}\" is not one of disabled, v1, v8", own->value.text));
  }
}

SourceSpan PluginContext::place_of(std::string_view option) const {
  const Attribute* attribute = node_.find(option);
  return attribute != nullptr ? attribute->value.span : node_.name_span;
}

void PluginContext::error(std::string_view option, std::string message, std::string hint) const {
  diagnostics_.error(place_of(option), std::move(message), std::move(hint));
}

void PluginContext::error(SourceSpan span, std::string message, std::string hint) const {
  diagnostics_.error(span, std::move(message), std::move(hint));
}

void PluginContext::warning(std::string_view option, std::string message, std::string hint) const {
  diagnostics_.warning(place_of(option), std::move(message), std::move(hint));
}

void PluginContext::require_place_for_failures() const {
  if (surroundings_.has_dead_letter_queue || surroundings_.has_error_label) return;
  error("on_failure", "on_failure => \"dlq\" needs the dead-letter queue or a label @ERROR",
        "set dead_letter_queue.enable: true, or write label \"@ERROR\" { output { … } }");
}

std::string PluginContext::host_name() const {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

const ConfigValue* PluginContext::written(std::string_view option) const {
  const Attribute* attribute = node_.find(option);
  return attribute != nullptr ? &attribute->value : nullptr;
}

std::shared_ptr<const Codec> PluginContext::make_codec(const CodecChoice& choice) const {
  PluginNode by_name;
  by_name.kind = PluginKind::Codec;
  by_name.name = choice.name;
  by_name.name_span = by_name.span = choice.span.source != nullptr ? choice.span : node_.name_span;
  PluginNode node = choice.node ? *choice.node : by_name;
  node.kind = PluginKind::Codec;
  node.name = choice.name;  // for_byte_stream() may have changed it
  const CodecDescriptor* descriptor = Registry<Codec>::instance().find(node.name);
  if (descriptor == nullptr) {
    std::vector<std::string_view> names;
    for (const CodecDescriptor& known : Registry<Codec>::instance().all()) names.push_back(known.name);
    const std::string_view near = nearest_name(node.name, names);
    diagnostics_.error(node.name_span, fmt::format("there is no codec \"{}\"", node.name),
                       near.empty() ? std::string() : fmt::format("did you mean \"{}\"?", near));
    return nullptr;
  }
  Surroundings surroundings = surroundings_;
  surroundings.ecs = ecs_;
  SharedSlot slot;
  const Attribute* id = node.find("id");
  PluginContext context(node, id != nullptr ? id->value.text : id_ + "_" + node.name, surroundings, metrics_.child("codec"),
                        slot, diagnostics_);
  return descriptor->make.make(node, context, diagnostics_);
}

}  // namespace logboom
