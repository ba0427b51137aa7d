// A dissect mapping, compiled: which delimiters to look for, and where what lies between them goes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/event.h"

namespace logboom {

/// What cutting one text gave; reused from event to event.
struct DissectedParts {
  std::vector<std::string_view> values;  // one per field of the mapping
};

/// "%{a} %{b->} %{+a/2} %{?c}=%{&c}". Immutable, any thread (each with its own parts).
class DissectMapping {
 public:
  /// Errors: InvalidArgument with what is wrong with the field that it names.
  static Result<DissectMapping> parse(std::string_view text);

  /// An empty mapping does nothing.
  bool empty() const { return fields_.empty(); }
  /// Cuts `source` at the delimiters; false when one is missing. One pass; `parts` then holds views into `source`.
  bool cut(std::string_view source, DissectedParts& parts) const;
  /// Sets the event's fields: plain ones, then appended ones in their order, then indirect ones. False when a name made
  /// from the text is no reference or the event refuses a value; what was set before stays.
  bool store(Event& event, const DissectedParts& parts) const;

 private:
  enum class FieldKind { Skip, Plain, Append, Indirect };
  struct Field {
    FieldKind kind = FieldKind::Skip;
    std::string name;
    std::optional<FieldRef> field;  // what the name refers to, when it is a reference
    bool is_ordinary = false;       // a top-level field that takes any value: `key` is its name
    Key key;
    int order = 0;               // of appended fields
    bool skips_padding = false;  // "->": repeats of the delimiter behind it are passed over
    std::string delimiter_before;
  };

  static Result<Field> read_field(std::string_view text);
  bool store_one(std::size_t index, Event& event, const DissectedParts& parts) const;

  std::vector<Field> fields_;
  std::vector<std::size_t> stored_;  // fields that are set, in the order in which they are
};

}  // namespace logboom
