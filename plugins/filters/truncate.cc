// truncate: cuts strings to a byte limit, never inside a UTF-8 code point (RFC 3629).
// Tested by tests/plugins/filters/truncate_test.cc. Reference page: generated from the declarations below.
#include <cstdint>
#include <utility>
#include <vector>

#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct TruncateOptions {
  std::vector<FieldRef> fields;  // empty: every string of the event
  std::uint64_t length_bytes = 0;
};

OptionTable<TruncateOptions> truncate_options() {
  OptionTable<TruncateOptions> table;
  table.optional("fields", &TruncateOptions::fields, "Fields to cut; every string when not given.");
  table.required("length_bytes", &TruncateOptions::length_bytes, "Longest value kept, in bytes.").at_least(1);
  return table;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

class Truncate {
 public:
  Truncate(TruncateOptions options, const PluginContext&) : options_(std::move(options)) {}

  Verdict apply(Event& event) {
    bool is_changed = false;
    if (options_.fields.empty()) {
      for (ObjectEntry& entry : event.fields()) is_changed |= cut(entry.value);
    }
    for (const FieldRef& field : options_.fields)
      if (Value* value = event.get(field)) is_changed |= cut(*value);
    return is_changed ? Verdict::Pass : Verdict::Unmatched;
  }

 private:
  bool cut_text(Value& value) const {
    const std::string_view text = value.as_string();
    if (text.size() <= options_.length_bytes) return false;
    std::size_t length = options_.length_bytes;
    while (length > 0 && is_continuation(text[length])) --length;
    value = Value::string(text.substr(0, length));
    return true;
  }

  /// Texts, the texts of lists, and the members of objects at any depth.
  bool cut(Value& value) const {
    if (value.is_string()) return cut_text(value);
    bool is_changed = false;
    if (value.is_array()) {
      for (Value& item : value.as_array())
        if (item.is_string()) is_changed |= cut_text(item);
    } else if (value.is_object()) {
      for (ObjectEntry& entry : value.as_object()) is_changed |= cut(entry.value);
    }
    return is_changed;
  }

  TruncateOptions options_;
};

const RegisterFilter registered({
    .name = "truncate",
    .summary = "Cuts strings to a byte limit.",
    .make = make_filter<Truncate, truncate_options>,
    .details =
        R"(The beginning of a text is kept, at most `length_bytes` bytes and only whole characters. Texts in lists are
cut one by one, objects member by member; objects inside lists are left as they are. add_field, add_tag and so on are
done when something was cut.)",
});

}  // namespace
}  // namespace logboom
