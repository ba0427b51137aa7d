// JSON for people's terminals, the control socket and files of JSON lines.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace logboom {

/// On one line; bytes that are no UTF-8 become U+FFFD.
inline std::string json_line(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace logboom
