#include "pipeline/event/field_ref.h"

#include <fmt/core.h>

#include <charconv>

namespace logboom {
namespace {

std::int64_t index_of(std::string_view name) {
  if (name.empty() || name.size() > 18) return FieldRef::Step::kNotAnIndex;
  std::int64_t index = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), index);
  return problem == std::errc() && end == name.data() + name.size() ? index : FieldRef::Step::kNotAnIndex;
}

/// Reads "[a][b]" into names; "[[a]][b]" and "[[a][b]]" flatten. Text outside brackets is refused.
class ReferenceReader {
 public:
  explicit ReferenceReader(std::string_view text) : text_(text) {}

  Result<std::vector<std::string_view>> read() {
    std::vector<std::string_view> names;
    if (text_.empty()) return refuse("an empty field reference");
    if (text_.find('[') == std::string_view::npos && text_.find(']') == std::string_view::npos) {
      names.push_back(text_);
      return names;
    }
    while (at_ < text_.size()) {
      if (text_[at_] != '[') return refuse("text outside brackets");
      if (auto part = read_fragment(names, 0); !part) return part.error();
      if (names.size() > kMaxNames) return refuse("too many names");
    }
    return names;
  }

 private:
  static constexpr int kMaxNesting = 64;
  static constexpr std::size_t kMaxNames = 1000;  // a reference made from an event must not nest deeper than JSON may

  Result<void> read_fragment(std::vector<std::string_view>& names, int depth) {
    if (depth > kMaxNesting) return refuse("too many nested brackets");
    ++at_;  // '['
    const std::size_t start = at_;
    bool has_inner = false;
    while (at_ < text_.size()) {
      if (text_[at_] == '[') {
        if (!has_inner && at_ != start) return refuse("a bracket inside a name");
        has_inner = true;
        if (auto inner = read_fragment(names, depth + 1); !inner) return inner.error();
      } else if (text_[at_] == ']') {
        if (!has_inner) {
          if (at_ == start) return refuse("empty brackets");
          names.push_back(text_.substr(start, at_ - start));
        }
        ++at_;
        return {};
      } else {
        if (has_inner) return refuse("text after an inner reference");
        ++at_;
      }
    }
    return refuse("a bracket that is not closed");
  }

  Error refuse(std::string_view what) const {
    return {
        ErrorCode::InvalidArgument,
        fmt::format("\"{}\" is not a field reference: {} at byte {}; write name or [outer][inner]", text_, what, at_ + 1)};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

template <class MakeKey>
Result<FieldRef> FieldRef::parse_with(std::string_view text, MakeKey make_key_of) {
  auto names = ReferenceReader(text).read();
  if (!names) return names.error();
  FieldRef made;
  bool is_first = true;
  for (const std::string_view name : *names) {
    if (is_first && name == "@metadata") {
      made.is_metadata_ = true;
    } else {
      made.steps_.push_back({make_key_of(name), index_of(name)});
    }
    is_first = false;
  }
  return made;
}

Result<FieldRef> FieldRef::parse(std::string_view text) { return parse_with(text, intern_key); }
Result<FieldRef> FieldRef::parse_in(Arena& arena, std::string_view text) { return parse_with(arena.copy(text), make_key); }

FieldRef FieldRef::of_name(std::string_view name) {
  FieldRef made;
  made.steps_.push_back({intern_key(name), Step::kNotAnIndex});
  return made;
}

FieldRef FieldRef::child(std::string_view name) const {
  FieldRef made = *this;
  made.steps_.push_back({intern_key(name), index_of(name)});
  return made;
}

std::string FieldRef::text() const {
  if (!is_metadata_ && steps_.size() == 1) return std::string(steps_[0].key.text());
  std::string out;
  if (is_metadata_) out = "[@metadata]";
  for (const Step& step : steps_) {
    out += '[';
    out += step.key.text();
    out += ']';
  }
  return out;
}

bool FieldRef::operator==(const FieldRef& other) const {
  if (is_metadata_ != other.is_metadata_ || steps_.size() != other.steps_.size()) return false;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (!(steps_[i].key == other.steps_[i].key)) return false;
  return true;
}

const Value* FieldRef::find_deep(const Object& fields, const Object* metadata) const {
  const Object* object = is_metadata_ ? metadata : &fields;
  if (object == nullptr || steps_.empty()) return nullptr;
  const Value* at = object->find(steps_[0].key);
  for (std::size_t i = 1; i < steps_.size() && at != nullptr; ++i) {
    if (at->is_object()) {
      at = at->as_object().find(steps_[i].key);
    } else if (at->is_array() && steps_[i].index != Step::kNotAnIndex) {
      at = array_item(at->as_array(), steps_[i].index);
    } else {
      return nullptr;
    }
  }
  return at;
}

Value* array_item(Array& array, std::int64_t index) {
  if (index < 0) index += array.size();
  if (index < 0 || index >= array.size()) return nullptr;
  return &array[static_cast<std::uint32_t>(index)];
}

}  // namespace logboom
