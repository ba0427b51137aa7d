#include "plugins/inputs/http/bulk_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <random>

namespace logboom {
namespace {

struct Keys {
  Key elasticsearch = intern_key("elasticsearch");
  Key op = intern_key("op");
  Key index = intern_key("index");
  Key id = intern_key("id");
  Key routing = intern_key("routing");
  Key pipeline = intern_key("pipeline");
  Key ip_address = intern_key("ip_address");
  Key action_index = intern_key("_index");
  Key action_id = intern_key("_id");
  Key old_routing = intern_key("_routing");
};
const Keys& keys() {
  static const Keys made;
  return made;
}

std::string_view take_line(std::string_view& body) {
  const std::size_t end = std::min(body.find('\n'), body.size());
  std::string_view line = body.substr(0, end);
  body.remove_prefix(std::min(body.size(), end + 1));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

std::string_view text_at(const Object& object, const Key& key) {
  const Value* value = object.find(key);
  return value != nullptr && value->is_string() ? value->as_string() : std::string_view();
}

/// For documents without one: unlike those of other processes and of earlier runs.
std::string new_id() {
  static const std::uint64_t start = (static_cast<std::uint64_t>(std::random_device{}()) << 32) | std::random_device{}();
  static std::atomic<std::uint64_t> next{0};
  return fmt::format("{:016x}{:010x}", start, next.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace

BulkRequest::BulkRequest(Chunk& chunk, std::string_view index, std::string_view peer_ip, Answer answer)
    : chunk_(chunk), index_(index), peer_ip_(chunk.arena().copy(peer_ip)), answer_(answer) {}

Result<void> BulkRequest::read(std::string_view body) {
  is_bulk_ = true;
  std::size_t number = 0;
  while (!body.empty()) {
    const std::string_view line = take_line(body);
    ++number;
    if (is_blank(line)) continue;
    const Result<Action> action = read_action(line, number);
    if (!action) return action.error();
    const bool has_document = action->op != "delete";
    if (has_document && body.empty())
      return Error{ErrorCode::InvalidArgument, fmt::format("line {} wants a document behind it", number)};
    if (action->op == "index" || action->op == "create") {
      add(*action, take_line(body));
      ++number;
      continue;
    }
    if (has_document) {
      take_line(body);
      ++number;
    }
    note_failure(*action, 400, "illegal_argument_exception",
                 fmt::format("[{}] is not taken here: documents are only added, with [index] or [create]", action->op));
  }
  return {};
}

Result<BulkRequest::Action> BulkRequest::read_action(std::string_view line, std::size_t number) {
  const auto parsed = reader_.parse(line, chunk_.arena());
  const auto malformed = [number](std::string_view what) {
    return Error{ErrorCode::InvalidArgument, fmt::format("Malformed action/metadata line [{}], {}", number, what)};
  };
  if (!parsed) return malformed(parsed.error().message);
  if (!parsed->is_object() || parsed->as_object().size() != 1 || !parsed->as_object().begin()->value.is_object())
    return malformed("expected one action with its parameters");
  const ObjectEntry& entry = *parsed->as_object().begin();
  Action action;
  action.op = entry.key.text();
  if (action.op != "index" && action.op != "create" && action.op != "update" && action.op != "delete")
    return malformed("expected one of [create, delete, index, update]");
  action.parameters = &entry.value.as_object();
  action.index = text_at(*action.parameters, keys().action_index);
  if (action.index.empty()) action.index = index_;
  if (const Value* id = action.parameters->find(keys().action_id); id != nullptr && !id->is_null())
    action.id = value_text(*id, chunk_.arena());
  return action;
}

void BulkRequest::read_document(std::string_view op, std::string_view id, std::string_view document) {
  Action action;
  action.op = op;
  action.index = index_;
  action.id = id;
  add(action, document);
}

void BulkRequest::add(const Action& action, std::string_view document) {
  if (action.index.empty()) {
    note_failure(action, 400, "action_request_validation_exception", "index is missing");
    return;
  }
  const auto parsed = reader_.parse(document, chunk_.arena());
  if (!parsed) {
    note_failure(action, 400, "document_parsing_exception", "failed to parse: " + parsed.error().message);
    return;
  }
  if (!parsed->is_object()) {
    note_failure(action, 400, "document_parsing_exception", "failed to parse: the document is no object");
    return;
  }
  Event& event = chunk_.new_event();
  event.adopt_fields(&parsed->as_object(), chunk_.now());
  set_metadata(action, event);
  note_success(action);
}

void BulkRequest::set_metadata(const Action& action, Event& event) {
  Arena& arena = chunk_.arena();
  Object* made = Object::make(arena, 4);
  const auto add_text = [&](const Key& key, std::string_view text) {
    if (!text.empty()) made->append(arena, key, Value::string(arena.copy(text)));
  };
  add_text(keys().op, action.op);
  add_text(keys().index, action.index);
  add_text(keys().id, action.id);
  if (action.parameters != nullptr) {
    const std::string_view routing = text_at(*action.parameters, keys().routing);
    add_text(keys().routing, routing.empty() ? text_at(*action.parameters, keys().old_routing) : routing);
    add_text(keys().pipeline, text_at(*action.parameters, keys().pipeline));
  }
  event.metadata().set(arena, keys().elasticsearch, Value::object(made));
  event.metadata().set(arena, keys().ip_address, Value::string(peer_ip_));
}

void BulkRequest::begin_item(const Action& action) {
  if (!items_.empty()) items_ += ',';
  if (is_bulk_) fmt::format_to(std::back_inserter(items_), "{{\"{}\":", action.op);
  items_ += '{';
}

void BulkRequest::append_place(const Action& action) {
  items_ += "\"_index\":";
  write_json_string(action.index, items_);
  items_ += ",\"_id\":";
  write_json_string(action.id.empty() ? new_id() : action.id, items_);
  items_ += ',';
}

void BulkRequest::note_success(const Action& action) {
  begin_item(action);
  if (answer_ == Answer::Full) {
    append_place(action);
    items_ += R"("_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,)"
              R"("_primary_term":1,)";
  }
  items_ += R"("status":201})";
  if (is_bulk_) items_ += '}';
  if (first_status_ == 0) first_status_ = 201;
}

void BulkRequest::note_failure(const Action& action, int status, std::string_view type, std::string_view reason) {
  ++failures_;
  begin_item(action);
  if (answer_ == Answer::Full) append_place(action);
  fmt::format_to(std::back_inserter(items_), "\"status\":{},\"error\":{{\"type\":\"{}\",\"reason\":", status, type);
  write_json_string(reason, items_);
  items_ += "}}";
  if (is_bulk_) items_ += '}';
  if (first_status_ == 0) first_status_ = status;
}

std::string BulkRequest::bulk_answer(std::chrono::milliseconds took) const {
  return fmt::format(R"({{"took":{},"errors":{},"items":[{}]}})", took.count(), failures_ > 0, items_);
}

}  // namespace logboom
