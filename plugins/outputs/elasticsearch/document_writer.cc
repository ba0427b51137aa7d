#include "plugins/outputs/elasticsearch/document_writer.h"

#include <fmt/format.h>

#include <array>

#include "pipeline/event/event_identity.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

constexpr std::array kActionNames = {"index", "create", "update", "delete"};

void append_text_member(std::string_view name, std::string_view value, std::string& body) {
  if (body.back() != '{') body += ',';
  body += '"';
  body += name;
  body += "\":";
  write_json_string(value, body);
}

/// A template's text for an event, without a copy when it is the same for all.
class Rendered {
 public:
  Rendered(const FieldTemplate& text, const Event& event) {
    if (text.is_literal()) {
      view_ = text.text();
    } else {
      text.append_to(event, made_);
      view_ = made_;
    }
  }
  Rendered(const Rendered&) = delete;
  Rendered& operator=(const Rendered&) = delete;
  std::string_view view() const { return view_; }

 private:
  std::string made_;
  std::string_view view_;
};

std::string_view text_of(const Object* object, const Key& key) {
  const Value* value = object == nullptr ? nullptr : object->find(key);
  return value != nullptr && value->is_string() ? value->as_string() : std::string_view();
}

bool is_literal_or_absent(const std::optional<FieldTemplate>& option) { return !option || option->is_literal(); }

}  // namespace

DocumentWriter::DocumentWriter(const ElasticsearchOptions& options, Target target)
    : options_(options),
      target_(std::move(target)),
      ingest_document_(*FieldRef::parse("[@metadata][_ingest_document]")),
      ingest_pipeline_(*FieldRef::parse("[@metadata][target_ingest_pipeline]")),
      data_stream_(intern_key("data_stream")),
      type_(intern_key("type")),
      dataset_(intern_key("dataset")),
      namespace_(intern_key("namespace")) {
  if (options_.effectively_once) want_event_identities();
  if (!options_.action) {
    fixed_action_ = target_.is_data_stream || options_.effectively_once ? Action::Create : Action::Index;
  } else if (options_.action->is_literal()) {
    for (std::size_t i = 0; i < kActionNames.size(); ++i)
      if (options_.action->text() == kActionNames[i]) fixed_action_ = static_cast<Action>(i);
  }
  const bool is_simple = fixed_action_ && fixed_action_ != Action::Update && target_.index.is_literal() &&
                         !target_.is_data_stream && !options_.document_id && !options_.version && !options_.join_field &&
                         is_literal_or_absent(options_.routing) && is_literal_or_absent(options_.pipeline);
  if (!is_simple) return;
  fixed_line_ = fmt::format("{{\"{}\":{{", kActionNames[static_cast<std::size_t>(*fixed_action_)]);
  append_text_member("_index", target_.index.text(), fixed_line_);
  if (options_.routing) append_text_member("routing", options_.routing->text(), fixed_line_);
  if (options_.pipeline && !options_.pipeline->empty())
    append_text_member("pipeline", options_.pipeline->text(), fixed_line_);
}

std::optional<DocumentWriter::Action> DocumentWriter::action_of(const Event& event) const {
  if (fixed_action_) return fixed_action_;
  const Rendered text(*options_.action, event);
  for (std::size_t i = 0; i < kActionNames.size(); ++i)
    if (text.view() == kActionNames[i]) return static_cast<Action>(i);
  return std::nullopt;
}

DocumentWriter::StreamName DocumentWriter::stream_of(const Event& event) const {
  StreamName name{options_.data_stream_type, options_.data_stream_dataset, options_.data_stream_namespace};
  if (!options_.data_stream_auto_routing) return name;
  const Value* fields = event.fields().find(data_stream_);
  if (fields == nullptr || !fields->is_object()) return name;
  for (const auto& [key, part] :
       {std::pair(&type_, &name.type), std::pair(&dataset_, &name.dataset), std::pair(&namespace_, &name.name_space)})
    if (const std::string_view own = text_of(&fields->as_object(), *key); !own.empty()) *part = own;
  return name;
}

DocumentWriter::Written DocumentWriter::append(const Event& event, std::string& body) const {
  Written written;
  const std::size_t start = body.size();
  const auto action = action_of(event);
  if (!action) {
    const Rendered text(*options_.action, event);
    written.refusal =
        Outcome::permanent(fmt::format("action: \"{}\" is none of index, create, update and delete", text.view()), 400);
    return written;
  }
  const bool names_no_metadata = event.metadata_if_any() == nullptr;
  StreamName stream;
  const bool may_be_overridden = !names_no_metadata && (event.has(ingest_document_) || event.has(ingest_pipeline_));
  if (!fixed_line_.empty() && !may_be_overridden) {
    body += fixed_line_;
  } else {
    const Value* ingest = may_be_overridden ? event.get(ingest_document_) : nullptr;
    const Object* overrides = ingest != nullptr && ingest->is_object() ? &ingest->as_object() : nullptr;
    const auto of_event = [&](std::string_view name) { return text_of(overrides, make_key(name)); };
    body += "{\"";
    body += kActionNames[static_cast<std::size_t>(*action)];
    body += "\":{";
    if (target_.is_data_stream) {
      stream = stream_of(event);
      append_text_member("_index", fmt::format("{}-{}-{}", stream.type, stream.dataset, stream.name_space), body);
    } else {
      const Rendered own(target_.index, event);
      const std::string_view other = options_.index ? std::string_view() : of_event("index");
      const std::string_view index = other.empty() ? own.view() : other;
      if (options_.dlq_on_failed_indexname_interpolation && index.find("%{") != std::string_view::npos) {
        written.refusal = Outcome::permanent(
            fmt::format(
                "index: \"{}\" names a field that the event does not have; add it, or give events without it another output",
                index),
            400);
        body.resize(start);
        return written;
      }
      append_text_member("_index", index, body);
    }
    const std::string_view ingest_id = of_event("id");
    const std::string_view ingest_routing = of_event("routing");
    const std::string_view ingest_version = of_event("version");
    const std::string_view ingest_version_type = of_event("version_type");
    std::string_view ingest_pipeline = of_event("pipeline");
    if (const std::string_view target = event.string_at(ingest_pipeline_); may_be_overridden && !target.empty())
      ingest_pipeline = target;
    if (!options_.effectively_once) append_option("_id", options_.document_id, event, &ingest_id, body);
    if (options_.join_field && options_.parent) {
      append_option("routing", options_.parent, event, nullptr, body);
    } else {
      append_option("routing", options_.routing, event, &ingest_routing, body);
    }
    append_option("pipeline", options_.pipeline, event, &ingest_pipeline, body);
    append_option("version", options_.version, event, &ingest_version, body);
    append_option("version_type", options_.version_type, event, &ingest_version_type, body);
    if (*action == Action::Update) body += fmt::format(",\"retry_on_conflict\":{}", options_.retry_on_conflict);
  }
  if (options_.effectively_once) {
    if (const auto identity = event_identity(event)) {
      body += ",\"_id\":\"";
      body += identity->text();
      body += '"';
      written.id = identity->is_lasting ? DocumentId::Lasting : DocumentId::OfThisRun;
    } else {
      written.id = DocumentId::None;
    }
  }
  body += "}}\n";
  if (*action == Action::Delete) return written;
  append_source(*action, event, stream, body);
  body += '\n';
  return written;
}

void DocumentWriter::append_option(std::string_view name, const std::optional<FieldTemplate>& option, const Event& event,
                                   const std::string_view* ingest_value, std::string& body) const {
  if (option) {
    const Rendered text(*option, event);
    if (!text.view().empty()) append_text_member(name, text.view(), body);
  } else if (ingest_value != nullptr && !ingest_value->empty()) {
    append_text_member(name, *ingest_value, body);
  }
}

void DocumentWriter::append_source(Action action, const Event& event, const StreamName& stream, std::string& body) const {
  if (action == Action::Update) {
    append_update(event, stream, body);
  } else {
    append_event(event, stream, body);
  }
}

void DocumentWriter::append_event(const Event& event, const StreamName& stream, std::string& body) const {
  if (options_.join_field) {
    const Value* relation = event.get(*options_.join_field);
    Arena arena;
    Object* join = Object::make(arena, 2);
    join->append(arena, make_key("name"), relation != nullptr ? *relation : Value::null());
    std::string parent;
    if (options_.parent) {
      options_.parent->append_to(event, parent);
      join->append(arena, make_key("parent"), Value::string(parent));
    }
    append_event_with(event, *options_.join_field, Value::object(join), arena, body);
    return;
  }
  if (!target_.is_data_stream || !options_.data_stream_sync_fields) {
    write_json(event.fields(), body);
    return;
  }
  const Value* own = event.fields().find(data_stream_);
  if (own == nullptr) {
    write_json(event.fields(), body);
    body.pop_back();
    body += event.fields().empty() ? "\"data_stream\":{" : ",\"data_stream\":{";
    append_text_member("type", stream.type, body);
    append_text_member("dataset", stream.dataset, body);
    append_text_member("namespace", stream.name_space, body);
    body += "}}";
    return;
  }
  Arena arena;
  Object* synced = own->is_object() ? copy_object(own->as_object(), arena, CopyStrings::Share) : Object::make(arena, 3);
  synced->set(arena, type_, Value::string(stream.type));
  synced->set(arena, dataset_, Value::string(stream.dataset));
  synced->set(arena, namespace_, Value::string(stream.name_space));
  append_event_with(event, FieldRef::of_name("data_stream"), Value::object(synced), arena, body);
}

/// The event is frozen: another value of one field goes into a copy of its tables.
void DocumentWriter::append_event_with(const Event& event, const FieldRef& field, Value value, Arena& arena,
                                       std::string& body) const {
  Event* changed = event.copy_into(arena, CopyStrings::Share);
  changed->set(field, value);
  write_json(changed->fields(), body);
}

void DocumentWriter::append_update(const Event& event, const StreamName& stream, std::string& body) const {
  body += '{';
  const auto upsert = [&] {
    if (!options_.upsert || options_.upsert->empty()) return false;
    const Rendered text(*options_.upsert, event);
    body += ",\"upsert\":";
    body += text.view();
    return true;
  };
  if (options_.script) {
    const Rendered script(*options_.script, event);
    body += "\"script\":{";
    if (options_.script_type == "indexed") {
      append_text_member("id", script.view(), body);
    } else {
      append_text_member("source", script.view(), body);
      append_text_member("lang", options_.script_lang, body);
    }
    body += ",\"params\":{";
    write_json_string(options_.script_var_name, body);
    body += ':';
    append_event(event, stream, body);
    body += "}}";
    if (options_.scripted_upsert) {
      body += ",\"scripted_upsert\":true";
      if (!upsert()) body += ",\"upsert\":{}";
    } else {
      upsert();
    }
  } else {
    body += "\"doc\":";
    append_event(event, stream, body);
    if (options_.doc_as_upsert) {
      body += ",\"doc_as_upsert\":true";
    } else {
      upsert();
    }
  }
  body += '}';
}

}  // namespace logboom
