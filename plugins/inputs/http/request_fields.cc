#include "plugins/inputs/http/request_fields.h"

#include <algorithm>
#include <string>

#include "pipeline/base/utf8.h"
#include "plugins/inputs/http/request_text.h"

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

Object* headers_object(const HttpRequest& request, Arena& arena) {
  Object* headers = Object::make(arena, static_cast<std::uint32_t>(request.headers.size() + 3));
  const auto set = [&](std::string_view name, std::string_view value) {
    headers->set(arena, make_key(keep_text(name, arena)), Value::string(keep_text(value, arena)));
  };
  for (const auto& [name, value] : request.headers)
    if (name != "authorization") set(field_name(name), value);
  set("request_method", request.method);
  set("request_path", request.target);
  set("http_version", request.version);
  return headers;
}

void set_if_absent(Chunk& chunk, const FieldRef& field, Value value) {
  for (Event* event : chunk.events())
    if (!event->has(field)) event->set(field, value);
}

}  // namespace

RequestFields::RequestFields(const std::optional<FieldRef>& remote_host, const std::optional<FieldRef>& headers, bool is_ecs)
    : is_ecs_(is_ecs),
      remote_host_(remote_host ? *remote_host : *FieldRef::parse(is_ecs ? "[host][ip]" : "host")),
      headers_(headers ? *headers : *FieldRef::parse(is_ecs ? "[@metadata][input][http][request][headers]" : "headers")) {}

void RequestFields::apply(const HttpRequest& request, Chunk& chunk) const {
  Arena& arena = chunk.arena();
  if (is_ecs_) apply_ecs(request, chunk);
  const Object* headers = headers_object(request, arena);
  const Value remote_host = Value::string(arena.copy(request.peer.ip));
  for (Event* event : chunk.events()) {
    event->set(remote_host_, remote_host);
    event->set(headers_, Value::object(copy_object(*headers, arena, CopyStrings::Share)));
  }
}

void RequestFields::apply_ecs(const HttpRequest& request, Chunk& chunk) const {
  Arena& arena = chunk.arena();
  const auto set_text = [&](const FieldRef& field, std::string_view text) {
    if (!text.empty()) set_if_absent(chunk, field, Value::string(keep_text(text, arena)));
  };
  set_text(http_version_, request.version);
  set_text(http_method_, request.method);
  set_text(url_path_, request.target);
  const HostAndPort host = parse_host(request.header("host"));
  set_text(url_domain_, host.host);
  if (host.port != 0) set_if_absent(chunk, url_port_, Value::integer(host.port));
  set_text(user_agent_, request.header("user-agent"));
  set_text(body_bytes_, request.header("content-length"));
  set_text(mime_type_, request.header("content-type"));
}

}  // namespace logboom
