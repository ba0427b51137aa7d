// The slow path: reads what the fast reader refuses whole but Logstash's users expect to survive.
#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "pipeline/base/utf8.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

class TolerantReader {
 public:
  TolerantReader(std::string_view text, Arena& arena) : text_(text), arena_(arena) {}

  Result<Value> read_document() {
    Value value;
    skip_blanks();
    if (!read_value(value, 1)) return error();
    skip_blanks();
    if (at_ < text_.size()) {
      fail("text after the end of the document");
      return error();
    }
    return value;
  }

 private:
  Error error() const {
    return {is_too_deep_ ? ErrorCode::TooLarge : ErrorCode::InvalidArgument,
            fmt::format("{} at byte {}", problem_, at_ + 1)};
  }
  bool fail(const char* problem) {
    problem_ = problem;
    return false;
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return fail("an unknown word");
    at_ += word.size();
    return true;
  }

  bool read_value(Value& out, int depth) {
    if (at_ >= text_.size()) return fail("an early end");
    if (depth > kMaxJsonDepth && (text_[at_] == '{' || text_[at_] == '[')) {
      is_too_deep_ = true;
      return fail("more than 1000 levels of nesting");
    }
    switch (text_[at_]) {
      case '{': return read_object(out, depth);
      case '[': return read_array(out, depth);
      case '"': {
        std::string_view text;
        if (!read_string(text)) return false;
        out = Value::string(text);
        return true;
      }
      case 't': out = Value::boolean(true); return take_word("true");
      case 'f': out = Value::boolean(false); return take_word("false");
      case 'n': out = Value::null(); return take_word("null");
      default: return read_number(out);
    }
  }

  bool read_object(Value& out, int depth) {
    Object* made = Object::make(arena_, 8);
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '}') {
      ++at_;
      out = Value::object(made);
      return true;
    }
    for (;;) {
      skip_blanks();
      if (at_ >= text_.size() || text_[at_] != '"') return fail("a name in quotes is missing");
      std::string_view name;
      if (!read_string(name)) return false;
      skip_blanks();
      if (at_ >= text_.size() || text_[at_] != ':') return fail("a ':' is missing");
      ++at_;
      skip_blanks();
      Value value;
      if (!read_value(value, depth + 1)) return false;
      made->set(arena_, make_key(name), value);
      skip_blanks();
      if (at_ >= text_.size()) return fail("an object that does not end");
      const char next = text_[at_++];
      if (next == '}') break;
      if (next != ',') {
        --at_;
        return fail("a ',' or '}' is missing");
      }
    }
    out = Value::object(made);
    return true;
  }

  bool read_array(Value& out, int depth) {
    Array* made = Array::make(arena_, 4);
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == ']') {
      ++at_;
      out = Value::array(made);
      return true;
    }
    for (;;) {
      skip_blanks();
      Value value;
      if (!read_value(value, depth + 1)) return false;
      made->push(arena_, value);
      skip_blanks();
      if (at_ >= text_.size()) return fail("an array that does not end");
      const char next = text_[at_++];
      if (next == ']') break;
      if (next != ',') {
        --at_;
        return fail("a ',' or ']' is missing");
      }
    }
    out = Value::array(made);
    return true;
  }

  bool read_number(Value& out) {
    const std::size_t start = at_;
    const auto take_digits = [this] {
      const std::size_t from = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ > from;
    };
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    const bool has_leading_zero = at_ < text_.size() && text_[at_] == '0';
    const std::size_t digits_from = at_;
    if (!take_digits()) return fail("something that is no JSON value");
    if (has_leading_zero && at_ - digits_from > 1) return fail("a number with a leading zero");
    bool is_integer = true;
    if (at_ < text_.size() && text_[at_] == '.') {
      is_integer = false;
      ++at_;
      if (!take_digits()) return fail("a number without digits after the '.'");
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      is_integer = false;
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (!take_digits()) return fail("a number without digits in its exponent");
    }
    const std::string_view digits = text_.substr(start, at_ - start);
    if (is_integer) {
      std::int64_t value = 0;
      const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      out = problem == std::errc() ? Value::integer(value) : Value::big_number(arena_.copy(digits));
      return true;
    }
    double value = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (problem == std::errc::result_out_of_range)
      value = std::strtod(std::string(digits).c_str(), nullptr);  // 0 when too small
    out = std::isfinite(value) ? Value::real(value) : Value::big_number(arena_.copy(digits));
    return true;
  }

  bool read_hex(std::uint32_t& unit) {
    if (text_.size() - at_ < 4) return fail("a \\u escape that is too short");
    const auto [end, problem] = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, unit, 16);
    if (problem != std::errc() || end != text_.data() + at_ + 4) return fail("a \\u escape without four hex digits");
    at_ += 4;
    return true;
  }

  bool read_escape(std::string& out) {
    const char kind = text_[at_++];
    switch (kind) {
      case '"':
      case '\\':
      case '/': out += kind; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'u': {
        std::uint32_t unit = 0;
        if (!read_hex(unit)) return false;
        if (unit >= 0xD800 && unit < 0xDC00 && text_.substr(at_, 2) == "\\u") {
          const std::size_t before = at_;
          std::uint32_t low = 0;
          at_ += 2;
          if (!read_hex(low)) return false;
          if (low >= 0xDC00 && low < 0xE000) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
          } else {
            at_ = before;  // a lone surrogate; the next escape stands for itself
          }
        }
        append_utf8(unit >= 0xD800 && unit < 0xE000 ? kReplacementCodePoint : unit, out);
        return true;
      }
      default: --at_; return fail("an unknown escape");
    }
  }

  bool read_string(std::string_view& out) {
    ++at_;  // the quote
    std::string text;
    while (at_ < text_.size()) {
      const std::size_t from = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' && static_cast<unsigned char>(text_[at_]) >= 0x20)
        ++at_;
      append_valid_utf8(text_.substr(from, at_ - from), text);
      if (at_ >= text_.size()) break;
      if (text_[at_] == '"') {
        ++at_;
        out = arena_.copy(text);
        return true;
      }
      if (text_[at_] != '\\') return fail("a control character inside a text");
      ++at_;
      if (at_ >= text_.size()) break;
      if (!read_escape(text)) return false;
    }
    return fail("a text without its closing quote");
  }

  std::string_view text_;
  Arena& arena_;
  std::size_t at_ = 0;
  const char* problem_ = "";
  bool is_too_deep_ = false;
};

}  // namespace

Result<Value> parse_json_tolerant(std::string_view text, Arena& arena) {
  return TolerantReader(text, arena).read_document();
}

}  // namespace logboom
