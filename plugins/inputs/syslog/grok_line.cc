#include "plugins/inputs/syslog/grok_line.h"

#include <fmt/core.h>

#include <charconv>
#include <utility>

namespace logboom {
namespace {

/// The number that a text begins with, as :int and :float read it; the text itself when it is beyond 64 bits.
template <class Number, class Make>
Value number_prefix(std::string_view text, Make make) {
  Number number{};
  const char* begin = text.data();
  const char* const end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [rest, problem] = std::from_chars(begin, end, number);
  if (problem == std::errc::result_out_of_range) return Value::string(text);
  return make(number);
}

Value typed(std::string_view text, CaptureType type) {
  switch (type) {
    case CaptureType::None: break;
    case CaptureType::Int: return number_prefix<std::int64_t>(text, Value::integer);
    case CaptureType::Float: return number_prefix<double>(text, Value::real);
  }
  return Value::string(text);
}

}  // namespace

std::unique_ptr<const GrokLine> GrokLine::compile(std::string_view pattern, const FieldRef& overwritten,
                                                  const PluginContext& context) {
  const auto& library = PatternLibrary::bundled(context.is_ecs() ? PatternSet::EcsV1 : PatternSet::Legacy);
  auto expression = library.expand(pattern);
  if (!expression) {
    context.error("grok_pattern", fmt::format("grok_pattern: {}", expression.error().message));
    return nullptr;
  }
  auto matcher = Matcher::compile(expression->regex, {.dot_matches_newline = true, .captures_unnamed = false});
  if (!matcher) {
    context.error("grok_pattern", fmt::format("grok_pattern: {}", matcher.error().message));
    return nullptr;
  }
  auto made = std::make_unique<GrokLine>();
  made->matcher_ = std::move(*matcher);
  for (const GrokCapture& capture : expression->captures) {
    auto field = FieldRef::parse(capture.field);
    if (!field) {
      context.error("grok_pattern", fmt::format("grok_pattern: field \"{}\": {}", capture.field, field.error().message));
      return nullptr;
    }
    const bool is_overwriting = *field == overwritten;
    made->captures_.push_back({capture.group, capture.type, is_overwriting, std::move(*field)});
  }
  return made;
}

MatchStatus GrokLine::apply(std::string_view text, MatchScratch& scratch, Event& event) const {
  const MatchStatus status = matcher_->match(text, scratch);
  if (status != MatchStatus::Matched) return status;
  for (const Capture& capture : captures_) {
    const std::string_view captured = scratch.group(capture.group);
    if (captured.empty()) continue;
    const Value value = typed(captured, capture.type);
    const Value* existing = event.get(capture.field);
    if (existing == nullptr || existing->is_null() || capture.is_overwriting) {
      event.set(capture.field, value);
    } else if (existing->is_string() || existing->is_array()) {
      event.append(capture.field, value);
    }
  }
  return status;
}

}  // namespace logboom
