// FieldRef: "[a][b]", "name", "[list][0]", "[@metadata][x]", parsed once.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/value.h"

namespace logboom {

/// A parsed field reference. Copyable, immutable, any thread.
class FieldRef {
 public:
  struct Step {
    static constexpr std::int64_t kNotAnIndex = std::numeric_limits<std::int64_t>::min();
    Key key;
    std::int64_t index = kNotAnIndex;  // what the key says as a number, for arrays
  };

  /// Refers to nothing: find() gives nullptr.
  FieldRef() = default;

  /// Parses the text of a reference from the configuration; its names are interned. Composite forms such as "[[a]][b]"
  /// are flattened. Errors: InvalidArgument with what is wrong and where ("unbalanced bracket at byte 4").
  static Result<FieldRef> parse(std::string_view text);
  /// The same for a text that was made from an event ("%{name}_total"): the names are copied to `arena` and the reference
  /// must not outlive it.
  static Result<FieldRef> parse_in(Arena& arena, std::string_view text);
  /// One top-level name, taken as it is, brackets and all.
  static FieldRef of_name(std::string_view name);

  /// The value or nullptr. `metadata` may be nullptr. "[@metadata]" alone is not a value: see refers_to_metadata_root().
  const Value* find(const Object& fields, const Object* metadata) const {
    if (steps_.size() == 1 && !is_metadata_) return fields.find(steps_[0].key);
    return find_deep(fields, metadata);
  }

  bool empty() const { return steps_.empty() && !is_metadata_; }
  bool is_metadata() const { return is_metadata_; }
  bool refers_to_metadata_root() const { return is_metadata_ && steps_.empty(); }
  /// Steps below the fields, or below [@metadata].
  const std::vector<Step>& steps() const { return steps_; }
  /// A reference to a field below this one.
  FieldRef child(std::string_view name) const;
  /// "[a][b]", or the bare name for a single step.
  std::string text() const;

  bool operator==(const FieldRef& other) const;

 private:
  template <class MakeKey>
  static Result<FieldRef> parse_with(std::string_view text, MakeKey make_key_of);
  const Value* find_deep(const Object& fields, const Object* metadata) const;

  std::vector<Step> steps_;
  bool is_metadata_ = false;
};

/// The item that a step names in an array, counting from the end when negative; nullptr past either end.
Value* array_item(Array& array, std::int64_t index);

}  // namespace logboom
