// split: makes one event of each line of a text or each item of a list.
// Tested by tests/plugins/filters/split_test.cc. Reference page: generated from the declarations below.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/utf8.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

// Values that the events made of one event may hold together: every one of them is a whole copy, so that a short message
// with a long list could otherwise ask for any amount of memory.
constexpr std::uint64_t kLargestCopy = 20'000'000;

struct SplitOptions {
  FieldRef field = FieldRef::of_name("message");
  std::string terminator = "\n";
  std::optional<FieldRef> target;
};

OptionTable<SplitOptions> split_options() {
  OptionTable<SplitOptions> table;
  table.optional("field", &SplitOptions::field, "The field to split: a text or a list.");
  table.optional("terminator", &SplitOptions::terminator, "What stands between the pieces of a text.");
  table.optional("target", &SplitOptions::target, "Where a piece goes; the split field itself when not given.");
  return table;
}

std::uint64_t count_values(const Value& value) {
  std::uint64_t count = 1;
  if (value.is_array()) {
    for (const Value& item : value.as_array()) count += count_values(item);
  } else if (value.is_object()) {
    for (const ObjectEntry& entry : value.as_object()) count += count_values(entry.value);
  }
  return count;
}

std::uint64_t count_values(const Event& event) {
  std::uint64_t count = 1;
  for (const ObjectEntry& entry : event.fields()) count += count_values(entry.value);
  if (const Object* metadata = event.metadata_if_any())
    for (const ObjectEntry& entry : *metadata) count += count_values(entry.value);
  return count;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class Split {
 public:
  Split(SplitOptions options, const PluginContext& context)
      : options_(std::move(options)), failures_(&context.metrics().counter("failures")) {}

  Verdict apply(Event& event, NewEvents& made) {
    Value* source = event.get(options_.field);
    if (source == nullptr || (!source->is_string() && !source->is_array())) return fail(event);
    pieces_.clear();
    if (source->is_string()) {
      cut(source->as_string());
      if (pieces_.size() == 1) return Verdict::Unmatched;
    } else {
      for (const Value& item : source->as_array()) pieces_.push_back(item);
    }
    const Value whole = *source;
    if (!options_.target) *source = Value::null();  // not copied into every piece
    if (pieces_.size() * count_values(event) > kLargestCopy) {
      *source = whole;
      return fail(event);
    }
    const FieldRef& target = options_.target ? *options_.target : options_.field;
    for (const Value& piece : pieces_) {
      if (piece.is_null() || (piece.is_string() && piece.as_string().empty())) continue;
      Event& child = made.clone(event);
      if (child.set(target, piece)) {
        made.decorate(child);
      } else {
        fail(child);
      }
    }
    return Verdict::Drop;
  }

 private:
  Verdict fail(Event& event) const {
    failures_->add();
    event.add_failure_tag("_split_type_failure");
    return Verdict::Unmatched;
  }

  /// All pieces, empty ones too. A single blank stands for any run of blanks, no terminator for every character.
  void cut(std::string_view text) {
    if (text.empty()) return;
    if (options_.terminator == " ") return cut_at_blanks(text);
    if (options_.terminator.empty()) return cut_characters(text);
    for (;;) {
      const std::size_t end = text.find(options_.terminator);
      pieces_.push_back(Value::string(text.substr(0, end)));
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + options_.terminator.size());
    }
  }

  void cut_at_blanks(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && is_space(text[at])) ++at;
    for (;;) {
      const std::size_t start = at;
      while (at < text.size() && !is_space(text[at])) ++at;
      pieces_.push_back(Value::string(text.substr(start, at - start)));
      if (at == text.size()) return;
      while (at < text.size() && is_space(text[at])) ++at;
    }
  }

  void cut_characters(std::string_view text) {
    while (!text.empty()) {
      const std::size_t length = std::max<std::size_t>(utf8_sequence_length(text), 1);
      pieces_.push_back(Value::string(text.substr(0, length)));
      text.remove_prefix(length);
    }
    pieces_.push_back(Value::string(text));
  }

  SplitOptions options_;
  Counter* failures_;
  std::vector<Value> pieces_;
};

const RegisterFilter registered({
    .name = "split",
    .summary = "Makes one event of each line of a text or each item of a list.",
    .make = make_filter<Split, split_options>,
    .details =
        R"(Each piece becomes a copy of the event with the piece in `field` (or `target`); the original ends here. The
new events follow in order and get add_field, add_tag and so on. Empty pieces and nulls make no event, so an empty
list or text leaves nothing. A text without the terminator passes as it is.

An event whose field is missing or neither text nor list is tagged `_split_type_failure`, and so is one whose copies
would hold more than 20 million values together.)",
});

}  // namespace
}  // namespace logboom
