#include "plugins/inputs/http/request_fields.h"

#include <algorithm>
#include <string>

#include "pipeline/base/utf8.h"
#include "pipeline/net/http_text.h"

namespace logboom {
namespace {

/// Text of a request in the arena: headers may hold any bytes, events only UTF-8.
std::string_view keep_text(std::string_view text, Arena& arena) {
  if (is_valid_utf8(text)) return arena.copy(text);
  std::string valid;
  append_valid_utf8(text, valid);
  return arena.copy(valid);
}

/// "user-agent" as "http_user_agent", "content-type" as "content_type".
std::string field_name(std::string_view header) {
  std::string name(header);
  std::replace(name.begin(), name.end(), '-', '_');
  if (name == "accept" || name == "host" || name == "user_agent") name.insert(0, "http_");
  return name;
}

/// Names that most requests have, interned: outputs write those faster. Others live in the arena.
Key key_of(std::string_view name, Arena& arena) {
  static const std::vector<Key> common = [] {
    std::vector<Key> keys;
    for (const char* known :
         {"http_accept", "http_host", "http_user_agent", "http_version", "request_method", "request_path", "content_type",
          "content_length", "content_encoding", "transfer_encoding", "accept_encoding", "accept_language", "connection", "expect",
          "origin", "referer", "cookie", "cache_control", "forwarded", "via", "traceparent", "x_forwarded_for",
          "x_forwarded_host", "x_forwarded_port", "x_forwarded_proto", "x_real_ip", "x_request_id"})
      keys.push_back(intern_key(known));
    return keys;
  }();
  for (const Key& key : common)
    if (key.text() == name) return key;
  return make_key(keep_text(name, arena));
}

/// A request's fields as trees, made once. Events get copies of them, which share the texts: no event may see what a filter
/// does to another one.
class FieldTrees {
 public:
  struct Leaf {
    const FieldRef* field;
    Value value;
  };

  FieldTrees(std::vector<Leaf> leaves, Arena& arena) : model_(arena, nullptr, 0) {
    for (const Leaf& leaf : leaves) model_.set(*leaf.field, leaf.value);
    for (const ObjectEntry& entry : model_.fields()) branches_.push_back({entry.key, entry.value, {}});
    for (const Leaf& leaf : leaves) {
      if (leaf.field->is_metadata()) {
        metadata_leaves_.push_back(leaf);
        continue;
      }
      for (Branch& branch : branches_)
        if (branch.key == leaf.field->steps()[0].key) branch.leaves.push_back(leaf);
    }
  }

  void set(Event& event) const {
    for (const Branch& branch : branches_) {
      if (event.fields().find(branch.key) != nullptr) {
        set_leaves(branch.leaves, event);  // what else the event has there stays
      } else {
        event.fields().append(event.arena(), branch.key, copy_value(branch.tree, event.arena(), CopyStrings::Share));
      }
    }
    if (event.metadata_if_any() != nullptr) {
      set_leaves(metadata_leaves_, event);
    } else if (const Object* metadata = model_.metadata_if_any()) {
      for (const ObjectEntry& entry : *metadata)
        event.metadata().append(event.arena(), entry.key, copy_value(entry.value, event.arena(), CopyStrings::Share));
    }
  }

 private:
  struct Branch {
    Key key;
    Value tree;
    std::vector<Leaf> leaves;
  };
  static void set_leaves(const std::vector<Leaf>& leaves, Event& event) {
    for (const Leaf& leaf : leaves) event.set(*leaf.field, copy_value(leaf.value, event.arena(), CopyStrings::Share));
  }

  Event model_;
  std::vector<Branch> branches_;
  std::vector<Leaf> metadata_leaves_;
};

}  // namespace

RequestFields::RequestFields(const std::optional<FieldRef>& remote_host, const std::optional<FieldRef>& headers, bool is_ecs)
    : is_ecs_(is_ecs),
      remote_host_(remote_host ? *remote_host : *FieldRef::parse(is_ecs ? "[host][ip]" : "host")),
      headers_(headers ? *headers : *FieldRef::parse(is_ecs ? "[@metadata][input][http][request][headers]" : "headers")) {}

Object* RequestFields::headers_object(const HttpRequest& request, Arena& arena) {
  Object* headers = Object::make(arena, static_cast<std::uint32_t>(request.headers.size() + 3));
  const auto set = [&](std::string_view name, std::string_view value) {
    headers->set(arena, key_of(name, arena), Value::string(keep_text(value, arena)));
  };
  for (const auto& [name, value] : request.headers)
    if (name != "authorization") set(field_name(name), value);
  set("request_method", request.method);
  set("request_path", request.target);
  set("http_version", request.version);
  return headers;
}

void RequestFields::apply(const HttpRequest& request, Chunk& chunk) const {
  Arena& arena = chunk.arena();
  std::vector<FieldTrees::Leaf> leaves;
  const auto add_text = [&](const FieldRef& field, std::string_view text) {
    if (!text.empty()) leaves.push_back({&field, Value::string(keep_text(text, arena))});
  };
  if (is_ecs_) {
    add_text(http_version_, request.version);
    add_text(http_method_, request.method);
    add_text(url_path_, request.target);
    const HostAndPort host = parse_host(request.header("host"));
    add_text(url_domain_, host.host);
    if (host.port != 0) leaves.push_back({&url_port_, Value::integer(host.port)});
    add_text(user_agent_, request.header("user-agent"));
    add_text(body_bytes_, request.header("content-length"));
    add_text(mime_type_, request.header("content-type"));
  }
  leaves.push_back({&remote_host_, Value::string(arena.copy(request.peer.ip))});
  leaves.push_back({&headers_, Value::object(headers_object(request, arena))});
  const FieldTrees trees(std::move(leaves), arena);
  for (Event* event : chunk.events()) trees.set(*event);
}

}  // namespace logboom
