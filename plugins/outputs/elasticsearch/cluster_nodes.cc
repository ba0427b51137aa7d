#include "plugins/outputs/elasticsearch/cluster_nodes.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/event/json.h"

namespace logboom {
namespace {

const Value* member(const Value* value, std::string_view name) {
  return value != nullptr && value->is_object() ? value->as_object().find(make_key(name)) : nullptr;
}

bool is_master_only(const Value& node) {
  const Value* roles = member(&node, "roles");
  if (roles == nullptr || !roles->is_array() || roles->as_array().empty()) return false;
  return std::all_of(roles->as_array().begin(), roles->as_array().end(), [](const Value& role) {
    return role.is_string() && (role.as_string() == "master" || role.as_string() == "cluster_manager");
  });
}

}  // namespace

Result<std::vector<std::string>> servers_of_nodes_answer(std::string_view json, std::string_view scheme,
                                                         std::string_view path) {
  Arena arena;
  JsonReader reader;
  const auto parsed = reader.parse_unpadded(json, arena);
  const Value* nodes = parsed ? member(&*parsed, "nodes") : nullptr;
  if (nodes == nullptr || !nodes->is_object()) return Error{ErrorCode::Corrupt, "the answer is no list of nodes"};
  std::vector<std::string> urls;
  for (const ObjectEntry& node : nodes->as_object()) {
    const Value* address = member(member(&node.value, "http"), "publish_address");
    if (address == nullptr || !address->is_string() || is_master_only(node.value)) continue;
    std::string_view text = address->as_string();  // "127.0.0.1:9200" or "name/127.0.0.1:9200"
    if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
      const std::string_view name = text.substr(0, slash);
      const std::string_view port = text.substr(text.rfind(':') + 1);
      urls.push_back(fmt::format("{}://{}:{}{}", scheme, name, port, path));
    } else {
      urls.push_back(fmt::format("{}://{}{}", scheme, text, path));
    }
  }
  return urls;
}

}  // namespace logboom
