#include "pipeline/dead_letter/failure_shape.h"

#include <fmt/format.h>

#include <cstdint>

namespace logboom {
namespace {

constexpr std::size_t kMostBytes = 500;
constexpr std::size_t kLeastIdLength = 8;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The end of a quoted text that begins at `at`, or npos. An apostrophe within a word is no quote.
std::size_t end_of_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  if (quote != '"' && quote != '\'' && quote != '`') return std::string_view::npos;
  if (quote == '\'' && at > 0 && is_word(text[at - 1])) return std::string_view::npos;
  for (std::size_t end = at + 1; end < text.size(); ++end) {
    if (text[end] == '\\') {
      ++end;
    } else if (text[end] == quote) {
      return end + 1;
    }
  }
  return std::string_view::npos;
}

/// A word with its dashes, dots between digits and colons: what stands for one id or number.
std::size_t end_of_token(std::string_view text, std::size_t at) {
  std::size_t end = at;
  const auto joins = [&](char c) { return c == '-' || c == '.' || c == ':'; };
  while (end < text.size() &&
         (is_word(text[end]) || (joins(text[end]) && end + 1 < text.size() && is_hex(text[end + 1]) && end > at)))
    ++end;
  return end;
}

std::string_view shape_of_token(std::string_view token) {
  bool has_digit = false, is_number = true, is_id = token.size() >= kLeastIdLength;
  for (const char c : token) {
    has_digit |= is_digit(c);
    const bool joins = c == '-' || c == '.' || c == ':';
    is_number &= is_digit(c) || joins;
    is_id &= is_hex(c) || joins;
  }
  if (!has_digit) return token;
  if (is_number) return "N";
  return is_id ? "ID" : std::string_view();
}

}  // namespace

std::string failure_shape(std::string_view reason) {
  std::string shape;
  for (std::size_t at = 0; at < reason.size() && shape.size() < kMostBytes;) {
    if (const std::size_t end = end_of_quoted(reason, at); end != std::string_view::npos) {
      shape += reason[at];
      shape += "…";
      shape += reason[at];
      at = end;
    } else if (is_word(reason[at])) {
      const std::size_t end = end_of_token(reason, at);
      const std::string_view token = reason.substr(at, end - at);
      const std::string_view whole = shape_of_token(token);
      if (whole.data() != nullptr) {
        shape += whole;
      } else {  // a name with numbers in it: only the numbers go
        for (std::size_t i = 0; i < token.size(); ++i)
          if (!is_digit(token[i])) {
            shape += token[i];
          } else if (i == 0 || !is_digit(token[i - 1])) {
            shape += 'N';
          }
      }
      at = end;
    } else {
      shape += reason[at++];
    }
  }
  if (shape.size() > kMostBytes) {
    std::size_t end = kMostBytes;
    while (end > 0 && (static_cast<unsigned char>(shape[end]) & 0xC0) == 0x80) --end;
    shape.resize(end);
  }
  return shape;
}

std::string failure_group(const DeadLetter& entry) {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  const std::string text = fmt::format("{}\n{}\n{}", entry.plugin_id, entry.code, failure_shape(entry.reason));
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return fmt::format("{:08x}", static_cast<std::uint32_t>(hash ^ hash >> 32));
}

}  // namespace logboom
