#include "pipeline/config/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <utility>

namespace logboom {
namespace {

constexpr std::size_t kShownColumns = 120;  // of a source line; longer ones are cut around the caret
constexpr std::size_t kColumnsBefore = 60;  // kept left of the caret when a line is cut
constexpr std::string_view kCutMark = "...";

constexpr std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::Error: return "error";
    case Severity::Warning: return "warning";
    case Severity::Notice: return "notice";
  }
  return "error";
}

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 when there is none.
std::size_t sequence_length(std::string_view text, std::uint32_t& code_point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    code_point = lead;
    return 1;
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  code_point = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code_point = (code_point << 6) | (byte(i) & 0x3F);
  }
  return length;
}

/// Characters that would move the cursor or reorder the text of a terminal.
bool is_unprintable(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

/// One column of a source line: the bytes to print and where they stand.
struct Column {
  std::string_view text;
  std::size_t offset;  // in the line
};

std::vector<Column> columns_of(std::string_view line) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < line.size();) {
    std::uint32_t code_point = 0;
    const std::size_t length = sequence_length(line.substr(i), code_point);
    const bool is_shown = length > 0 && (code_point == '\t' || !is_unprintable(code_point));
    columns.push_back({is_shown ? line.substr(i, length) : std::string_view("?"), i});
    i += std::max<std::size_t>(length, 1);
  }
  return columns;
}

/// Text of a user inside a message, made harmless for a terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const Column& column : columns_of(text)) out += column.text == "\t" ? std::string_view("?") : column.text;
  return out;
}

void append_source_line(const SourceSpan& span, SourceLocation location, std::string_view hint, std::string& out) {
  const std::vector<Column> columns = columns_of(span.source->line(location.line));
  const auto column_at = [&](std::size_t offset) {  // index of the column that holds a byte of the line
    const auto after = std::upper_bound(columns.begin(), columns.end(), offset,
                                        [](std::size_t wanted, const Column& column) { return wanted < column.offset; });
    return after == columns.begin() ? std::size_t{0} : static_cast<std::size_t>(after - columns.begin()) - 1;
  };
  const std::size_t line_bytes = span.source->line(location.line).size();
  const std::size_t from = location.column - 1;
  const std::size_t caret = from >= line_bytes ? columns.size() : column_at(from);
  const std::size_t to = std::min<std::size_t>(line_bytes, from + std::max<std::uint32_t>(span.length, 1));
  std::size_t caret_end = to > from ? column_at(to - 1) + 1 : caret + 1;

  std::size_t first = 0;
  std::size_t last = columns.size();
  if (columns.size() > kShownColumns) {
    first = caret > kColumnsBefore ? caret - kColumnsBefore : 0;
    last = std::min(columns.size(), first + kShownColumns);
    first = last - kShownColumns;
  }
  const std::string_view left_mark = first > 0 ? kCutMark : std::string_view();
  const std::string_view right_mark = last < columns.size() ? kCutMark : std::string_view();
  caret_end = std::max(caret + 1, std::min(caret_end, std::max(last, caret + 1)));

  std::string shown(left_mark);
  std::string pointer(left_mark.size(), ' ');
  for (std::size_t i = first; i < last; ++i) {
    shown += columns[i].text;
    if (i < caret) pointer += columns[i].text == "\t" ? '\t' : ' ';  // a tab stays a tab, so the caret stays aligned
  }
  shown += right_mark;
  pointer += '^';
  pointer.append(caret_end - caret - 1, '~');
  if (!hint.empty()) pointer.append(" ").append(printable(hint));
  out += fmt::format("{:>5} |{}{}\n      | {}\n", location.line, shown.empty() ? "" : " ", shown, pointer);
}

}  // namespace

void Diagnostics::add(Severity severity, SourceSpan span, std::string message, std::string hint) {
  if (severity == Severity::Error) ++error_count_;
  items_.push_back({severity, span, std::move(message), std::move(hint)});
}

void Diagnostics::error(SourceSpan span, std::string message, std::string hint) {
  add(Severity::Error, span, std::move(message), std::move(hint));
}

void Diagnostics::warning(SourceSpan span, std::string message, std::string hint) {
  add(Severity::Warning, span, std::move(message), std::move(hint));
}

void Diagnostics::notice(SourceSpan span, std::string message, std::string hint) {
  add(Severity::Notice, span, std::move(message), std::move(hint));
}

std::string Diagnostics::render() const {
  std::vector<const Diagnostic*> ordered;
  for (const Diagnostic& item : items_) ordered.push_back(&item);
  std::stable_sort(ordered.begin(), ordered.end(), [](const Diagnostic* a, const Diagnostic* b) {
    const std::string_view a_name = a->span.source ? std::string_view(a->span.source->name()) : std::string_view();
    const std::string_view b_name = b->span.source ? std::string_view(b->span.source->name()) : std::string_view();
    return a_name != b_name ? a_name < b_name : a->span.offset < b->span.offset;
  });
  std::string out;
  for (const Diagnostic* item : ordered) out += render_diagnostic(*item);
  return out;
}

std::string render_diagnostic(const Diagnostic& diagnostic) {
  const std::string what = fmt::format("{}: {}\n", severity_name(diagnostic.severity), printable(diagnostic.message));
  if (!diagnostic.span.source) {
    return diagnostic.hint.empty() ? what : fmt::format("{}      | {}\n", what, printable(diagnostic.hint));
  }
  const SourceLocation location = diagnostic.span.source->locate(diagnostic.span.offset);
  std::string out =
      fmt::format("{}:{}:{}: {}", printable(diagnostic.span.source->name()), location.line, location.column, what);
  append_source_line(diagnostic.span, location, diagnostic.hint, out);
  return out;
}

namespace {

/// Edit distance where swapping two neighbours counts one (optimal string alignment); case does not count.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

/// How many edits still look like a typing error for a word of this length.
std::size_t allowed_edits(std::size_t length) { return length <= 2 ? 0 : length <= 4 ? 1 : length <= 8 ? 2 : 3; }

}  // namespace

std::string_view nearest_name(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view nearest;
  std::size_t nearest_distance = SIZE_MAX;
  for (const std::string_view candidate : candidates) {
    const std::size_t allowed = allowed_edits(std::max(word.size(), candidate.size()));
    const std::size_t difference =
        word.size() > candidate.size() ? word.size() - candidate.size() : candidate.size() - word.size();
    if (difference > allowed) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance <= allowed && distance < nearest_distance) {
      nearest = candidate;
      nearest_distance = distance;
    }
  }
  return nearest;
}

}  // namespace logboom
