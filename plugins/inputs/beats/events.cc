#include "plugins/inputs/beats/events.h"

#include "pipeline/base/utf8.h"

namespace logboom::beats {
namespace {

constexpr std::string_view kRawTag = "beats_input_raw_event";

FieldRef field(std::string_view name) { return *FieldRef::parse(name); }

/// Valid UTF-8 as it is; anything else with U+FFFD for what cannot be read, in the arena.
std::string_view as_utf8(std::string_view text, Arena& arena) {
  if (is_valid_utf8(text)) return text;
  std::string made;
  append_valid_utf8(text, made);
  return arena.copy(made);
}

/// Puts one field of what the Beat sent over what the codec decoded: objects are merged, the Beat's names win.
void merge_field(const ObjectEntry& field, Object& into, Arena& arena) {
  Value* existing = into.find(field.key);
  if (existing != nullptr && existing->is_object() && field.value.is_object()) {
    for (const ObjectEntry& entry : field.value.as_object()) existing->as_object().set(arena, entry.key, entry.value);
  } else {
    into.set(arena, field.key, field.value);
  }
}

}  // namespace

EventSettings::EventSettings(const Enrichment& enrichment_, CodecPtr codec_, const std::string& codec_name,
                             const PluginContext& context)
    : enrichment(enrichment_),
      codec(std::move(codec_)),
      codec_tag("beats_input_codec_" + codec_name + "_applied"),
      decorations(context),
      beat_hostname(field("[beat][hostname]")),
      host_name(field(enrichment.is_ecs ? "[@metadata][input][beats][host][name]" : "host")),
      source_ip(field(enrichment.is_ecs ? "[@metadata][input][beats][host][ip]" : "[@metadata][ip_address]")),
      tls_status(field("[@metadata][tls_peer][status]")),
      tls_protocol(
          field(enrichment.is_ecs ? "[@metadata][input][beats][tls][version_protocol]" : "[@metadata][tls_peer][protocol]")),
      tls_subject(
          field(enrichment.is_ecs ? "[@metadata][input][beats][tls][client][subject]" : "[@metadata][tls_peer][subject]")),
      tls_cipher(
          field(enrichment.is_ecs ? "[@metadata][input][beats][tls][cipher]" : "[@metadata][tls_peer][cipher_suite]")) {}

EventMaker::EventMaker(const EventSettings& settings, const ByteStream& peer)
    : settings_(settings),
      peer_ip_(peer.peer().ip),
      tls_(settings.enrichment.has_tls_peer ? peer.tls() : nullptr),
      decoder_(settings.codec ? settings.codec->make_decoder() : nullptr) {}

void EventMaker::begin(Chunk& chunk) {
  Arena& arena = chunk.arena();
  ip_ = Value::string(arena.copy(peer_ip_));
  if (tls_ == nullptr) return;
  tls_status_ = Value::string(tls_->client_subject.empty() ? "unverified" : "verified");
  tls_protocol_ = Value::string(arena.copy(tls_->protocol));
  tls_subject_ = Value::string(arena.copy(as_utf8(tls_->client_subject, arena)));
  tls_cipher_ = Value::string(arena.copy(tls_->cipher));
}

bool EventMaker::add_json(std::string_view payload, Chunk& chunk) {
  const Result<Value> document = reader_.parse(payload, chunk.arena());
  if (!document || !document->is_object()) return false;
  add(&document->as_object(), chunk);
  return true;
}

void EventMaker::add_pairs(std::string_view payload, Chunk& chunk) {
  Arena& arena = chunk.arena();
  Object* fields = Object::make(arena, 8);
  std::string_view name;
  std::string_view value;
  while (next_pair(payload, name, value))
    fields->set(arena, make_key(as_utf8(name, arena)), Value::string(as_utf8(value, arena)));
  add(fields, chunk);
}

void EventMaker::add(Object* fields, Chunk& chunk) {
  const Key* target = &well_known().message;
  Value* message = fields->find(*target);
  if (message == nullptr || message->is_null()) {
    target = &settings_.line;
    message = fields->find(*target);
    if (message != nullptr && message->is_null()) message = nullptr;
  }
  if (message != nullptr && !message->is_string()) *message = Value::string(value_text(*message, chunk.arena()));
  if (message != nullptr && decoder_) {
    const std::string_view text = message->as_string();
    add_decoded(fields, *target, text, chunk);
    return;
  }
  if (message != nullptr && target == &settings_.line) {
    const Value text = *message;
    fields->erase(settings_.line);
    message = &fields->set(chunk.arena(), well_known().message, text);
  }
  add_whole(fields, message, chunk);
}

/// Without a codec that would do anything: the frame is the event.
void EventMaker::add_whole(Object* fields, Value* message, Chunk& chunk) {
  if (message != nullptr && settings_.enrichment.sets_original) keep_original(*fields, *message, chunk.arena());
  const std::size_t number = chunk.events().size();
  Event& event = chunk.new_event();
  event.adopt_fields(fields, chunk.now());
  finish(event, number, message != nullptr ? std::string_view(settings_.codec_tag) : kRawTag, chunk);
}

void EventMaker::add_decoded(Object* fields, const Key& target, std::string_view message, Chunk& chunk) {
  Arena& arena = chunk.arena();
  fields->erase(target);
  const std::size_t first = chunk.events().size();
  decoder_->decode_message(message, chunk);
  const std::size_t made = chunk.events().size() - first;
  for (std::size_t i = 0; i < made; ++i) {
    Event& event = *chunk.events()[first + i];
    // Events must not share what filters may change; the last one takes the originals.
    Object* own = i + 1 == made ? fields : copy_object(*fields, arena, CopyStrings::Share);
    if (const Value* metadata = own->find(well_known().metadata)) {
      if (metadata->is_object())
        for (const ObjectEntry& entry : metadata->as_object()) merge_field(entry, event.metadata(), arena);
      own->erase(well_known().metadata);
    }
    if (const Value* time = own->find(well_known().timestamp)) {
      const auto parsed = time->is_string() ? parse_iso8601(time->as_string()) : std::nullopt;
      if (parsed) event.set_timestamp(*parsed);
      own->erase(well_known().timestamp);
    }
    for (const ObjectEntry& entry : *own) merge_field(entry, event.fields(), arena);
    event.adopt_fields(&event.fields(), chunk.now());
    finish(event, first + i, settings_.codec_tag, chunk);
  }
}

void EventMaker::keep_original(Object& fields, const Value& message, Arena& arena) const {
  Value* parent = fields.find(settings_.event);
  const Value text = message;  // the object below may move
  if (parent == nullptr) {
    Object* made = Object::make(arena, 1);
    made->append(arena, settings_.original, text);
    fields.append(arena, settings_.event, Value::object(made));
  } else if (parent->is_object() && parent->as_object().find(settings_.original) == nullptr) {
    parent->as_object().append(arena, settings_.original, text);
  }
}

void EventMaker::finish(Event& event, std::size_t number, std::string_view tag, Chunk& chunk) {
  if (settings_.enrichment.has_source) add_source(event);
  if (tls_ != nullptr) add_tls_peer(event);
  if (settings_.enrichment.adds_hostname) {
    const Value* name = event.get(settings_.beat_hostname);
    const Value* existing = event.get(settings_.host_name);
    if (name != nullptr && !name->is_null() && (existing == nullptr || existing->is_null()))
      event.set(settings_.host_name, copy_value(*name, event.arena(), CopyStrings::Share));
  }
  settings_.decorations.apply(chunk, number);
  if (settings_.enrichment.has_codec_tag) event.add_failure_tag(tag);
}

/// By hand, because every event passes here and most bring no [@metadata][input].
void EventMaker::add_source(Event& event) const {
  Object& metadata = event.metadata();
  Arena& arena = event.arena();
  if (!settings_.enrichment.is_ecs) {
    metadata.set(arena, settings_.ip_address, ip_);
    return;
  }
  if (metadata.find(settings_.input) != nullptr) {
    event.set(settings_.source_ip, ip_);
    return;
  }
  Object* host = Object::make(arena, 1);
  host->append(arena, settings_.ip, ip_);
  Object* beats = Object::make(arena, 1);
  beats->append(arena, settings_.host, Value::object(host));
  Object* input = Object::make(arena, 1);
  input->append(arena, settings_.beats, Value::object(beats));
  metadata.append(arena, settings_.input, Value::object(input));
}

void EventMaker::add_tls_peer(Event& event) const {
  event.set(settings_.tls_status, tls_status_);
  if (tls_->client_subject.empty()) return;
  event.set(settings_.tls_protocol, tls_protocol_);
  event.set(settings_.tls_subject, tls_subject_);
  event.set(settings_.tls_cipher, tls_cipher_);
}

}  // namespace logboom::beats
