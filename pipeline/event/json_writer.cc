#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "pipeline/event/json.h"

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

// A block is read whole also where less of it is left, as long as it does not reach into the next page: no copy by halves,
// for which the next load would have to wait.
constexpr std::uintptr_t kPageBytes = 4096;
constexpr std::size_t kBlockBytes = 16;
bool stays_in_page(const char* from) {
  return (reinterpret_cast<std::uintptr_t>(from) & (kPageBytes - 1)) <= kPageBytes - kBlockBytes;
}

#if defined(__SSE2__)
/// Copies a block and says which of its bytes need an escape, the first in the lowest bit.
__attribute__((no_sanitize("address", "thread"))) inline std::uint32_t copy_block(const char* from, char* to) {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block);
  const __m128i is_quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
  const __m128i is_backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
  const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_quote, is_backslash), is_control)));
}
#else
__attribute__((no_sanitize("address", "thread"))) inline std::uint32_t copy_block(const char* from, char* to) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    to[i] = from[i];
    found |= static_cast<std::uint32_t>(kEscapes[static_cast<unsigned char>(from[i])] != 0) << i;
  }
  return found;
}
#endif

/// Writes behind the end of a string through a bare pointer; the string is cut to what was written at the end.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {
    const std::size_t used = out.size();
    out_.resize(used + kFirstBytes);  // resize() writes zeros: no more than an event is likely to need
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }
  ~Writer() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void put(char c) {
    need(1);
    *at_++ = c;
  }
  void put(std::string_view text) {
    need(text.size());
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put_string(std::string_view text) {
    need(text.size() + kStringExtra);
    put_string_in_room(text);
  }
  void put_double(double value) {
    need(kScalarBytes);
    char* const start = at_;
    at_ = std::to_chars(at_, end_, value).ptr;
    if (std::string_view(start, static_cast<std::size_t>(at_ - start)).find_first_of(".e") == std::string_view::npos) {
      *at_++ = '.';
      *at_++ = '0';
    }
  }
  void put_value(const Value& value) {
    switch (value.kind()) {
      case ValueKind::Null: put("null"); return;
      case ValueKind::Boolean: put(value.as_boolean() ? "true" : "false"); return;
      case ValueKind::Integer:
        need(kScalarBytes);
        at_ = std::to_chars(at_, end_, value.as_integer()).ptr;
        return;
      case ValueKind::Double:
        if (std::isfinite(value.as_double())) {
          put_double(value.as_double());
        } else {
          put("null");  // JSON has no other word for it
        }
        return;
      case ValueKind::BigNumber: put(value.as_string()); return;
      case ValueKind::String: put_string(value.as_string()); return;
      case ValueKind::Timestamp:
        need(kScalarBytes);
        *at_++ = '"';
        at_ = format_iso8601(value.as_timestamp(), at_);
        *at_++ = '"';
        return;
      case ValueKind::Array: {
        put('[');
        bool is_first = true;
        for (const Value& item : value.as_array()) {
          if (!is_first) put(',');
          is_first = false;
          put_value(item);
        }
        put(']');
        return;
      }
      case ValueKind::Object: put_object(value.as_object()); return;
    }
  }
  void put_object(const Object& object) {
    need(1);
    *at_++ = '{';
    bool is_first = true;
    for (const ObjectEntry& entry : object) {
      const bool is_text = entry.value.is_string();
      put_key(entry.key, is_first, is_text ? entry.value.as_string().size() + kStringExtra : 0);
      if (is_text) {
        put_string_in_room(entry.value.as_string());
      } else {
        put_value(entry.value);
      }
      is_first = false;
    }
    put('}');
  }

 private:
  static constexpr std::size_t kFirstBytes = 512;
  static constexpr std::size_t kStringExtra = kBlockBytes + 2;  // quotes, and the last block is written whole

  [[gnu::always_inline]] void need(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes) grow(bytes);
  }
  [[gnu::noinline]] void grow(std::size_t bytes) {
    const auto used = static_cast<std::size_t>(at_ - out_.data());
    out_.resize(used + bytes + kFirstBytes);
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }
  /// Afterwards there is room for `more` bytes.
  void put_key(const Key& key, bool is_first, std::size_t more) {
    constexpr std::size_t kBlock = InternedNames::kKeyBlockBytes;
    if (const char* form = json_form_of(key)) {
      const std::size_t size = key.size + (is_first ? 3 : 4);
      form += is_first ? 1 : 0;
      need(size + kBlock + more);
      std::memcpy(at_, form, kBlock);
      for (std::size_t i = kBlock; i < size; i += kBlock) std::memcpy(at_ + i, form + i, kBlock);
      at_ += size;
      return;
    }
    need(key.size + kStringExtra + 2 + more);
    if (!is_first) *at_++ = ',';
    put_string_in_room(key.text());
    need(1 + more);  // escapes took some
    *at_++ = ':';
  }
  void put_string_in_room(std::string_view text) {
    const char* from = text.data();
    const char* const end = from + text.size();
    char* to = at_;
    *to++ = '"';
    while (end - from > static_cast<std::ptrdiff_t>(kBlockBytes)) {
      const std::uint32_t found = copy_block(from, to);
      if (found == 0) {
        from += kBlockBytes;
        to += kBlockBytes;
      } else {
        to = put_escape(from, to, found, end);
      }
    }
    while (from < end) {
      const auto left = static_cast<std::size_t>(end - from);
      const std::uint32_t found =
          (stays_in_page(from) ? copy_block(from, to) : copy_last(from, left, to)) & ((1U << left) - 1);
      if (found == 0) {
        to += left;
        break;
      }
      to = put_escape(from, to, found, end);
    }
    *to++ = '"';
    at_ = to;
  }
  [[gnu::noinline]] static std::uint32_t copy_last(const char* from, std::size_t count, char* to) {
    std::array<char, kBlockBytes> last{};
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
    at_ = to;
    need(static_cast<std::size_t>(end - from) + kStringExtra);
    return at_;
  }

  std::string& out_;
  char* at_;
  char* end_;
};

}  // namespace

void write_json_string(std::string_view text, std::string& out) { Writer(out).put_string(text); }
void write_json(const Object& object, std::string& out) { Writer(out).put_object(object); }
void write_json(const Value& value, std::string& out) { Writer(out).put_value(value); }

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
