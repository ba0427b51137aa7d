#include "pipeline/event/named_field.h"

#include <algorithm>

namespace logboom {
namespace {

bool has_bracket(std::string_view name) {
  return std::any_of(name.begin(), name.end(), [](char c) { return c == '[' || c == ']'; });
}

}  // namespace

bool set_named_field(Event& event, const Key& name, Value value) {
  const WellKnownKeys& known = well_known();
  const bool is_plain =
      !has_bracket(name.text()) && !(name == known.tags) && !(name == known.metadata) && !(name == known.timestamp);
  if (is_plain) {
    event.fields().set(event.arena(), name, value);
    return true;
  }
  const auto field = FieldRef::parse_in(event.arena(), name.text());
  return field && event.set(*field, value);
}

}  // namespace logboom
