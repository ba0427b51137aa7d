#include "server/cli/columns.h"

#include <algorithm>

namespace logboom {
namespace {

/// Characters, not bytes.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

}  // namespace

void Columns::add(std::vector<std::string> row) {
  for (std::string& text : row)
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  rows_.push_back(std::move(row));
}

std::string Columns::text() const {
  std::vector<std::size_t> widths(rows_[0].size());
  std::vector<bool> are_numbers(rows_[0].size(), true);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
      if (&row != &rows_[0] && !is_number(row[i])) are_numbers[i] = false;
    }
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += "  ";
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      const bool is_last = i + 1 == row.size();
      out += are_numbers[i] ? padding + row[i] : is_last ? row[i] : row[i] + padding;
    }
    out += '\n';
  }
  return out;
}

}  // namespace logboom
