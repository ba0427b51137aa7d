#include "plugins/inputs/otlp/log_event.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "pipeline/base/utf8.h"

namespace logboom {
namespace {

/// Fields of the event itself.
struct Keys {
  Key body = intern_key("body");
  Key attributes = intern_key("attributes");
  Key dropped = intern_key("dropped_attributes_count");
  Key resource = intern_key("resource");
  Key scope = intern_key("scope");
  Key schema_url = intern_key("schema_url");
  Key name = intern_key("name");
  Key version = intern_key("version");
  Key severity_text = intern_key("severity_text");
  Key severity_number = intern_key("severity_number");
  Key observed = intern_key("observed_timestamp");
  Key event_name = intern_key("event_name");
  Key trace_id = intern_key("trace_id");
  Key span_id = intern_key("span_id");
  Key flags = intern_key("flags");
  Key log = intern_key("log");
  Key level = intern_key("level");
  Key logger = intern_key("logger");
  Key event = intern_key("event");
  Key severity = intern_key("severity");
  Key created = intern_key("created");
  Key action = intern_key("action");
  Key trace = intern_key("trace");
  Key span = intern_key("span");
  Key id = intern_key("id");
  Key ip_address = intern_key("ip_address");
};
const Keys& keys() {
  static const Keys made;
  return made;
}

/// Attributes that ECS has a field for: copied there.
struct Counterpart {
  Key attribute;
  FieldRef field;
  Counterpart(std::string_view attribute_name, std::string_view field_name)
      : attribute(intern_key(attribute_name)), field(*FieldRef::parse(field_name)) {}
};
const std::vector<Counterpart>& resource_counterparts() {
  static const std::vector<Counterpart> made = {
      {"service.name", "[service][name]"},
      {"service.version", "[service][version]"},
      {"service.instance.id", "[service][node][name]"},
      {"deployment.environment", "[service][environment]"},
      {"deployment.environment.name", "[service][environment]"},
      {"host.name", "[host][name]"},
      {"host.id", "[host][id]"},
      {"container.id", "[container][id]"},
      {"container.name", "[container][name]"},
      {"process.pid", "[process][pid]"},
  };
  return made;
}
const std::vector<Counterpart>& record_counterparts() {
  static const std::vector<Counterpart> made = {
      {"exception.type", "[error][type]"},
      {"exception.message", "[error][message]"},
      {"exception.stacktrace", "[error][stack_trace]"},
  };
  return made;
}

Timestamp to_timestamp(std::uint64_t nanoseconds) {
  return {static_cast<std::int64_t>(nanoseconds / 1'000'000'000), static_cast<std::uint32_t>(nanoseconds % 1'000'000'000)};
}

/// The name that the data model gives a severity number; empty when it is none.
std::string_view severity_name(std::int64_t number) {
  constexpr std::array<std::string_view, 24> kNames = {
      "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO",  "INFO2",  "INFO3",  "INFO4",
      "WARN",  "WARN2",  "WARN3",  "WARN4",  "ERROR", "ERROR2", "ERROR3", "ERROR4", "FATAL", "FATAL2", "FATAL3", "FATAL4"};
  if (number < 1 || number > static_cast<std::int64_t>(kNames.size())) return {};
  return kNames[static_cast<std::size_t>(number - 1)];
}

Object& branch(Event& event, const Key& key) {
  Value* at = event.fields().find(key);
  if (at == nullptr) at = &event.fields().append(event.arena(), key, Value::object(Object::make(event.arena(), 4)));
  return at->as_object();
}

void copy_counterparts(const Object* attributes, const std::vector<Counterpart>& counterparts, Event& event) {
  if (attributes == nullptr) return;
  for (const Counterpart& counterpart : counterparts)
    if (const Value* value = attributes->find(counterpart.attribute))
      event.set(counterpart.field, copy_value(*value, event.arena(), CopyStrings::Share));
}

void set_body(const Value& body, Event& event) {
  if (body.is_null()) return;
  if (body.is_object() || body.is_array()) {
    event.fields().append(event.arena(), keys().body, body);
  } else {
    event.fields().append(event.arena(), well_known().message, Value::string(value_text(body, event.arena())));
  }
}

}  // namespace

void LogEventMaker::add(const LogRecord& record, const LogOrigin& origin, std::string_view peer_ip, Chunk& chunk) const {
  Event& event = chunk.new_event();
  const std::uint64_t time = record.time_nanoseconds != 0 ? record.time_nanoseconds : record.observed_nanoseconds;
  event.set_timestamp(time != 0 ? to_timestamp(time) : chunk.now());
  set_body(record.body, event);
  if (is_ecs_) {
    set_ecs(record, origin, event);
  } else {
    set_flat(record, event);
  }
  set_origin(origin, event);
  Arena& arena = event.arena();
  if (record.attributes != nullptr) event.fields().append(arena, keys().attributes, Value::object(record.attributes));
  if (record.dropped_attributes != 0)
    event.fields().append(arena, keys().dropped, Value::integer(record.dropped_attributes));
  event.add_defaults(chunk.now());
  event.metadata().append(arena, keys().ip_address, Value::string(peer_ip));
}

void LogEventMaker::set_ecs(const LogRecord& record, const LogOrigin& origin, Event& event) const {
  Arena& arena = event.arena();
  const std::string_view level = record.severity_text.empty() ? severity_name(record.severity_number) : record.severity_text;
  if (!level.empty()) branch(event, keys().log).append(arena, keys().level, Value::string(level));
  if (!origin.scope_name.empty()) branch(event, keys().log).append(arena, keys().logger, Value::string(origin.scope_name));
  if (record.severity_number != 0)
    branch(event, keys().event).append(arena, keys().severity, Value::integer(record.severity_number));
  if (record.observed_nanoseconds != 0)
    branch(event, keys().event).append(arena, keys().created, Value::timestamp(to_timestamp(record.observed_nanoseconds)));
  if (!record.event_name.empty()) branch(event, keys().event).append(arena, keys().action, Value::string(record.event_name));
  if (!record.trace_id.empty()) branch(event, keys().trace).append(arena, keys().id, Value::string(record.trace_id));
  if (record.flags != 0) branch(event, keys().trace).append(arena, keys().flags, Value::integer(record.flags));
  if (!record.span_id.empty()) branch(event, keys().span).append(arena, keys().id, Value::string(record.span_id));
  copy_counterparts(origin.resource_attributes, resource_counterparts(), event);
  copy_counterparts(record.attributes, record_counterparts(), event);
}

void LogEventMaker::set_flat(const LogRecord& record, Event& event) {
  Object& fields = event.fields();
  Arena& arena = event.arena();
  const auto add_text = [&](const Key& key, std::string_view text) {
    if (!text.empty()) fields.append(arena, key, Value::string(text));
  };
  const auto add_number = [&](const Key& key, std::int64_t number) {
    if (number != 0) fields.append(arena, key, Value::integer(number));
  };
  add_text(keys().severity_text,
           record.severity_text.empty() ? severity_name(record.severity_number) : record.severity_text);
  add_number(keys().severity_number, record.severity_number);
  if (record.observed_nanoseconds != 0)
    fields.append(arena, keys().observed, Value::timestamp(to_timestamp(record.observed_nanoseconds)));
  add_text(keys().event_name, record.event_name);
  add_text(keys().trace_id, record.trace_id);
  add_text(keys().span_id, record.span_id);
  add_number(keys().flags, record.flags);
}

void LogEventMaker::set_origin(const LogOrigin& origin, Event& event) {
  Arena& arena = event.arena();
  if (origin.resource_attributes != nullptr || !origin.resource_schema_url.empty()) {
    Object& resource = branch(event, keys().resource);
    if (origin.resource_attributes != nullptr)
      resource.append(arena, keys().attributes,
                      Value::object(copy_object(*origin.resource_attributes, arena, CopyStrings::Share)));
    if (!origin.resource_schema_url.empty())
      resource.append(arena, keys().schema_url, Value::string(origin.resource_schema_url));
  }
  if (origin.scope_name.empty() && origin.scope_version.empty() && origin.scope_attributes == nullptr) return;
  Object& scope = branch(event, keys().scope);
  if (!origin.scope_name.empty()) scope.append(arena, keys().name, Value::string(origin.scope_name));
  if (!origin.scope_version.empty()) scope.append(arena, keys().version, Value::string(origin.scope_version));
  if (origin.scope_attributes != nullptr)
    scope.append(arena, keys().attributes, Value::object(copy_object(*origin.scope_attributes, arena, CopyStrings::Share)));
}

std::string_view hex_id(std::string_view bytes, std::size_t wanted_bytes, Arena& arena) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const bool is_none = std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
  if (bytes.size() != wanted_bytes || is_none) return {};
  char* out = arena.allocate_array<char>(bytes.size() * 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out[2 * i] = kDigits[byte >> 4];
    out[2 * i + 1] = kDigits[byte & 15];
  }
  return {out, bytes.size() * 2};
}

std::string_view keep_text(std::string_view text, Arena& arena) {
  if (is_valid_utf8(text)) return arena.copy(text);
  std::string valid;
  append_valid_utf8(text, valid);
  return arena.copy(valid);
}

std::string_view base64_text(std::string_view bytes, Arena& arena) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t size = (bytes.size() + 2) / 3 * 4;
  if (size == 0) return std::string_view("", 0);
  char* const out = arena.allocate_array<char>(size);
  char* to = out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const auto at = [&](std::size_t k) {
      return k < left ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + k])) : 0;
    };
    const std::uint32_t bits = at(0) << 16 | at(1) << 8 | at(2);
    *to++ = kAlphabet[bits >> 18];
    *to++ = kAlphabet[bits >> 12 & 63];
    *to++ = left > 1 ? kAlphabet[bits >> 6 & 63] : '=';
    *to++ = left > 2 ? kAlphabet[bits & 63] : '=';
  }
  return {out, size};
}

Value double_value(double number) {
  if (std::isfinite(number)) return Value::real(number);
  if (std::isnan(number)) return Value::string("NaN");
  return Value::string(number > 0 ? "Infinity" : "-Infinity");
}

}  // namespace logboom
