#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "pipeline/event/json.h"

namespace logboom {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::size_t kScalarBytes = 48;   // room for any number, timestamp or punctuation
constexpr std::size_t kLongestEscape = 6;  // \u00XX

bool is_special(unsigned char byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

template <class Word>
Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// True when one of eight bytes may need an escape: no such byte is missed, and at worst a word is looked at twice.
bool has_special(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return ((((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | below_space) & kHighs) != 0;
}

/// The same for a block of kBlockBytes.
#if defined(__SSE2__)
constexpr std::size_t kBlockBytes = 16;
bool has_special_in_block(const char* from) {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const __m128i is_quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
  const __m128i is_backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
  const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
  return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_quote, is_backslash), is_control)) != 0;
}
#else
constexpr std::size_t kBlockBytes = 8;
bool has_special_in_block(const char* from) { return has_special(load<std::uint64_t>(from)); }
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
    need(text.size() + kBlockBytes + 2);
    *at_++ = '"';
    const char* from = text.data();
    const char* const end = from + text.size();
    for (; static_cast<std::size_t>(end - from) >= kBlockBytes; from += kBlockBytes) {
      if (has_special_in_block(from)) {
        put_escaped(from, kBlockBytes, static_cast<std::size_t>(end - from));
      } else {
        std::memcpy(at_, from, kBlockBytes);
        at_ += kBlockBytes;
      }
    }
    if (from < end) put_tail(from, static_cast<std::size_t>(end - from), text.size());
    *at_++ = '"';
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
    put('{');
    bool is_first = true;
    for (const ObjectEntry& entry : object) {
      if (!is_first) put(',');
      is_first = false;
      put_string(entry.key.text());
      put(':');
      put_value(entry.value);
    }
    put('}');
  }

 private:
  static constexpr std::size_t kFirstBytes = 512;

  void need(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes) grow(bytes);
  }
  void grow(std::size_t bytes) {
    const auto used = static_cast<std::size_t>(at_ - out_.data());
    out_.resize(used + bytes + kFirstBytes);
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }
  /// The last `count` bytes of a text of `size`: less than a block. Without a loop, and without a detour through memory that
  /// would make a wide load wait for narrow stores: overlapping moves through registers.
  void put_tail(const char* from, std::size_t count, std::size_t size) {
    bool is_special_free = false;
    if (size >= kBlockBytes) {
      // The block that ends with the text. Where it needs no escape, its first part stands before at_ just like this.
      const std::size_t again = kBlockBytes - count;
      is_special_free = !has_special_in_block(from - again);
      if (is_special_free) std::memcpy(at_ - again, from - again, kBlockBytes);
    } else if (count >= 8) {
      const std::uint64_t first = load<std::uint64_t>(from);
      const std::uint64_t last = load<std::uint64_t>(from + count - 8);
      is_special_free = !has_special(first) && !has_special(last);
      std::memcpy(at_, &first, 8);
      std::memcpy(at_ + count - 8, &last, 8);
    } else if (count >= 4) {
      const std::uint32_t first = load<std::uint32_t>(from);
      const std::uint32_t last = load<std::uint32_t>(from + count - 4);
      is_special_free = !has_special(first | (static_cast<std::uint64_t>(last) << 32));
      std::memcpy(at_, &first, 4);
      std::memcpy(at_ + count - 4, &last, 4);
    } else {
      is_special_free = true;
      for (std::size_t i = 0; i < count; ++i) {
        is_special_free = is_special_free && !is_special(static_cast<unsigned char>(from[i]));
        at_[i] = from[i];
      }
    }
    if (is_special_free) {
      at_ += count;
    } else {
      put_escaped(from, count, count);
    }
  }
  /// Escapes `count` bytes; afterwards there is room for the `rest` of the text again.
  void put_escaped(const char* from, std::size_t count, std::size_t rest) {
    need(count * kLongestEscape + rest + kBlockBytes + 2);
    for (std::size_t i = 0; i < count; ++i) {
      const auto byte = static_cast<unsigned char>(from[i]);
      if (!is_special(byte)) {
        *at_++ = static_cast<char>(byte);
        continue;
      }
      *at_++ = '\\';
      switch (byte) {
        case '"': *at_++ = '"'; break;
        case '\\': *at_++ = '\\'; break;
        case '\n': *at_++ = 'n'; break;
        case '\r': *at_++ = 'r'; break;
        case '\t': *at_++ = 't'; break;
        case '\b': *at_++ = 'b'; break;
        case '\f': *at_++ = 'f'; break;
        default:
          std::memcpy(at_, "u00", 3);
          at_[3] = kHexDigits[byte >> 4];
          at_[4] = kHexDigits[byte & 15];
          at_ += 5;
      }
    }
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
