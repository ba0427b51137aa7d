// FieldTemplate: "%{[a][b]} at %{+YYYY.MM.dd}", parsed once (Logstash calls it sprintf).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/event.h"
#include "pipeline/event/time_printer.h"

namespace logboom {

/// A text with references. Copyable, immutable, any thread.
///   %{field} %{[a][b]}  the field's text form; stays as written when it is missing or null
///   %{+FORMAT}          Joda pattern on @timestamp, UTC;  %{+%s} seconds since 1970
///   %{{FORMAT}}         java.time pattern on @timestamp, UTC;  %{{TIME_NOW}} the wall clock in ISO 8601
/// What is no complete reference is literal text. Without a @timestamp time references give nothing.
class FieldTemplate {
 public:
  FieldTemplate() = default;
  /// Never fails: a time format that cannot be read stays literal.
  static FieldTemplate parse(std::string_view text);

  /// True when every event gives the same text: then text() is it.
  bool is_literal() const { return is_literal_; }
  /// The template as written.
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }

  void append_to(const Event& event, std::string& out) const;
  /// The text for this event, in its arena (or this template's own text when it is literal).
  std::string_view render(const Event& event) const;
  /// True when the template is exactly one field reference; then field() is it.
  bool is_single_field() const { return parts_.size() == 1 && std::holds_alternative<FieldPart>(parts_[0]); }
  const FieldRef& field() const { return std::get<FieldPart>(parts_[0]).field; }

 private:
  struct FieldPart {
    FieldRef field;
    std::string as_written;
  };
  struct EpochPart {};
  struct WallClockPart {};
  using Part = std::variant<std::string, FieldPart, TimePrinter, EpochPart, WallClockPart>;

  static std::vector<Part> parse_parts(std::string_view text);

  std::string text_;
  bool is_literal_ = true;
  std::vector<Part> parts_;
};

}  // namespace logboom
