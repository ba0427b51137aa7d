#include "plugins/codecs/text/json_events.h"

#include "pipeline/event/undecoded.h"

namespace logboom {
namespace {

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

bool holds_only_objects(const Array& items) {
  for (const Value& item : items)
    if (!item.is_object()) return false;
  return true;
}

}  // namespace

void JsonEventReader::add(std::string_view text, bool is_padded, bool keeps_original, Chunk& chunk) {
  if (!settings_->charset.is_utf8()) {
    text = charset_reader_.to_utf8(text, chunk.arena());
    is_padded = false;
  }
  if (is_blank(text)) return;
  auto parsed = is_padded ? reader_.parse(text, chunk.arena()) : reader_.parse_unpadded(text, chunk.arena());
  if (parsed && parsed->is_object()) {
    add_object(&parsed->as_object(), chunk);
    if (keeps_original) settings_->texts.add_original(charset_reader_.to_utf8(text, chunk.arena()), *chunk.events().back());
  } else if (parsed && parsed->is_array() && holds_only_objects(parsed->as_array())) {
    for (const Value& item : parsed->as_array()) add_object(&item.as_object(), chunk);
    if (keeps_original && parsed->as_array().size() == 1)
      settings_->texts.add_original(charset_reader_.to_utf8(text, chunk.arena()), *chunk.events().back());
  } else {
    add_failure(text, parsed ? std::string_view("neither an object nor an array of objects") : parsed.error().message,
                chunk);
  }
}

void JsonEventReader::add_object(Object* fields, Chunk& chunk) {
  Event& event = chunk.new_event();
  if (!settings_->target) {
    event.adopt_fields(fields, chunk.now());
    return;
  }
  event.add_defaults(chunk.now());
  event.set(*settings_->target, Value::object(fields));
}

void JsonEventReader::add_failure(std::string_view text, std::string_view problem, Chunk& chunk) {
  settings_->failures.add();
  const std::string_view valid = settings_->charset.is_utf8() ? charset_reader_.to_utf8(text, chunk.arena()) : text;
  Event& event = settings_->texts.add(valid, chunk);
  if (settings_->diverts_failures) {
    mark_undecoded(event, {settings_->name, settings_->id, problem}, text, valid);
  } else {
    event.add_failure_tag("_jsonparsefailure");
  }
}

}  // namespace logboom
