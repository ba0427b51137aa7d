#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "pipeline/event/json.h"

namespace logboom {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

/// True when one of eight bytes needs an escape: a control character, a quote or a backslash.
bool has_special(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return ((((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | below_space) & kHighs) != 0;
}

bool is_special(unsigned char byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

void append_escape(unsigned char byte, std::string& out) {
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    default: {
      const char text[] = {'\\', 'u', '0', '0', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
      out.append(text, sizeof text);
    }
  }
}

void append_integer(std::int64_t value, std::string& out) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

}  // namespace

void write_json_string(std::string_view text, std::string& out) {
  out += '"';
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* copied = at;
  while (at < end) {
    if (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      if (!has_special(word)) {
        at += 8;
        continue;
      }
    }
    const char* const stop = end - at >= 8 ? at + 8 : end;
    for (; at < stop; ++at) {
      if (!is_special(static_cast<unsigned char>(*at))) continue;
      out.append(copied, at);
      append_escape(static_cast<unsigned char>(*at), out);
      copied = at + 1;
    }
  }
  out.append(copied, end);
  out += '"';
}

void append_double(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";  // JSON has no other word for it
    return;
  }
  const std::size_t start = out.size();
  fmt::format_to(std::back_inserter(out), "{}", value);
  if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
}

void write_json(const Object& object, std::string& out) {
  out += '{';
  bool is_first = true;
  for (const ObjectEntry& entry : object) {
    if (!is_first) out += ',';
    is_first = false;
    write_json_string(entry.key.text(), out);
    out += ':';
    write_json(entry.value, out);
  }
  out += '}';
}

void write_json(const Value& value, std::string& out) {
  switch (value.kind()) {
    case ValueKind::Null: out += "null"; return;
    case ValueKind::Boolean: out += value.as_boolean() ? "true" : "false"; return;
    case ValueKind::Integer: append_integer(value.as_integer(), out); return;
    case ValueKind::Double: append_double(value.as_double(), out); return;
    case ValueKind::BigNumber: out += value.as_string(); return;
    case ValueKind::String: write_json_string(value.as_string(), out); return;
    case ValueKind::Timestamp: {
      char text[kMaxIso8601Bytes + 2];
      text[0] = '"';
      char* end = format_iso8601(value.as_timestamp(), text + 1);
      *end++ = '"';
      out.append(text, end);
      return;
    }
    case ValueKind::Array: {
      out += '[';
      bool is_first = true;
      for (const Value& item : value.as_array()) {
        if (!is_first) out += ',';
        is_first = false;
        write_json(item, out);
      }
      out += ']';
      return;
    }
    case ValueKind::Object: write_json(value.as_object(), out); return;
  }
}

void write_json_pretty(const Value& value, std::string& out, int indent) {
  const auto new_line = [&out](int depth) {
    out += '\n';
    out.append(static_cast<std::size_t>(depth) * 2, ' ');
  };
  if (value.is_array() && !value.as_array().empty()) {
    out += '[';
    bool is_first = true;
    for (const Value& item : value.as_array()) {
      if (!is_first) out += ',';
      is_first = false;
      new_line(indent + 1);
      write_json_pretty(item, out, indent + 1);
    }
    new_line(indent);
    out += ']';
  } else if (value.is_object() && !value.as_object().empty()) {
    out += '{';
    bool is_first = true;
    for (const ObjectEntry& entry : value.as_object()) {
      if (!is_first) out += ',';
      is_first = false;
      new_line(indent + 1);
      write_json_string(entry.key.text(), out);
      out += ": ";
      write_json_pretty(entry.value, out, indent + 1);
    }
    new_line(indent);
    out += '}';
  } else {
    write_json(value, out);
  }
}

}  // namespace logboom
