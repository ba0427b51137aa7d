// Events that are one text: message, and under ECS the same text as [event][original].
#pragma once

#include <string_view>

#include "pipeline/event/batch.h"
#include "pipeline/event/key.h"
#include "pipeline/plugin/context.h"

namespace logboom {

/// Immutable, any thread.
class TextEventMaker {
 public:
  explicit TextEventMaker(bool is_ecs) : is_ecs_(is_ecs), event_(intern_key("event")), original_(intern_key("original")) {}

  /// `text` is valid UTF-8 and lives as long as the chunk.
  Event& add(std::string_view text, Chunk& chunk) const {
    Event& event = chunk.new_event();
    event.fields().append(event.arena(), well_known().message, Value::string(text));
    if (is_ecs_) {
      Object* parent = Object::make(event.arena(), 2);
      parent->append(event.arena(), original_, Value::string(text));
      event.fields().append(event.arena(), event_, Value::object(parent));
    }
    event.fields().append(event.arena(), well_known().timestamp, Value::timestamp(chunk.now()));
    event.fields().append(event.arena(), well_known().version, Value::string("1"));
    return event;
  }

  /// Sets [event][original] of a decoded event that has none. Nothing without ECS.
  void add_original(std::string_view text, Event& event) const {
    if (!is_ecs_) return;
    Value* parent = event.fields().find(event_);
    if (parent == nullptr) {
      parent = &event.fields().append(event.arena(), event_, Value::object(Object::make(event.arena(), 2)));
    }
    if (!parent->is_object() || parent->as_object().find(original_) != nullptr) return;
    parent->as_object().append(event.arena(), original_, Value::string(text));
  }

 private:
  bool is_ecs_;
  Key event_;
  Key original_;
};

}  // namespace logboom
