#include "pipeline/config/source_text.h"

#include <algorithm>
#include <utility>

namespace logboom {

SourceText::SourceText(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.compare(0, kByteOrderMark.size(), kByteOrderMark) == 0) text_.erase(0, kByteOrderMark.size());
  line_starts_.push_back(0);
  for (std::size_t i = text_.find('\n'); i != std::string::npos; i = text_.find('\n', i + 1))
    line_starts_.push_back(static_cast<std::uint32_t>(i + 1));
}

SourceLocation SourceText::locate(std::uint32_t offset) const {
  offset = static_cast<std::uint32_t>(std::min<std::size_t>(offset, text_.size()));
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = static_cast<std::uint32_t>(after - line_starts_.begin());
  return {line, offset - line_starts_[line - 1] + 1};
}

std::string_view SourceText::line(std::uint32_t number) const {
  if (number == 0 || number > line_starts_.size()) return {};
  const std::size_t begin = line_starts_[number - 1];
  const std::size_t end = number < line_starts_.size() ? line_starts_[number] - 1 : text_.size();
  std::string_view found = std::string_view(text_).substr(begin, end - begin);
  if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
  return found;
}

std::optional<std::uint32_t> SourceText::first_invalid_utf8() const {
  const std::string_view text = text_;
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto is_tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    std::size_t length = 1;
    bool is_valid = lead < 0x80;
    if (lead >= 0xC2 && lead <= 0xDF) {
      length = 2;
      is_valid = is_tail(i + 1);
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      length = 3;
      const bool is_long_form = lead == 0xE0 && byte(i + 1) < 0xA0;
      const bool is_surrogate = lead == 0xED && byte(i + 1) > 0x9F;
      is_valid = is_tail(i + 1) && is_tail(i + 2) && !is_long_form && !is_surrogate;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      length = 4;
      const bool is_long_form = lead == 0xF0 && byte(i + 1) < 0x90;
      const bool is_past_unicode = lead == 0xF4 && byte(i + 1) > 0x8F;
      is_valid = is_tail(i + 1) && is_tail(i + 2) && is_tail(i + 3) && !is_long_form && !is_past_unicode;
    }
    if (!is_valid) return static_cast<std::uint32_t>(i);
    i += length;
  }
  return std::nullopt;
}

}  // namespace logboom
