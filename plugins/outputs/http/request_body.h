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

    // Defaulted behind the class: clang 14 with libstdc++ 12 cannot do it inside, where the pairs of `items` are incomplete.
    Node();
    Node(const Node& other);
    Node(Node&& other) noexcept;
    Node& operator=(const Node& other);
    Node& operator=(Node&& other) noexcept;
    ~Node();
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

inline RequestBody::Node::Node() = default;
inline RequestBody::Node::Node(const Node& other) = default;
inline RequestBody::Node::Node(Node&& other) noexcept = default;
inline RequestBody::Node& RequestBody::Node::operator=(const Node& other) = default;
inline RequestBody::Node& RequestBody::Node::operator=(Node&& other) noexcept = default;
inline RequestBody::Node::~Node() = default;

}  // namespace logboom
