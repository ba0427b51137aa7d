// One configuration text and places in it. Everything a diagnostic points at is a SourceSpan.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

/// Line and column, both from 1; the column counts bytes.
struct SourceLocation {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

/// A named text: a file, `-e`, or a generated default. Immutable. Any thread.
class SourceText {
 public:
  /// `name` is what diagnostics print: the path as the user gave it, or "config.string".
  /// A UTF-8 byte order mark at the start of `text` is dropped; offsets count from behind it.
  SourceText(std::string name, std::string text);

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  /// Location of a byte offset; one past the end is allowed.
  SourceLocation locate(std::uint32_t offset) const;
  /// The text of a line (from 1) without its line break; empty past the end.
  std::string_view line(std::uint32_t number) const;
  /// Offset of the first byte that is not part of well-formed UTF-8 (RFC 3629), nothing when all of it is.
  std::optional<std::uint32_t> first_invalid_utf8() const;

 private:
  std::string name_;
  std::string text_;
  std::vector<std::uint32_t> line_starts_;
};

/// A piece of a SourceText. The graph that was parsed from it keeps the text alive. A default span points nowhere.
struct SourceSpan {
  const SourceText* source = nullptr;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

}  // namespace logboom
