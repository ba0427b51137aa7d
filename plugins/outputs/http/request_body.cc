#include "plugins/outputs/http/request_body.h"

#include "pipeline/event/json.h"
#include "pipeline/net/http_client.h"

namespace logboom {

RequestBody::RequestBody(BodyFormat format, const ConfigHash& mapping, const std::optional<FieldTemplate>& message)
    : format_(format), message_(message.value_or(FieldTemplate())) {
  for (const auto& [name, value] : mapping) mapping_.emplace_back(FieldTemplate::parse(name.text), read(value));
}

RequestBody::Node RequestBody::read(const ConfigValue& value) {
  Node node;
  switch (value.kind) {
    case ConfigValue::Kind::Array:
      node.kind = Node::Kind::List;
      for (const ConfigValue& item : value.items) node.items.emplace_back(FieldTemplate(), read(item));
      break;
    case ConfigValue::Kind::Hash:
      node.kind = Node::Kind::Map;
      for (const auto& [name, item] : value.entries) node.items.emplace_back(FieldTemplate::parse(name.text), read(item));
      break;
    case ConfigValue::Kind::Number:
      node.kind = Node::Kind::Number;
      if (value.is_integer) {
        node.text = FieldTemplate::parse(std::to_string(value.integer));
      } else {
        std::string digits;
        append_double(value.real, digits);
        node.text = FieldTemplate::parse(digits);
      }
      break;
    default: node.text = FieldTemplate::parse(value.text);
  }
  return node;
}

std::string_view RequestBody::content_type() const {
  switch (format_) {
    case BodyFormat::Form: return "application/x-www-form-urlencoded";
    case BodyFormat::Message: return "text/plain";
    default: return "application/json";
  }
}

void RequestBody::append(const Event& event, std::string& out) const {
  switch (format_) {
    case BodyFormat::Message: message_.append_to(event, out); break;
    case BodyFormat::Form: append_form(event, out); break;
    default:
      if (mapping_.empty()) {
        write_json(event.fields(), out);
      } else {
        append_entries(mapping_, event, out);
      }
  }
}

void RequestBody::append_entries(const std::vector<std::pair<FieldTemplate, Node>>& entries, const Event& event,
                                 std::string& out) {
  char separator = '{';
  for (const auto& [name, node] : entries) {
    out += separator;
    separator = ',';
    std::string text;
    name.append_to(event, text);
    write_json_string(text, out);
    out += ':';
    append_json(node, event, out);
  }
  if (entries.empty()) out += '{';
  out += '}';
}

void RequestBody::append_json(const Node& node, const Event& event, std::string& out) {
  if (node.kind == Node::Kind::Map) {
    append_entries(node.items, event, out);
  } else if (node.kind == Node::Kind::List) {
    out += '[';
    for (const auto& [unused, item] : node.items) {
      if (out.back() != '[') out += ',';
      append_json(item, event, out);
    }
    out += ']';
  } else if (node.kind == Node::Kind::Number) {
    out += node.text.text();
  } else {
    std::string text;
    node.text.append_to(event, text);
    write_json_string(text, out);
  }
}

void RequestBody::append_form(const Event& event, std::string& out) const {
  const std::size_t begin = out.size();
  const auto add = [&](std::string_view name, std::string_view value) {
    if (out.size() != begin) out += '&';
    out += percent_encoded(name) + "=" + percent_encoded(value);
  };
  if (mapping_.empty()) {
    for (const ObjectEntry& entry : event.fields()) {
      std::string text;
      append_value_text(entry.value, text);
      add(entry.key.text(), text);
    }
    return;
  }
  for (const auto& [name, node] : mapping_) {
    std::string key;
    std::string text;
    name.append_to(event, key);
    if (node.kind == Node::Kind::Text || node.kind == Node::Kind::Number) {
      node.text.append_to(event, text);
    } else {
      append_json(node, event, text);
    }
    add(key, text);
  }
}

}  // namespace logboom
