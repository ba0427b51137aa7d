#include "plugins/inputs/syslog/syslog_event.h"

#include <fmt/core.h>

#include <charconv>

namespace logboom {
namespace {

constexpr std::int64_t kUnknownPriority = 13;  // user.notice: RFC 3164, 4.3.3
constexpr std::uint32_t kUsualFields = 18;

const FieldRef& priority_field(bool is_ecs) {
  static const FieldRef ecs = *FieldRef::parse("[log][syslog][priority]");
  static const FieldRef legacy = FieldRef::of_name("priority");
  return is_ecs ? ecs : legacy;
}

/// The object under a name, made when it is missing; nullptr when something else stands there.
Object* child(Object& parent, const Key& key, Arena& arena) {
  if (Value* known = parent.find(key)) return known->is_object() ? &known->as_object() : nullptr;
  Object* made = Object::make(arena);
  parent.append(arena, key, Value::object(made));
  return made;
}

/// Stores as a capture of the grok filter: sets what is missing, makes a list of a text, adds to a list.
void capture(Object* parent, const Key& key, Value value, Arena& arena) {
  if (parent == nullptr) return;
  Value* known = parent->find(key);
  if (known == nullptr) {
    parent->append(arena, key, value);
  } else if (known->is_array()) {
    known->as_array().push(arena, value);
  } else if (known->is_string()) {
    Array* list = Array::make(arena, 2);
    list->push(arena, *known);
    list->push(arena, value);
    *known = Value::array(list);
  } else if (known->is_null()) {
    *known = value;
  }
}

void capture_text(Object* parent, const Key& key, std::string_view text, Arena& arena) {
  if (!text.empty()) capture(parent, key, Value::string(text), arena);
}

/// A process id as a number; nullopt when it is none.
std::optional<std::int64_t> as_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

/// What Ruby's to_i makes of a value; the default for what has no to_i, and for what is missing.
std::int64_t priority_of(const Value* value) {
  if (value == nullptr) return kUnknownPriority;
  if (value->is_integer()) return value->as_integer();
  if (!value->is_string()) return kUnknownPriority;
  std::int64_t number = 0;
  const std::string_view text = value->as_string();
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

SyslogSettings::SyslogSettings(const SyslogInputOptions& options, const PluginContext& context)
    : is_ecs(context.is_ecs()),
      has_own_pattern(!options.grok_pattern.empty()),
      use_labels(options.use_labels),
      syslog_field(options.syslog_field),
      facility_labels(options.facility_labels),
      severity_labels(options.severity_labels),
      service_type(options.service_type),
      zone(&machine_zone()),
      unknown_messages(context.metrics().counter("unknown_messages")),
      bad_times(context.metrics().counter("bad_times")) {
  if (!options.timezone.empty()) {
    const auto found = resolve_zone(options.timezone);
    if (!found) context.error("timezone", fmt::format("timezone: {}", found.error().message));
    if (found) zone = *found;
  }
  if (auto loaded = TimeLocale::load(options.locale)) {
    locale = std::move(*loaded);
  } else {
    context.error("locale", fmt::format("locale: {}", loaded.error().message));
  }
  const std::string usual =
      is_ecs ? "<%{POSINT:[log][syslog][priority]:int}>%{SYSLOGLINE}" : "<%{POSINT:priority}>%{SYSLOGLINE}";
  pattern = GrokLine::compile(has_own_pattern ? options.grok_pattern : usual, syslog_field, context);
}

void SyslogEventFiller::fill(Event& event, Value ip, Timestamp now) {
  const SyslogKeys& keys = settings_.keys;
  Arena& arena = event.arena();
  Object& fields = event.fields();
  fields.reserve(arena, kUsualFields);
  const Value* source = event.get(settings_.syslog_field);
  const bool has_text = source != nullptr && !source->is_null();
  const std::string_view text = has_text ? value_text(*source, arena) : std::string_view();
  if (settings_.is_ecs) {
    if (Object* host = child(fields, keys.host, arena)) host->set(arena, keys.ip, ip);
    Object* const about = has_text ? child(fields, keys.event, arena) : nullptr;
    if (about != nullptr) about->set(arena, keys.original, Value::string(text));
  } else {
    fields.set(arena, keys.host, ip);
  }
  const Outcome outcome = parse(text, event, now);
  if (outcome != Outcome::Parsed) {
    settings_.unknown_messages.add();
    event.add_failure_tag("_grokparsefailure_sysloginput");
    if (outcome == Outcome::OverBudget) event.add_failure_tag("_groktimeout");
    set_priority(kUnknownPriority, event);
  }
  if (!settings_.is_ecs || settings_.service_type.empty()) return;
  Object* const service = child(fields, keys.service, arena);
  if (service != nullptr && service->find(keys.type) == nullptr)
    service->append(arena, keys.type, Value::string(settings_.service_type));
}

SyslogEventFiller::Outcome SyslogEventFiller::parse(std::string_view text, Event& event, Timestamp now) {
  if (settings_.has_own_pattern) return match_pattern(text, event, now);
  const std::optional<SyslogLine> line = parse_syslog_line(text);
  if (!line) return match_pattern(text, event, now);
  store(*line, event, now);
  return Outcome::Parsed;
}

void SyslogEventFiller::store(const SyslogLine& line, Event& event, Timestamp now) {
  const SyslogKeys& keys = settings_.keys;
  Arena& arena = event.arena();
  Object& fields = event.fields();
  // An RFC 3164 line that says nothing keeps its text, as in Logstash.
  if (!line.message.empty() || line.is_rfc5424) event.set(settings_.syslog_field, Value::string(line.message));
  set_priority(line.priority, event);
  if (settings_.is_ecs) {
    if (!line.host.empty()) capture_text(child(fields, keys.host, arena), keys.hostname, line.host, arena);
    const auto process_id = as_number(line.process_id);
    const bool is_odd_id = !process_id && !line.process_id.empty() && !line.is_rfc5424;
    const bool has_process = !line.program.empty() || process_id || is_odd_id;
    Object* const process = has_process ? child(fields, keys.process, arena) : nullptr;
    capture_text(process, keys.name, line.program, arena);
    if (process_id) capture(process, keys.pid, Value::integer(*process_id), arena);
    if (is_odd_id) capture_text(process, keys.pid, line.process_id, arena);  // beyond 64 bits
  } else {
    capture_text(&fields, keys.logsource, line.host, arena);
    capture_text(&fields, keys.program, line.program, arena);
    capture_text(&fields, keys.pid, line.process_id, arena);
    if (line.has_iso_time) capture_text(&fields, keys.timestamp8601, line.timestamp, arena);
    if (!line.timestamp.empty()) fields.set(arena, keys.timestamp, Value::string(line.timestamp));
  }
  if (line.is_rfc5424) store_rfc5424(line, event);
  if (!line.timestamp.empty()) set_time(line.timestamp, event, now);
}

void SyslogEventFiller::store_rfc5424(const SyslogLine& line, Event& event) {
  const SyslogKeys& keys = settings_.keys;
  Arena& arena = event.arena();
  Object* parent = &event.fields();
  if (settings_.is_ecs) {
    Object* const log = child(*parent, keys.log, arena);
    parent = log != nullptr ? child(*log, keys.syslog, arena) : nullptr;
    if (parent != nullptr && !as_number(line.process_id)) capture_text(parent, keys.process_id, line.process_id, arena);
  }
  if (parent == nullptr) return;
  capture_text(parent, keys.version, line.version, arena);
  capture_text(parent, keys.message_id, line.message_id, arena);
  if (line.structured_data.empty() || parent->find(keys.structured_data) != nullptr) return;
  parent->append(arena, keys.structured_data, Value::object(structured_data_object(line.structured_data, arena)));
}

SyslogEventFiller::Outcome SyslogEventFiller::match_pattern(std::string_view text, Event& event, Timestamp now) {
  const SyslogKeys& keys = settings_.keys;
  if (!scratch_) scratch_.emplace();
  const MatchStatus status = settings_.pattern->apply(text, *scratch_, event);
  if (status == MatchStatus::OverBudget) return Outcome::OverBudget;
  if (status == MatchStatus::NoMatch) return Outcome::Unknown;
  set_priority(priority_of(event.get(priority_field(settings_.is_ecs))), event);
  Object& fields = event.fields();
  if (!settings_.is_ecs) {
    if (const Value* iso = fields.find(keys.timestamp8601)) {
      const Value copy = *iso;
      fields.set(event.arena(), keys.timestamp, copy);
    }
  }
  const Value* time = fields.find(keys.timestamp);
  if (time != nullptr && !time->is_null()) set_time(value_text(*time, event.arena()), event, now);
  if (settings_.is_ecs) fields.erase(keys.timestamp);
  return Outcome::Parsed;
}

void SyslogEventFiller::set_priority(std::int64_t priority, Event& event) {
  const SyslogKeys& keys = settings_.keys;
  Arena& arena = event.arena();
  const std::int64_t facility = priority >> 3;
  const std::int64_t severity = priority & 7;
  const auto label = [&](const std::vector<std::string>& labels, std::int64_t number) -> const std::string* {
    const bool has_one = settings_.use_labels && number >= 0 && number < static_cast<std::int64_t>(labels.size());
    return has_one ? &labels[static_cast<std::size_t>(number)] : nullptr;
  };
  const std::string* const facility_label = label(settings_.facility_labels, facility);
  const std::string* const severity_label = label(settings_.severity_labels, severity);
  Object& fields = event.fields();
  if (!settings_.is_ecs) {
    fields.set(arena, keys.priority, Value::integer(priority));
    fields.set(arena, keys.severity, Value::integer(severity));
    fields.set(arena, keys.facility, Value::integer(facility));
    if (facility_label != nullptr) fields.set(arena, keys.facility_label, Value::string(*facility_label));
    if (severity_label != nullptr) fields.set(arena, keys.severity_label, Value::string(*severity_label));
    return;
  }
  Object* const log = child(fields, keys.log, arena);
  Object* const syslog = log != nullptr ? child(*log, keys.syslog, arena) : nullptr;
  if (syslog == nullptr) return;
  syslog->set(arena, keys.priority, Value::integer(priority));
  const auto set_pair = [&](const Key& key, std::int64_t number, const std::string* name) {
    Object* const pair = child(*syslog, key, arena);
    if (pair == nullptr) return;
    pair->set(arena, keys.code, Value::integer(number));
    if (name != nullptr) pair->set(arena, keys.name, Value::string(*name));
  };
  set_pair(keys.facility, facility, facility_label);
  set_pair(keys.severity, severity, severity_label);
}

void SyslogEventFiller::set_time(std::string_view text, Event& event, Timestamp now) {
  if (const auto time = times_.read(text, now)) {
    event.set_timestamp(*time);
    return;
  }
  settings_.bad_times.add();
  event.add_failure_tag("_dateparsefailure");
}

}  // namespace logboom
