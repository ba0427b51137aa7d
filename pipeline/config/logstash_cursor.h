// A place in a Logstash configuration text: blanks and comments, words, reporting, and getting back on track after errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/logstash_parser.h"

namespace logboom {

/// Moves through one text. After stop() (too many errors, or nothing sensible can follow) it stands at the end of the text
/// and reports nothing more, so every loop over it ends. Skipping never looks at a byte more than a fixed number of times.
class LogstashCursor {
 public:
  LogstashCursor(const SourceText& source, const LogstashParserOptions& options, Diagnostics& diagnostics)
      : source_(source), text_(source.text()), options_(options), diagnostics_(diagnostics) {}

  const LogstashParserOptions& options() const { return options_; }
  bool is_at_end() const { return offset_ >= text_.size(); }
  std::uint32_t offset() const { return static_cast<std::uint32_t>(offset_); }
  void go_to(std::uint32_t offset) {
    if (!is_stopped_) offset_ = offset;
  }
  /// The byte `ahead` of the place, '\0' past the end.
  char peek(std::size_t ahead = 0) const { return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0'; }
  bool looks_at(std::string_view expected) const { return text_.substr(offset_, expected.size()) == expected; }
  /// Steps over `expected` when it is next.
  bool accept(std::string_view expected);
  void advance(std::size_t count);
  std::string_view rest() const { return text_.substr(offset_); }
  std::string_view text_between(std::uint32_t begin, std::uint32_t end) const { return text_.substr(begin, end - begin); }

  /// Steps over blanks, line breaks and comments; true when there were any.
  bool skip_space();
  /// The word of [A-Za-z0-9_-] that is next (may be empty); not stepped over.
  std::string_view peek_word() const;
  /// True when blanks and comments, then `expected`, follow the word or string that is next.
  bool is_word_followed_by(std::string_view expected);
  /// End of the string that is next, just behind its closing quote; the end of the text when it is not closed.
  std::uint32_t string_end(std::uint32_t begin) const;
  bool looks_at_string() const { return peek() == '"' || peek() == '\''; }

  SourceSpan span(std::uint32_t begin, std::uint32_t end) const { return {&source_, begin, end - begin}; }
  /// What stands here, for "expected …, found X": a word, a sign or "the end of the file".
  std::string describe_next() const;
  SourceSpan next_span() const;
  std::uint32_t line_of(std::uint32_t offset) const { return source_.locate(offset).line; }
  std::uint32_t column_of(std::uint32_t offset) const { return source_.locate(offset).column; }
  std::string_view line_text(std::uint32_t line) const { return source_.line(line); }

  /// Reports, except where the last error already stands: two parts of the parser met the same text.
  void error(SourceSpan span, std::string message, std::string hint = {});
  void warning(SourceSpan span, std::string message, std::string hint = {});
  void notice(SourceSpan span, std::string message, std::string hint = {});
  /// "expected WHAT, found X" at the next text, with remedies for signs that are pasted or typed by habit.
  void error_expected(std::string_view what, std::string hint = {});
  /// Gives the file up: what follows would be read wrongly.
  void stop();
  bool is_stopped() const { return is_stopped_; }

  /// Remembers a string that spans lines: text that is wrong right behind it is a sign of a missing quote.
  void note_string(std::uint32_t begin, std::uint32_t end);

  /// Remembers the first block whose closing brace is indented otherwise than the line that opens it: where a brace is
  /// missing, it is probably there. `close` is the offset of the closing brace.
  void note_block(std::string_view name, SourceSpan opened, std::uint32_t close);
  /// At the end of the text: reports that the block is not closed, and gives true.
  bool refuse_end(std::string_view name, SourceSpan opened);
  /// What note_block found, as a hint; may be empty.
  const std::string& suspect() const { return suspect_; }

  /// One level deeper; false after the error when the text nests too deep.
  bool enter(SourceSpan span);
  void leave() { --depth_; }
  int depth() const { return depth_; }

  /// Steps over one bracketed block whose opening bracket is next, strings and comments inside it included.
  void skip_block();
  /// Steps forward to `target` outside of strings, blocks and comments; false when a '}' or the end comes first.
  bool skip_to(char target);
  /// Steps over one thing, whatever it is: a block, a string, a word, a sign.
  void skip_one();

 private:
  const SourceText& source_;
  std::string_view text_;
  LogstashParserOptions options_;
  Diagnostics& diagnostics_;
  std::size_t offset_ = 0;
  std::uint32_t long_string_begin_ = 0;
  std::uint32_t long_string_end_ = 0;
  std::uint32_t last_error_ = 0;
  std::string suspect_;
  int depth_ = 0;
  int errors_ = 0;
  bool is_stopped_ = false;
};

constexpr int kMaxConfigNesting = 200;
constexpr int kMaxErrorsPerFile = 50;

/// Text of a user inside a message: in quotes, shortened when long.
std::string quoted_excerpt(std::string_view text);

}  // namespace logboom
