#include "pipeline/config/logstash_cursor.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace logboom {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/// Length in bytes of the character at the start of `text`, which is valid UTF-8.
std::size_t character_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) ++length;
  return length;
}

struct Lookalike {
  std::string_view text;
  std::string_view remedy;
};

/// Signs that come with text pasted from documents, or by habit from other languages.
constexpr Lookalike kLookalikes[] = {
    {"\xC2\xA0", "this is a non-breaking space (U+00A0), as copied from web pages; replace it by an ordinary blank"},
    {"\xE2\x80\x8B", "this is an invisible zero width space (U+200B); delete it"},
    {"\xEF\xBB\xBF", "this is a byte order mark (U+FEFF) in the middle of the text; delete it"},
    {"\xE2\x80\x9C", "typographic quotes do not count; write \""},
    {"\xE2\x80\x9D", "typographic quotes do not count; write \""},
    {"\xE2\x80\x9E", "typographic quotes do not count; write \""},
    {"\xE2\x80\x98", "typographic quotes do not count; write '"},
    {"\xE2\x80\x99", "typographic quotes do not count; write '"},
    {"//", "comments begin with #"},
    {"/*", "comments begin with # and end with the line"},
    {"<!--", "comments begin with #"},
    {"`", "strings are written with \" or '"},
    {";", "nothing ends with a semicolon; use white space"},
};

}  // namespace

std::string quoted_excerpt(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  if (text.size() <= kLongest) return !text.empty() && text.front() == '"' ? std::string(text) : fmt::format("\"{}\"", text);
  std::size_t cut = kLongest;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return fmt::format("\"{}...\"", text.substr(0, cut));
}

bool LogstashCursor::accept(std::string_view expected) {
  if (!looks_at(expected)) return false;
  advance(expected.size());
  return true;
}

void LogstashCursor::advance(std::size_t count) { offset_ = std::min(text_.size(), offset_ + count); }

bool LogstashCursor::skip_space() {
  const std::size_t begin = offset_;
  while (offset_ < text_.size()) {
    if (is_blank(text_[offset_])) {
      ++offset_;
    } else if (text_[offset_] == '#') {
      offset_ = std::min(text_.find('\n', offset_), text_.size());
    } else {
      break;
    }
  }
  return offset_ > begin;
}

std::string_view LogstashCursor::peek_word() const {
  std::size_t end = offset_;
  while (end < text_.size() && is_name_character(text_[end])) ++end;
  return text_.substr(offset_, end - offset_);
}

std::uint32_t LogstashCursor::string_end(std::uint32_t begin) const {
  const char quote = text_[begin];
  for (std::size_t i = begin + 1; i < text_.size(); ++i) {
    if (text_[i] == quote) return static_cast<std::uint32_t>(i + 1);
    if (text_[i] == '\\' && i + 1 < text_.size() && text_[i + 1] == quote) ++i;
  }
  return static_cast<std::uint32_t>(text_.size());
}

bool LogstashCursor::is_word_followed_by(std::string_view expected) {
  const std::size_t before = offset_;
  if (looks_at_string()) {
    offset_ = string_end(offset());
  } else {
    offset_ += peek_word().size();
  }
  if (offset_ == before) return false;
  skip_space();
  const bool found = looks_at(expected);
  offset_ = before;
  return found;
}

SourceSpan LogstashCursor::next_span() const {
  if (offset_ >= text_.size()) return span(offset(), offset());
  const std::size_t word = peek_word().size();
  const std::size_t length = word > 0 ? word : character_length(text_.substr(offset_));
  return span(offset(), static_cast<std::uint32_t>(offset_ + length));
}

std::string LogstashCursor::describe_next() const {
  if (offset_ >= text_.size()) return "the end of the file";
  if (looks_at_string()) return quoted_excerpt(text_.substr(offset_, string_end(offset()) - offset_));
  if (looks_at("=>")) return "\"=>\"";
  const SourceSpan next = next_span();
  return quoted_excerpt(text_.substr(next.offset, next.length));
}

void LogstashCursor::error(SourceSpan span, std::string message, std::string hint) {
  if (is_stopped_ || (errors_ > 0 && span.offset == last_error_)) return;
  last_error_ = span.offset;
  const bool follows_long_string =
      long_string_end_ > 0 && span.offset >= long_string_end_ && line_of(span.offset) == line_of(long_string_end_);
  if (follows_long_string) {
    hint = fmt::format("the string that ends just before this begins at {}:{}; is a closing quote missing there?",
                       line_of(long_string_begin_), column_of(long_string_begin_));
  }
  diagnostics_.error(span, std::move(message), std::move(hint));
  ++errors_;
  if (follows_long_string) stop();  // strings and text have changed places from here on
  if (errors_ >= kMaxErrorsPerFile && !is_stopped_) {
    diagnostics_.error(span, fmt::format("more than {} errors; the rest of this file was not read", kMaxErrorsPerFile - 1));
    stop();
  }
}

void LogstashCursor::warning(SourceSpan span, std::string message, std::string hint) {
  if (!is_stopped_) diagnostics_.warning(span, std::move(message), std::move(hint));
}

void LogstashCursor::notice(SourceSpan span, std::string message, std::string hint) {
  if (!is_stopped_) diagnostics_.notice(span, std::move(message), std::move(hint));
}

void LogstashCursor::error_expected(std::string_view what, std::string hint) {
  for (const Lookalike& lookalike : kLookalikes) {
    if (!looks_at(lookalike.text)) continue;
    hint = std::string(lookalike.remedy);
    break;
  }
  error(next_span(), fmt::format("expected {}, found {}", what, describe_next()), std::move(hint));
}

void LogstashCursor::stop() {
  is_stopped_ = true;
  offset_ = text_.size();
}

void LogstashCursor::note_block(std::string_view name, SourceSpan opened, std::uint32_t close) {
  if (!suspect_.empty()) return;
  const std::uint32_t open_line = line_of(opened.offset);
  const std::uint32_t close_line = line_of(close);
  if (open_line == close_line) return;
  const auto indent = [](std::string_view line) { return line.substr(0, line.find_first_not_of(" \t")); };
  const std::string_view before_close = line_text(close_line).substr(0, column_of(close) - 1);
  const bool stands_alone = before_close.find_first_not_of(" \t") == std::string_view::npos;
  if (!stands_alone || before_close == indent(line_text(open_line))) return;
  suspect_ = fmt::format("perhaps that of \"{}\" in line {}, which the differently indented }} in line {} closes", name,
                         open_line, close_line);
}

bool LogstashCursor::refuse_end(std::string_view name, SourceSpan opened) {
  if (!is_at_end()) return false;
  error(opened, fmt::format("\"{}\" is not closed before the end of the file", name),
        suspect_.empty() ? "a closing } is missing, for this block or for one inside it"
                         : "a closing } is missing, " + suspect_);
  stop();
  return true;
}

void LogstashCursor::note_string(std::uint32_t begin, std::uint32_t end) {
  if (text_.substr(begin, end - begin).find('\n') == std::string_view::npos) return;
  long_string_begin_ = begin;
  long_string_end_ = end;
}

bool LogstashCursor::enter(SourceSpan span) {
  if (depth_ >= kMaxConfigNesting) {
    error(span, fmt::format("nested deeper than {} levels", kMaxConfigNesting));
    stop();
    return false;
  }
  ++depth_;
  return true;
}

void LogstashCursor::skip_block() {
  std::size_t open = 0;
  while (skip_space(), !is_at_end()) {
    const char c = peek();
    if (looks_at_string()) {
      go_to(string_end(offset()));
      continue;
    }
    advance(1);
    if (c == '{' || c == '[' || c == '(') ++open;
    if ((c == '}' || c == ']' || c == ')') && --open == 0) return;
  }
}

void LogstashCursor::skip_one() {
  const char c = peek();
  if (looks_at_string()) return go_to(string_end(offset()));
  if (c == '{' || c == '[' || c == '(') return skip_block();
  advance(std::max<std::size_t>(peek_word().size(), 1));
}

bool LogstashCursor::skip_to(char target) {
  while (skip_space(), !is_at_end()) {
    if (peek() == target) return true;
    if (peek() == '}') return false;
    skip_one();
  }
  return false;
}

}  // namespace logboom
