#include "plugins/inputs/syslog/syslog_line.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace logboom {
namespace {

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }
bool is_letter(char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }
bool is_alphanumeric(char c) { return is_digit(c) || is_letter(c); }
/// Grok's PROG: printable ASCII but blanks and brackets.
bool is_program_char(char c) { return c > ' ' && c < 0x7f && c != '[' && c != ']'; }

/// A place in a line. Every take_ function moves behind what it took, or leaves the place as it is and says false.
class Walk {
 public:
  explicit Walk(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool is_at_end() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  const char* place() const { return at_; }
  void set_place(const char* place) { at_ = place; }
  std::string_view rest() const { return {at_, left()}; }
  std::string_view since(const char* begin) const { return {begin, static_cast<std::size_t>(at_ - begin)}; }
  char peek() const { return at_ < end_ ? *at_ : '\0'; }

  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  /// Two digits that make a number from `low` to `high`.
  bool take_two_digits(int low, int high) {
    if (left() < 2 || !is_digit(at_[0]) || !is_digit(at_[1])) return false;
    const int value = (at_[0] - '0') * 10 + (at_[1] - '0');
    if (value < low || value > high) return false;
    at_ += 2;
    return true;
  }
  std::size_t take_digits() {
    const char* const begin = at_;
    while (at_ < end_ && is_digit(*at_)) ++at_;
    return static_cast<std::size_t>(at_ - begin);
  }
  template <class Belongs>
  std::string_view take_run(Belongs belongs) {
    const char* const begin = at_;
    while (at_ < end_ && belongs(*at_)) ++at_;
    return since(begin);
  }

 private:
  const char* at_;
  const char* end_;
};

/// `<PRI>`: one to three digits without leading zeros; what is beyond 191 has no meaning but is a number.
bool take_priority(Walk& walk, std::int32_t& priority) {
  if (!walk.take('<')) return false;
  const char* const begin = walk.place();
  const std::size_t digits = walk.take_digits();
  if (digits == 0 || digits > 3 || (*begin == '0' && digits > 1)) return false;
  priority = 0;
  for (std::size_t i = 0; i < digits; ++i) priority = priority * 10 + (begin[i] - '0');
  return walk.take('>');
}

bool take_month(Walk& walk) {
  constexpr std::array<const char*, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
  if (walk.left() < 4 || walk.place()[3] != ' ') return false;
  const char* const at = walk.place();
  if (!is_letter(at[0])) return false;
  const char first = static_cast<char>(at[0] | 0x20);
  for (const char* month : kMonths) {
    if (month[0] != first || month[1] != at[1] || month[2] != at[2]) continue;
    walk.set_place(at + 3);
    return true;
  }
  return false;
}

bool take_fraction(Walk& walk) {
  const char c = walk.peek();
  if (c != '.' && c != ',' && c != ':') return true;
  walk.take(c);
  return walk.take_digits() > 0;
}

/// One or two digits that make a number from `low` to `high`.
bool take_short_number(Walk& walk, int low, int high) {
  const char* const begin = walk.place();
  const std::size_t digits = walk.take_digits();
  if (digits == 0 || digits > 2) return false;
  const int value = digits == 1 ? begin[0] - '0' : (begin[0] - '0') * 10 + (begin[1] - '0');
  return value >= low && value <= high;
}

/// "Oct 11 22:14:15", "Oct  1 2:14:15.003".
bool take_bsd_time(Walk& walk) {
  if (!take_month(walk)) return false;
  while (walk.take(' ')) {
  }
  return take_short_number(walk, 1, 31) && walk.take(' ') && take_short_number(walk, 0, 23) && walk.take(':') &&
         walk.take_two_digits(0, 59) && walk.take(':') && take_short_number(walk, 0, 60) && take_fraction(walk);
}

/// "2003-10-11T22:14:15.003+02:00", with a blank for the T, the zone left out, or no colon in it.
bool take_iso_time(Walk& walk) {
  if (walk.take_digits() != 4 || !walk.take('-') || !walk.take_two_digits(1, 12) || !walk.take('-') ||
      !walk.take_two_digits(1, 31) || (!walk.take('T') && !walk.take(' ')) || !walk.take_two_digits(0, 23) ||
      !walk.take(':') || !walk.take_two_digits(0, 59) || !walk.take(':') || !walk.take_two_digits(0, 60) ||
      !take_fraction(walk))
    return false;
  if (walk.take('Z')) return true;
  if (!walk.take('+') && !walk.take('-')) return true;
  if (!walk.take_two_digits(0, 23)) return false;
  walk.take(':');
  return walk.take_two_digits(0, 59);
}

/// A host name or IPv4 address and the blank behind it: labels of letters, digits and hyphens that begin with no hyphen,
/// between points.
bool take_host(Walk& walk, std::string_view& host) {
  const char* const begin = walk.place();
  if (!is_alphanumeric(walk.peek())) return false;
  for (;;) {
    walk.take_run([](char c) { return is_alphanumeric(c) || c == '-'; });
    if (!walk.take('.') || !is_alphanumeric(walk.peek())) break;
  }
  host = walk.since(begin);
  return walk.take(' ');
}

/// "program: " or "program[123]: " - takes nothing when the text is something else.
void take_program(Walk& walk, SyslogLine& line) {
  const char* const begin = walk.place();
  const std::string_view run = walk.take_run(is_program_char);
  if (run.size() > 1 && run.back() == ':' && walk.take(' ')) {
    line.program = run.substr(0, run.size() - 1);
    return;
  }
  if (!run.empty() && walk.take('[') && walk.peek() != '0') {
    const char* const number = walk.place();
    const std::size_t digits = walk.take_digits();
    if (digits > 0 && walk.take(']') && walk.take(':') && walk.take(' ')) {
      line.program = run;
      line.process_id = {number, digits};
      return;
    }
  }
  walk.set_place(begin);
}

bool take_rfc3164(Walk walk, SyslogLine& line) {
  const char* const time = walk.place();
  line.has_iso_time = is_digit(walk.peek());
  if (!(line.has_iso_time ? take_iso_time(walk) : take_bsd_time(walk))) return false;
  line.timestamp = walk.since(time);
  if (!walk.take(' ') || !take_host(walk, line.host)) return false;
  take_program(walk, line);
  line.message = walk.rest();
  return true;
}

/// A word of printable ASCII; empty for "-". The blank behind it is taken too, when there is one.
bool take_word(Walk& walk, std::string_view& word) {
  word = walk.take_run([](char c) { return c > ' ' && c < 0x7f; });
  if (word.empty() || (!walk.is_at_end() && !walk.take(' '))) return false;
  if (word == "-") word = {};
  return true;
}

/// Calls on_element(id) and on_value(name, raw value) for what stands in the brackets, and moves behind them.
template <class OnElement, class OnValue>
bool take_structured_data(Walk& walk, OnElement on_element, OnValue on_value) {
  const auto is_name_char = [](char c) { return c > ' ' && c < 0x7f && c != '=' && c != ']' && c != '"'; };
  while (walk.take('[')) {
    const std::string_view id = walk.take_run(is_name_char);
    if (id.empty()) return false;
    on_element(id);
    while (walk.take(' ')) {
      if (walk.peek() == ']') break;  // some senders put a blank there
      const std::string_view name = walk.take_run(is_name_char);
      if (name.empty() || !walk.take('=') || !walk.take('"')) return false;
      const char* const begin = walk.place();
      for (;;) {
        walk.take_run([](char c) { return c != '"' && c != '\\'; });
        if (walk.is_at_end() || walk.peek() == '"') break;
        walk.take('\\');
        if (!walk.is_at_end()) walk.set_place(walk.place() + 1);
      }
      const std::string_view value = walk.since(begin);
      if (!walk.take('"')) return false;
      on_value(name, value);
    }
    if (!walk.take(']')) return false;
  }
  return true;
}

/// "-", or four digits and a hyphen.
bool begins_like_iso_time(Walk walk) { return walk.take('-') || (walk.take_digits() == 4 && walk.take('-')); }

bool take_rfc5424(Walk walk, SyslogLine& line) {
  if (!is_digit(walk.peek()) || walk.peek() == '0') return false;
  const char* const version = walk.place();
  const std::size_t digits = walk.take_digits();
  if (digits > 2 || !walk.take(' ')) return false;
  line.version = {version, digits};
  if (!begins_like_iso_time(walk)) return false;
  if (!take_word(walk, line.timestamp) || !take_word(walk, line.host) || !take_word(walk, line.program) ||
      !take_word(walk, line.process_id) || !take_word(walk, line.message_id))
    return false;
  line.is_rfc5424 = true;
  line.has_iso_time = true;
  if (walk.peek() == '[') {
    const char* const begin = walk.place();
    if (!take_structured_data(
            walk, [](std::string_view) {}, [](std::string_view, std::string_view) {}))
      return false;
    line.structured_data = walk.since(begin);
    if (!walk.is_at_end() && !walk.take(' ')) return false;
  } else if (walk.peek() == '-' && (walk.left() == 1 || walk.place()[1] == ' ')) {
    walk.take('-');
    walk.take(' ');
  }
  line.message = walk.rest();
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (line.message.substr(0, kByteOrderMark.size()) == kByteOrderMark) line.message.remove_prefix(kByteOrderMark.size());
  return true;
}

/// A value without the backslashes in front of quotes, backslashes and brackets.
std::string_view unescaped(std::string_view raw, Arena& arena) {
  if (std::memchr(raw.data(), '\\', raw.size()) == nullptr) return raw;
  char* const begin = arena.allocate_array<char>(raw.size());
  char* to = begin;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const bool is_escape = raw[i] == '\\' && i + 1 < raw.size() && std::strchr("\"\\]", raw[i + 1]) != nullptr;
    if (is_escape) ++i;
    *to++ = raw[i];
  }
  return {begin, static_cast<std::size_t>(to - begin)};
}

}  // namespace

std::optional<SyslogLine> parse_syslog_line(std::string_view text) {
  SyslogLine line;
  Walk walk(text);
  if (!take_priority(walk, line.priority)) return std::nullopt;
  SyslogLine as_rfc5424 = line;
  if (take_rfc5424(walk, as_rfc5424)) return as_rfc5424;
  if (take_rfc3164(walk, line)) return line;
  return std::nullopt;
}

Object* structured_data_object(std::string_view text, Arena& arena) {
  Object* all = Object::make(arena);
  Object* element = nullptr;
  const auto on_element = [&](std::string_view id) {
    const Key key = make_key(id);
    const Value* known = all->find(key);  // an id that comes again adds to the first
    element = known != nullptr ? &known->as_object() : Object::make(arena);
    if (known == nullptr) all->append(arena, key, Value::object(element));
  };
  const auto on_value = [&](std::string_view name, std::string_view raw) {
    const Key key = make_key(name);
    const Value value = Value::string(unescaped(raw, arena));
    Value* known = element->find(key);
    if (known == nullptr) {
      element->append(arena, key, value);
    } else if (known->is_array()) {
      known->as_array().push(arena, value);
    } else {
      Array* list = Array::make(arena, 2);
      list->push(arena, *known);
      list->push(arena, value);
      *known = Value::array(list);
    }
  };
  Walk walk(text);
  take_structured_data(walk, on_element, on_value);
  return all;
}

}  // namespace logboom
