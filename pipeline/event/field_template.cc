#include "pipeline/event/field_template.h"

#include <fmt/format.h>

#include "pipeline/base/clock.h"
#include "pipeline/event/json.h"

namespace logboom {

FieldTemplate FieldTemplate::parse(std::string_view text) {
  FieldTemplate made;
  made.text_ = text;
  made.parts_ = parse_parts(text);
  made.is_literal_ = made.parts_.empty() || (made.parts_.size() == 1 && std::holds_alternative<std::string>(made.parts_[0]));
  return made;
}

std::vector<FieldTemplate::Part> FieldTemplate::parse_parts(std::string_view text) {
  std::vector<Part> parts;
  std::string literal;
  const auto flush_literal = [&] {
    if (!literal.empty()) parts.emplace_back(std::move(literal));
    literal.clear();
  };
  while (!text.empty()) {
    const std::size_t open = text.find("%{");
    if (open == std::string_view::npos) break;
    literal += text.substr(0, open);
    text.remove_prefix(open);
    const bool is_java = text.substr(0, 3) == "%{{";
    const std::size_t close = is_java ? text.find("}}") : text.find('}');
    if (close == std::string_view::npos) break;
    const std::string_view written = text.substr(0, close + (is_java ? 2 : 1));
    const std::string_view inside = is_java ? text.substr(3, close - 3) : text.substr(2, close - 2);
    text.remove_prefix(written.size());
    if (is_java) {
      if (inside == "TIME_NOW") {
        flush_literal();
        parts.emplace_back(WallClockPart{});
        continue;
      }
      if (auto printer = TimePrinter::java(inside)) {
        flush_literal();
        parts.emplace_back(std::move(*printer));
        continue;
      }
    } else if (!inside.empty() && inside[0] == '+') {
      if (inside == "+%s") {
        flush_literal();
        parts.emplace_back(EpochPart{});
        continue;
      }
      if (auto printer = TimePrinter::joda(inside.substr(1))) {
        flush_literal();
        parts.emplace_back(std::move(*printer));
        continue;
      }
    } else if (auto field = FieldRef::parse(inside)) {
      flush_literal();
      parts.emplace_back(FieldPart{std::move(*field), std::string(written)});
      continue;
    }
    literal += written;
  }
  literal += text;
  flush_literal();
  return parts;
}

void FieldTemplate::append_to(const Event& event, std::string& out) const {
  for (const Part& part : parts_) {
    if (const auto* literal = std::get_if<std::string>(&part)) {
      out += *literal;
    } else if (const auto* field = std::get_if<FieldPart>(&part)) {
      const Value* value = event.get(field->field);
      if (value != nullptr && !value->is_null()) {
        append_value_text(*value, out);
      } else if (field->field.refers_to_metadata_root() && event.metadata_if_any() != nullptr) {
        write_json(*event.metadata_if_any(), out);
      } else {
        out += field->as_written;
      }
    } else if (const auto* printer = std::get_if<TimePrinter>(&part)) {
      if (const auto time = event.timestamp()) printer->append(*time, out);
    } else if (std::holds_alternative<EpochPart>(part)) {
      if (const auto time = event.timestamp()) out += fmt::format_int(time->seconds).c_str();
    } else {
      char text[kMaxIso8601Bytes];
      out.append(text, format_iso8601(Timestamp::now(system_clock()), text));
    }
  }
}

std::string_view FieldTemplate::render(const Event& event) const {
  if (is_literal_) return text_;
  if (is_single_field()) {
    const Value* value = event.get(field());
    if (value != nullptr && value->is_string()) return value->as_string();
  }
  static thread_local std::string scratch;
  scratch.clear();
  append_to(event, scratch);
  return event.arena().copy(scratch);
}

}  // namespace logboom
