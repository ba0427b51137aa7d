#include "pipeline/plugin/added_values.h"

#include "pipeline/plugin/options.h"

namespace logboom {

std::vector<FieldTemplate> read_added_values(const ConfigValue& value, Diagnostics& diagnostics) {
  std::vector<FieldTemplate> templates;
  OptionReader reader("add_field", diagnostics);
  const auto add = [&](const ConfigValue& one) {
    using Kind = ConfigValue::Kind;
    if (one.kind != Kind::String && one.kind != Kind::Bareword && one.kind != Kind::Number) {
      reader.refuse(one, "a value must be a string, a number or an array of these",
                    "name the nested field: \"[outer][inner]\" => \"value\"");
      return;
    }
    std::string text;
    if (reader.read(one, text)) templates.push_back(FieldTemplate::parse(text));
  };
  if (value.kind == ConfigValue::Kind::Array) {
    for (const ConfigValue& item : value.items) add(item);
  } else {
    add(value);
  }
  return templates;
}

}  // namespace logboom
