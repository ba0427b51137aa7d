#include "plugins/filters/mutate/value_words.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <string_view>

namespace logboom {
namespace {

constexpr int kLargestFixedExponent = 16;  // 1e16 is the first that Ruby writes with an exponent
constexpr int kSmallestFixedExponent = -4;

/// The shortest digits that read back, laid out as Ruby does.
void append_double_words(double value, std::string& out) {
  char text[40];
  const auto [end, problem] = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  std::string_view scientific(text, problem == std::errc() ? static_cast<std::size_t>(end - text) : 0);
  if (!scientific.empty() && scientific.front() == '-') {
    out += '-';
    scientific.remove_prefix(1);
  }
  const std::size_t mark = scientific.find('e');
  if (mark == std::string_view::npos) {
    out += scientific;
    return;
  }
  std::string digits;
  for (const char c : scientific.substr(0, mark))
    if (c != '.') digits += c;
  int exponent = 0;
  std::string_view written = scientific.substr(mark + 1);
  if (!written.empty() && written.front() == '+') written.remove_prefix(1);
  std::from_chars(written.data(), written.data() + written.size(), exponent);
  const int point = exponent + 1;  // digits before the point
  const int count = static_cast<int>(digits.size());
  if (point > 0 && point <= kLargestFixedExponent) {
    if (count <= point) {
      out += digits + std::string(static_cast<std::size_t>(point - count), '0') + ".0";
    } else {
      out += digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
    }
  } else if (point > kSmallestFixedExponent && point <= 0) {
    out += digits == "0" ? "0.0" : "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else {
    out += digits.substr(0, 1) + "." + (count > 1 ? digits.substr(1) : "0");
    fmt::format_to(std::back_inserter(out), "e{}{:02}", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
  }
}

void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      default: out += c;
    }
  }
  out += '"';
}

void append_literal(const Value& value, std::string& out) {
  if (value.is_null()) {
    out += "nil";
  } else if (value.is_string()) {
    append_quoted(value.as_string(), out);
  } else {
    append_words(value, out);
  }
}

}  // namespace

void append_words(const Value& value, std::string& out) {
  switch (value.kind()) {
    case ValueKind::Null: return;
    case ValueKind::Double: append_double_words(value.as_double(), out); return;
    case ValueKind::Array: {
      out += '[';
      bool is_first = true;
      for (const Value& item : value.as_array()) {
        if (!is_first) out += ", ";
        is_first = false;
        append_literal(item, out);
      }
      out += ']';
      return;
    }
    case ValueKind::Object: {
      out += '{';
      bool is_first = true;
      for (const ObjectEntry& entry : value.as_object()) {
        if (!is_first) out += ", ";
        is_first = false;
        append_quoted(entry.key.text(), out);
        out += "=>";
        append_literal(entry.value, out);
      }
      out += '}';
      return;
    }
    default: append_value_text(value, out); return;
  }
}

void append_joined(const Array& list, std::string_view separator, std::string& out) {
  bool is_first = true;
  for (const Value& item : list) {
    if (!is_first) out += separator;
    is_first = false;
    if (item.is_array()) {
      append_joined(item.as_array(), separator, out);
    } else {
      append_words(item, out);
    }
  }
}

}  // namespace logboom
