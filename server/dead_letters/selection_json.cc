#include "server/dead_letters/selection_json.h"

#include <nlohmann/json.hpp>

#include "pipeline/event/timestamp.h"

namespace logboom {

nlohmann::json to_json(const EntrySelection& selection) {
  const EntrySelection everything;
  nlohmann::json json = nlohmann::json::object();
  if (selection.first != everything.first) json["first"] = selection.first;
  if (selection.last != everything.last) json["last"] = selection.last;
  if (selection.since) json["since"] = to_iso8601(*selection.since);
  if (selection.until) json["until"] = to_iso8601(*selection.until);
  if (!selection.plugin.empty()) json["plugin"] = selection.plugin;
  if (!selection.group.empty()) json["group"] = selection.group;
  return json;
}

nlohmann::json to_json(const Replay::Counts& counts) {
  return {{"sent", counts.sent},
          {"delivered", counts.delivered},
          {"not_delivered", counts.not_delivered},
          {"under_way", counts.sent - counts.delivered - counts.not_delivered},
          {"left_for_too_many_replays", counts.left},
          {"in_another_replay", counts.busy},
          {"is_over", counts.is_over}};
}

Result<EntrySelection> selection_from_json(const nlohmann::json& json) {
  EntrySelection selection;
  const auto wrong = [](const std::string& name) {
    return Error{ErrorCode::InvalidArgument, "the selection's \"" + name + "\" cannot be read"};
  };
  if (json.is_null()) return selection;
  if (!json.is_object()) return Error{ErrorCode::InvalidArgument, "a selection is a JSON object"};
  for (const auto& [name, value] : json.items()) {
    if (name == "first" || name == "last") {
      if (!value.is_number_unsigned()) return wrong(name);
      (name == "first" ? selection.first : selection.last) = value.get<std::uint64_t>();
    } else if (name == "since" || name == "until") {
      const auto time = value.is_string() ? parse_iso8601(value.get<std::string>()) : std::nullopt;
      if (!time) return wrong(name);
      (name == "since" ? selection.since : selection.until) = time;
    } else if (name == "plugin" || name == "group") {
      if (!value.is_string()) return wrong(name);
      (name == "plugin" ? selection.plugin : selection.group) = value.get<std::string>();
    } else {
      return wrong(name);
    }
  }
  return selection;
}

}  // namespace logboom
