#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "pipeline/event/json.h"
#include "pipeline/event/json_block.h"

namespace logboom {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::size_t kScalarBytes = 48;  // room for any number, timestamp or punctuation

/// The letter behind the backslash, 'u' for \u00XX, 0 for bytes that stand for themselves.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (int control = 0; control < 0x20; ++control) escapes[control] = 'u';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  return escapes;
}();

/// Copies a block and says which of its bytes need an escape, the first in the lowest bit.
inline std::uint32_t copy_block(const char* from, char* to) {
  const JsonBlock block = load_beyond_text(from);
  store_json_block(to, block);
  return marked_bytes(block);
}

/// Writes behind the end of a string through bare pointers; finish() cuts the string to what was written. The place to write
/// at goes from call to call and not through memory: it is what the processor waits for.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out), used_(out.size()) {
    out_.resize(used_ + kFirstBytes);  // resize() writes zeros: no more than an event is likely to need
    end_ = out_.data() + out_.size();
  }
  char* start() { return out_.data() + used_; }
  void finish(const char* to) { out_.resize(static_cast<std::size_t>(to - out_.data())); }

  char* put_string(std::string_view text, char* to) {
    return put_string_in_room(text, need(to, text.size() + kStringExtra));
  }

  char* put_value(const Value& value, char* to) {
    switch (value.kind()) {
      case ValueKind::Null: return put_word("null", to);
      case ValueKind::Boolean: return put_word(value.as_boolean() ? "true" : "false", to);
      case ValueKind::Integer: to = need(to, kScalarBytes); return std::to_chars(to, end_, value.as_integer()).ptr;
      case ValueKind::Double:
        return std::isfinite(value.as_double()) ? put_double(value.as_double(), to)
                                                : put_word("null", to);  // JSON has no other word for it
      case ValueKind::BigNumber: return put_word(value.as_string(), to);
      case ValueKind::String: return put_string(value.as_string(), to);
      case ValueKind::Timestamp:
        to = need(to, kScalarBytes);
        *to++ = '"';
        to = format_iso8601(value.as_timestamp(), to);
        *to++ = '"';
        return to;
      case ValueKind::Array: return put_array(value.as_array(), to);
      case ValueKind::Object: return put_object(value.as_object(), to);
    }
    return to;
  }

  char* put_object(const Object& object, char* to) {
    if (object.empty()) return put_word("{}", to);
    const std::ptrdiff_t opening = to - out_.data();  // takes the place of the first name's comma
    for (const ObjectEntry& entry : object) {
      const bool is_text = entry.value.is_string();
      const std::size_t more = is_text ? entry.value.as_string().size() + kStringExtra : 0;
      to = put_key(entry.key, more, to);
      to = is_text ? put_string_in_room(entry.value.as_string(), to) : put_value(entry.value, to);
    }
    out_[static_cast<std::size_t>(opening)] = '{';
    to = need(to, 1);
    *to++ = '}';
    return to;
  }

 private:
  static constexpr std::size_t kFirstBytes = 512;
  static constexpr std::size_t kStringExtra = kJsonBlockBytes + 2;  // quotes, and the last block is written whole

  [[gnu::always_inline]] char* need(char* to, std::size_t bytes) {
    return static_cast<std::size_t>(end_ - to) < bytes ? grow(to, bytes) : to;
  }
  [[gnu::noinline]] char* grow(const char* to, std::size_t bytes) {
    const auto used = static_cast<std::size_t>(to - out_.data());
    out_.resize(used + bytes + kFirstBytes);
    end_ = out_.data() + out_.size();
    return out_.data() + used;
  }
  char* put_word(std::string_view text, char* to) {
    to = need(to, text.size());
    std::memcpy(to, text.data(), text.size());
    return to + text.size();
  }
  char* put_double(double value, char* to) {
    to = need(to, kScalarBytes);
    char* const start = to;
    to = std::to_chars(to, end_, value).ptr;
    if (std::string_view(start, static_cast<std::size_t>(to - start)).find_first_of(".e") == std::string_view::npos) {
      *to++ = '.';
      *to++ = '0';
    }
    return to;
  }
  char* put_array(const Array& items, char* to) {
    to = need(to, 1);
    *to++ = '[';
    bool is_first = true;
    for (const Value& item : items) {
      if (!is_first) {
        to = need(to, 1);
        *to++ = ',';
      }
      is_first = false;
      to = put_value(item, to);
    }
    to = need(to, 1);
    *to++ = ']';
    return to;
  }

  /// `,"name":`, and room for `more` bytes behind it.
  [[gnu::always_inline]] char* put_key(const Key& key, std::size_t more, char* to) {
    constexpr std::size_t kBlock = InternedNames::kKeyBlockBytes;
    if (const char* form = json_form_of(key)) [[likely]] {
      const std::size_t size = key.size + 4;
      to = need(to, size + kBlock + more);
      std::memcpy(to, form, kBlock);
      for (std::size_t i = kBlock; i < size; i += kBlock) std::memcpy(to + i, form + i, kBlock);
      return to + size;
    }
    to = need(to, key.size + kStringExtra + 2 + more);
    *to++ = ',';
    to = put_string_in_room(key.text(), to);
    to = need(to, 1 + more);  // escapes took some
    *to++ = ':';
    return to;
  }

  /// There is room for the text and kStringExtra.
  [[gnu::always_inline]] char* put_string_in_room(std::string_view text, char* to) {
    if (text.size() - 1 < kJsonBlockBytes && json_block_stays_in_page(text.data())) [[likely]] {  // and not empty
      const std::uint32_t found = copy_block(text.data(), to + 1) & ((1U << text.size()) - 1);
      if (found == 0) [[likely]] {
        *to = '"';
        to[text.size() + 1] = '"';
        return to + text.size() + 2;
      }
    }
    return put_any_string(text, to);
  }
  [[gnu::noinline]] char* put_any_string(std::string_view text, char* to) {
    const char* from = text.data();
    const char* const end = from + text.size();
    *to++ = '"';
    while (end - from > static_cast<std::ptrdiff_t>(kJsonBlockBytes)) {
      const std::uint32_t found = copy_block(from, to);
      if (found == 0) {
        from += kJsonBlockBytes;
        to += kJsonBlockBytes;
      } else {
        to = put_escape(from, to, found, end);
      }
    }
    while (from < end) {
      const auto left = static_cast<std::size_t>(end - from);
      const std::uint32_t found =
          (json_block_stays_in_page(from) ? copy_block(from, to) : copy_last(from, left, to)) & ((1U << left) - 1);
      if (found == 0) {
        to += left;
        break;
      }
      to = put_escape(from, to, found, end);
    }
    *to++ = '"';
    return to;
  }
  [[gnu::noinline]] static std::uint32_t copy_last(const char* from, std::size_t count, char* to) {
    std::array<char, kJsonBlockBytes> last{};
    std::memcpy(last.data(), from, count);
    return copy_block(last.data(), to);
  }
  /// The block at `from` was copied to `to`: passes its plain bytes, writes the first that is not as an escape, and sees to
  /// room for what is left. Returns where to go on.
  char* put_escape(const char*& from, char* to, std::uint32_t found, const char* end) {
    const auto plain = std::countr_zero(found);
    from += plain;
    to += plain;
    const auto byte = static_cast<unsigned char>(*from++);
    *to++ = '\\';
    *to++ = kEscapes[byte];
    if (kEscapes[byte] == 'u') {
      *to++ = '0';
      *to++ = '0';
      *to++ = kHexDigits[byte >> 4];
      *to++ = kHexDigits[byte & 15];
    }
    return need(to, static_cast<std::size_t>(end - from) + kStringExtra);
  }

  std::string& out_;
  std::size_t used_;
  char* end_;
};

}  // namespace

void write_json_string(std::string_view text, std::string& out) {
  Writer writer(out);
  writer.finish(writer.put_string(text, writer.start()));
}
void write_json(const Object& object, std::string& out) {
  Writer writer(out);
  writer.finish(writer.put_object(object, writer.start()));
}
void write_json(const Value& value, std::string& out) {
  Writer writer(out);
  writer.finish(writer.put_value(value, writer.start()));
}

void append_double(double value, std::string& out) { write_json(Value::real(value), out); }

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
