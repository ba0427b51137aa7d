// What a configuration says, in no language in particular: front ends make a Graph, the compiler turns it into a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/config/source_text.h"

namespace logboom {

struct PluginNode;

/// The value of a plugin option as written, ${…} already resolved.
struct ConfigValue {
  enum class Kind { Bareword, String, Number, Array, Hash, Plugin };
  Kind kind = Kind::String;
  SourceSpan span;
  std::string text;         // Bareword, String: the text. Number: as written ("010", "1.50").
  bool is_integer = false;  // Number: which of the next two holds it
  std::int64_t integer = 0;
  double real = 0;
  std::vector<ConfigValue> items;                            // Array
  std::vector<std::pair<ConfigValue, ConfigValue>> entries;  // Hash, in order; keys are String, Bareword or Number
  std::shared_ptr<PluginNode> plugin;                        // Plugin: a codec with its options

  // Defaulted behind the class: clang 14 with libstdc++ 12 cannot do it inside, where the pairs of `entries` are incomplete.
  ConfigValue();
  ConfigValue(const ConfigValue& other);
  ConfigValue(ConfigValue&& other) noexcept;
  ConfigValue& operator=(const ConfigValue& other);
  ConfigValue& operator=(ConfigValue&& other) noexcept;
  ~ConfigValue();
};

inline ConfigValue::ConfigValue() = default;
inline ConfigValue::ConfigValue(const ConfigValue& other) = default;
inline ConfigValue::ConfigValue(ConfigValue&& other) noexcept = default;
inline ConfigValue& ConfigValue::operator=(const ConfigValue& other) = default;
inline ConfigValue& ConfigValue::operator=(ConfigValue&& other) noexcept = default;
inline ConfigValue::~ConfigValue() = default;

struct Attribute {
  std::string name;
  SourceSpan name_span;
  ConfigValue value;
};

enum class PluginKind { Input, Codec, Filter, Output };

/// "input", "codec", "filter", "output".
constexpr std::string_view plugin_kind_name(PluginKind kind) {
  switch (kind) {
    case PluginKind::Input: return "input";
    case PluginKind::Codec: return "codec";
    case PluginKind::Filter: return "filter";
    case PluginKind::Output: return "output";
  }
  return "plugin";
}

/// `name { attribute => value … }`. A repeated attribute has been merged as the front end's language says.
struct PluginNode {
  PluginKind kind = PluginKind::Filter;
  std::string name;
  SourceSpan name_span;
  SourceSpan span;                    // the whole plugin, for ids made from content
  std::vector<Attribute> attributes;  // unique names, in order of first appearance

  /// The attribute of this name or nullptr.
  const Attribute* find(std::string_view attribute_name) const {
    for (const auto& attribute : attributes)
      if (attribute.name == attribute_name) return &attribute;
    return nullptr;
  }
};

/// One side of a comparison.
struct Operand {
  enum class Kind { String, Number, Field, Array, Regex };
  Kind kind = Kind::String;
  SourceSpan span;
  std::string
      text;  // String: the text. Field: the reference as written ("[a][b]"). Regex: the expression between the slashes.
  bool is_integer = false;
  std::int64_t integer = 0;
  double real = 0;
  std::vector<Operand> items;  // Array
};

/// A condition as it is evaluated, grouping already decided.
struct ConditionNode {
  enum class Kind {
    And,
    Or,
    Xor,
    Nand,  // children[0], children[1]; And and Or short-circuit
    Not,   // children[0]
    Equal,
    NotEqual,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,  // operands[0], operands[1]
    In,
    NotIn,  // operands[0] in operands[1]
    RegexMatch,
    RegexNoMatch,  // operands[1] is a Regex (or a String read as one)
    Truthy,        // operands[0]: a Field, or a String after ${…}
  };
  Kind kind = Kind::Truthy;
  SourceSpan span;
  std::vector<ConditionNode> children;
  std::vector<Operand> operands;
};

struct Statement;

struct Branch {
  ConditionNode condition;
  std::vector<Statement> body;
};

/// if / else if / else. Branches are tried in order.
struct IfNode {
  std::vector<Branch> branches;
  std::vector<Statement> otherwise;  // the else body; empty when there is none
};

struct Statement {
  std::variant<PluginNode, IfNode> node;
};

/// A named chain that events can be routed to (`label "@NAME" { filter { … } output { … } }`).
struct LabelNode {
  std::string name;
  SourceSpan name_span;
  std::vector<Statement> filters;
  std::vector<Statement> outputs;
};

/// A whole pipeline: sections of all its files joined in order.
struct Graph {
  std::vector<std::shared_ptr<const SourceText>> sources;  // keeps every span valid
  std::vector<PluginNode> inputs;
  std::vector<Statement> filters;
  std::vector<Statement> outputs;
  std::vector<LabelNode> labels;
};

}  // namespace logboom
