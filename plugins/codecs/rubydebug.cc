// rubydebug: events for people to read, laid out as Logstash prints them.
// Tested by tests/plugins/codecs/rubydebug_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>

#include <algorithm>

#include "pipeline/base/utf8.h"
#include "pipeline/event/json.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct RubydebugOptions {
  bool metadata = false;
};

OptionTable<RubydebugOptions> rubydebug_options() {
  OptionTable<RubydebugOptions> table;
  table.optional("metadata", &RubydebugOptions::metadata, "Shows @metadata too.");
  return table;
}

constexpr std::size_t kIndent = 4;

/// Columns that a text takes, one a code point.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A text as Ruby writes it in source code.
void print_string(std::string_view text, std::string& out) {
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '"': out += "\\\""; continue;
      case '\\': out += "\\\\"; continue;
      case '\n': out += "\\n"; continue;
      case '\r': out += "\\r"; continue;
      case '\t': out += "\\t"; continue;
      case '\a': out += "\\a"; continue;
      case '\b': out += "\\b"; continue;
      case '\v': out += "\\v"; continue;
      case '\f': out += "\\f"; continue;
      case '\x1B': out += "\\e"; continue;
      case '\x7F': out += "\\x7F"; continue;
      default: break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += fmt::format("\\u{:04X}", byte);
    } else if (c == '#' && i + 1 < text.size() && (text[i + 1] == '{' || text[i + 1] == '$' || text[i + 1] == '@')) {
      out += "\\#";
    } else {
      out += c;
    }
  }
  out += '"';
}

class Printer {
 public:
  explicit Printer(std::string& out) : out_(out) {}

  void print(const Value& value, std::size_t indent) {
    switch (value.kind()) {
      case ValueKind::Null: out_ += "nil"; return;
      case ValueKind::String: print_string(value.as_string(), out_); return;
      case ValueKind::Timestamp: append_value_text(value, out_); return;
      case ValueKind::Array: print_array(value.as_array(), indent); return;
      case ValueKind::Object: print_object(value.as_object(), nullptr, indent); return;
      default: write_json(value, out_); return;
    }
  }

  /// `metadata`: one more entry of the event itself, or nullptr.
  void print_object(const Object& object, const Object* metadata, std::size_t indent) {
    if (object.empty() && metadata == nullptr) {
      out_ += "{}";
      return;
    }
    std::size_t widest = metadata == nullptr ? 0 : well_known().metadata.size + 2;
    for (const ObjectEntry& entry : object) {
      name_.clear();
      print_string(entry.key.text(), name_);
      widest = std::max(widest, columns(name_));
    }
    const std::size_t width = indent + kIndent + widest;
    out_ += "{\n";
    bool is_first = true;
    for (const ObjectEntry& entry : object) print_entry(entry.key, entry.value, width, indent, is_first);
    if (metadata != nullptr)
      print_entry(well_known().metadata, Value::object(const_cast<Object*>(metadata)), width, indent, is_first);
    out_ += '\n';
    out_.append(indent, ' ');
    out_ += '}';
  }

 private:
  void print_entry(const Key& key, const Value& value, std::size_t width, std::size_t indent, bool& is_first) {
    if (!is_first) out_ += ",\n";
    is_first = false;
    name_.clear();
    print_string(key.text(), name_);
    out_.append(width - columns(name_), ' ');
    out_ += name_;
    out_ += " => ";
    print(value, indent + kIndent);
  }

  void print_array(const Array& items, std::size_t indent) {
    if (items.empty()) {
      out_ += "[]";
      return;
    }
    const std::size_t width = fmt::formatted_size("{}", items.size() - 1);
    out_ += "[\n";
    for (std::uint32_t i = 0; i < items.size(); ++i) {
      if (i != 0) out_ += ",\n";
      out_.append(indent + kIndent, ' ');
      fmt::format_to(std::back_inserter(out_), "[{:>{}}] ", i, width);
      print(items[i], indent + kIndent);
    }
    out_ += '\n';
    out_.append(indent, ' ');
    out_ += ']';
  }

  std::string& out_;
  std::string name_;
};

class Rubydebug final : public Codec {
 public:
  Rubydebug(const RubydebugOptions& options, const PluginContext&) : shows_metadata_(options.metadata) {}

  bool can_encode() const override { return true; }
  void encode(const Event& event, std::string& out) const override {
    const Object* metadata = shows_metadata_ ? event.metadata_if_any() : nullptr;
    if (metadata != nullptr && metadata->empty()) metadata = nullptr;
    Printer(out).print_object(event.fields(), metadata, 0);
    out += '\n';
  }

 private:
  bool shows_metadata_;
};

const RegisterCodec registered({.name = "rubydebug",
                                .summary = "Events laid out for people.",
                                .make = make_codec<Rubydebug, rubydebug_options>,
                                .details = R"(For outputs only: every field on a line of its own, names aligned, texts
quoted as in Ruby. The only codec that can show `@metadata` (`metadata => true`).)"});

}  // namespace
}  // namespace logboom
