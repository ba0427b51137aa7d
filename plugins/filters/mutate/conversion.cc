#include "plugins/filters/mutate/conversion.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "plugins/filters/mutate/number_text.h"
#include "plugins/filters/mutate/value_words.h"

namespace logboom {
namespace {

constexpr double kInt64Limit = 9223372036854775808.0;  // 2^63

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

/// Blanks around it and commas dropped, in lower case; for the European forms comma and point change places before.
std::string normalised(std::string_view text, bool is_european) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  std::string out;
  for (char c : text) {
    if (is_european && (c == ',' || c == '.')) c = c == ',' ? '.' : ',';
    if (c != ',') out += lower(c);
  }
  return out;
}

Value integer_of_double(double number, Arena& arena) {
  const double whole = std::trunc(number);
  if (whole >= -kInt64Limit && whole < kInt64Limit) return Value::integer(static_cast<std::int64_t>(whole));
  return Value::big_number(arena.copy(fmt::format("{:.0f}", whole)));
}

std::optional<Value> text_to_integer(const std::string& text, Arena& arena) {
  if (!looks_hexadecimal(text)) return decimal_to_integer(text, arena);
  const auto number = hexadecimal_to_double(text);
  if (!number) return std::nullopt;
  if (text.find('.') == std::string::npos) return hexadecimal_to_integer(text, arena);
  return integer_of_double(*number, arena);
}

std::optional<Value> to_integer(const Value& value, bool is_european, Arena& arena) {
  switch (value.kind()) {
    case ValueKind::String: return text_to_integer(normalised(value.as_string(), is_european), arena);
    case ValueKind::Boolean: return Value::integer(value.as_boolean() ? 1 : 0);
    case ValueKind::Integer: return value;
    case ValueKind::Double: return integer_of_double(value.as_double(), arena);
    case ValueKind::BigNumber: return decimal_to_integer(normalised(value.as_string(), false), arena);
    case ValueKind::Timestamp: return Value::integer(value.as_timestamp().seconds);
    default: return std::nullopt;
  }
}

std::optional<double> to_float(const Value& value, bool is_european) {
  switch (value.kind()) {
    case ValueKind::String: {
      const std::string text = normalised(value.as_string(), is_european);
      return looks_hexadecimal(text) ? hexadecimal_to_double(text) : decimal_to_double(text);
    }
    case ValueKind::Boolean: return value.as_boolean() ? 1.0 : 0.0;
    case ValueKind::Integer: return static_cast<double>(value.as_integer());
    case ValueKind::Double: return value.as_double();
    case ValueKind::BigNumber: return decimal_to_double(normalised(value.as_string(), false));
    case ValueKind::Timestamp:
      return static_cast<double>(value.as_timestamp().seconds) + value.as_timestamp().nanoseconds * 1e-9;
    default: return std::nullopt;
  }
}

bool is_one_of(std::string_view line, std::initializer_list<std::string_view> words, char digit) {
  if (line.size() == 3 && line[0] == digit && line[2] == '0') return true;  // the point of Logstash's "1.0" is any character
  if (line.size() == 1 && line[0] == digit) return true;
  for (const std::string_view word : words) {
    if (line.size() != word.size()) continue;
    bool is_same = true;
    for (std::size_t i = 0; i < word.size(); ++i) is_same = is_same && lower(line[i]) == word[i];
    if (is_same) return true;
  }
  return false;
}

/// Whether any line of the text is one of the words: Ruby's ^ and $ stand at every line.
bool has_word_line(std::string_view text, std::initializer_list<std::string_view> words, char digit) {
  for (;;) {
    const std::size_t end = text.find('\n');
    if (is_one_of(text.substr(0, end), words, digit)) return true;
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
}

Value to_boolean(const Value& value) {
  if (value.is_boolean()) return value;
  std::string printed;
  std::string_view text;
  if (value.is_string()) {
    text = value.as_string();
  } else {
    append_words(value, printed);
    text = printed;
  }
  if (has_word_line(text, {"true", "t", "yes", "y"}, '1')) return Value::boolean(true);
  if (text.empty() || has_word_line(text, {"false", "f", "no", "n"}, '0')) return Value::boolean(false);
  return value;
}

bool convert_one(Value& value, ConversionKind kind, Arena& arena) {
  switch (kind) {
    case ConversionKind::String: {
      if (value.is_string()) return true;
      std::string text;
      append_words(value, text);
      value = Value::string(arena.copy(text));
      return true;
    }
    case ConversionKind::Integer:
    case ConversionKind::IntegerEu: {
      const auto made = to_integer(value, kind == ConversionKind::IntegerEu, arena);
      if (made) value = *made;
      return made.has_value();
    }
    case ConversionKind::Float:
    case ConversionKind::FloatEu: {
      const auto made = to_float(value, kind == ConversionKind::FloatEu);
      if (made) value = Value::real(*made);
      return made.has_value();
    }
    case ConversionKind::Boolean: value = to_boolean(value); return true;
  }
  return false;
}

}  // namespace

std::optional<ConversionKind> conversion_named(std::string_view name) {
  if (name == "string") return ConversionKind::String;
  if (name == "integer") return ConversionKind::Integer;
  if (name == "float") return ConversionKind::Float;
  if (name == "boolean") return ConversionKind::Boolean;
  if (name == "integer_eu") return ConversionKind::IntegerEu;
  if (name == "float_eu") return ConversionKind::FloatEu;
  return std::nullopt;
}

bool convert_value(Value& value, ConversionKind kind, Arena& arena) {
  if (value.is_null() || value.is_object()) return true;
  if (!value.is_array()) return convert_one(value, kind, arena);
  Array* made = Array::make(arena, value.as_array().size());
  for (Value item : value.as_array()) {
    if (!item.is_null() && !convert_one(item, kind, arena)) return false;
    made->push(arena, item);
  }
  value = Value::array(made);
  return true;
}

}  // namespace logboom
