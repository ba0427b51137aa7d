// RegexSource: the text of a regular expression while it is being parsed, and the error that ends parsing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace logboom {

/// Thrown inside the parser only; parse_regex() turns it into an Error.
struct RegexSyntaxError {
  std::size_t offset = 0;
  std::string problem;
};

/// UTF-8 with a reading position; what is none of it is read somehow, never past the end. One thread.
class RegexSource {
 public:
  explicit RegexSource(std::string_view text) : text_(text) {}

  std::size_t offset() const { return offset_; }
  bool at_end() const { return offset_ >= text_.size(); }
  /// The byte `ahead` of the position, '\0' behind the end.
  char peek(std::size_t ahead = 0) const { return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0'; }
  bool starts_with(std::string_view prefix) const { return text_.substr(offset_, prefix.size()) == prefix; }
  /// Never past the end: what announces a longer character than there is (the text is no UTF-8 then) is the last one.
  void skip(std::size_t bytes) { offset_ = std::min(offset_ + bytes, text_.size()); }
  void rewind(std::size_t offset) { offset_ = offset; }
  /// Steps over `prefix` when it comes next.
  bool take(std::string_view prefix) {
    if (!starts_with(prefix)) return false;
    offset_ += prefix.size();
    return true;
  }
  /// Reads one character. Not at the end.
  char32_t take_character();
  /// Reads up to `limit` digits of `base` (8, 10, 16); `count` says how many there were.
  char32_t take_number(unsigned base, std::size_t limit, std::size_t& count);
  std::string_view text() const { return text_; }

  [[noreturn]] void fail(std::size_t offset, std::string problem) const;

 private:
  std::string_view text_;
  std::size_t offset_ = 0;
};

/// Appends the UTF-8 form of a code point.
void append_utf8(std::string& out, char32_t character);

/// Reads what stands for one or more characters after a backslash (the position is behind it): \t \n \x41 \u00e9 \u{41 42}
/// \012 \cA and any character that has no meaning of its own. Inside a bracket, \b is backspace.
/// Throws RegexSyntaxError.
std::u32string take_character_escape(RegexSource& source, bool in_bracket);

}  // namespace logboom
