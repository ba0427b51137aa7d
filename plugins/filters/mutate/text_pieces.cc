#include "plugins/filters/mutate/text_pieces.h"

#include <algorithm>

#include "pipeline/base/utf8.h"

namespace logboom {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void split_at_blanks(std::string_view text, Array& out, Arena& arena) {
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && is_space(text[at])) ++at;
    const std::size_t start = at;
    while (at < text.size() && !is_space(text[at])) ++at;
    if (at > start) out.push(arena, Value::string(text.substr(start, at - start)));
  }
}

void split_characters(std::string_view text, Array& out, Arena& arena) {
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_sequence_length(text), 1);
    out.push(arena, Value::string(text.substr(0, length)));
    text.remove_prefix(length);
  }
}

}  // namespace

std::string_view stripped(std::string_view text) {
  while (!text.empty() && (is_space(text.front()) || text.front() == '\0')) text.remove_prefix(1);
  while (!text.empty() && (is_space(text.back()) || text.back() == '\0')) text.remove_suffix(1);
  return text;
}

Array* split_text(std::string_view text, std::string_view separator, Arena& arena) {
  Array* out = Array::make(arena, 8);
  if (separator == " ") {
    split_at_blanks(text, *out, arena);
  } else if (separator.empty()) {
    split_characters(text, *out, arena);
  } else {
    std::uint32_t last_filled = 0;  // items up to the last that is not empty
    for (std::size_t start = 0;;) {
      const std::size_t end = text.find(separator, start);
      const std::string_view piece = text.substr(start, end == std::string_view::npos ? end : end - start);
      out->push(arena, Value::string(piece));
      if (!piece.empty()) last_filled = out->size();
      if (end == std::string_view::npos) break;
      start = end + separator.size();
    }
    while (out->size() > last_filled) out->erase(out->size() - 1);
  }
  return out;
}

}  // namespace logboom
