// Bodies of the http output: one event, or many, in the chosen format.
#pragma once

#include <optional>
#include <string>

#include "pipeline/event/event.h"
#include "pipeline/event/field_template.h"
#include "pipeline/plugin/options.h"

namespace logboom {

enum class BodyFormat { Json, JsonBatch, Form, Message };

/// Immutable. Any thread.
class RequestBody {
 public:
  /// `mapping` empty: the whole event. `message` is for BodyFormat::Message.
  RequestBody(BodyFormat format, const ConfigHash& mapping, const std::optional<FieldTemplate>& message);

  BodyFormat format() const { return format_; }
  /// "application/json", "application/x-www-form-urlencoded", "text/plain".
  std::string_view content_type() const;
  /// Appends one event; JsonBatch gets the item of its array.
  void append(const Event& event, std::string& out) const;

 private:
  /// A value of the mapping: a template, or a list or hash of them.
  struct Node {
    enum class Kind { Text, Number, List, Map };
    Kind kind = Kind::Text;
    FieldTemplate text;
    std::vector<std::pair<FieldTemplate, Node>> items;  // names are empty in a list
  };
  static Node read(const ConfigValue& value);
  static void append_json(const Node& node, const Event& event, std::string& out);
  static void append_entries(const std::vector<std::pair<FieldTemplate, Node>>& entries, const Event& event,
                             std::string& out);
  void append_form(const Event& event, std::string& out) const;

  BodyFormat format_;
  std::vector<std::pair<FieldTemplate, Node>> mapping_;
  FieldTemplate message_;
};

}  // namespace logboom
