// WantedValue: what a test says about one value of an event, from its YAML.
#pragma once

#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace logboom {

enum class Extent {
  Whole,   // an object has the fields that are named and no others
  Subset,  // other fields may be there, at every depth
};

/// One way in which an event is not what the test wants.
struct Difference {
  std::string field;  // "[http][status]"
  std::string text;   // "want 200, got \"200\""
};

/// Compares `got` (nullptr: the field is not there) with a wanted value: a YAML value, whose mapping keys may be field
/// references, or one of the tags !any, !absent, !type, !regex, !approx, !contains, !unordered. Adds what differs.
void compare_value(const YAML::Node& wanted, const nlohmann::json* got, const std::string& field, Extent extent,
                   std::vector<Difference>& differences);

/// The value at a field reference, or nullptr.
const nlohmann::json* value_at(const nlohmann::json& event, const std::string& reference);

/// A YAML value as JSON: plain scalars are numbers, true, false and null where they look like it, quoted ones are texts.
nlohmann::json json_of_yaml(const YAML::Node& node);

/// What is wrong with a wanted value itself (an unknown tag, a type or expression that cannot be read); empty when all is
/// well.
std::string check_wanted(const YAML::Node& wanted);

}  // namespace logboom
