// What a command of the logboom binary printed, and its status.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace logboom {

struct CommandAnswer {
  int status;
  std::string out;
  std::string err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

}  // namespace logboom
