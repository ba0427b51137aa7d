#include "plugins/filters/kv/text_edit.h"

#include <fmt/core.h>

#include <cstring>
#include <utility>

namespace logboom {
namespace {

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Collects the parts of a text that stay, at most as many bytes as it has.
class Remainder {
 public:
  Remainder(std::string_view text, Arena& arena) : begin_(arena.allocate_array<char>(text.size())), end_(begin_) {}
  void add(std::string_view part) {
    if (part.empty()) return;
    std::memcpy(end_, part.data(), part.size());
    end_ += part.size();
  }
  std::string_view text() const { return between(begin_, end_); }

 private:
  char* begin_;
  char* end_;
};

}  // namespace

Result<void> TextEdit::set_trimmed(std::string_view listed) {
  auto made = CharClass::parse(listed);
  if (!made) return made.error();
  auto ends = Matcher::compile(fmt::format("^[{0}]+|[{0}]+$", listed), {.captures = false});
  if (!ends) return ends.error();
  trimmed_ = std::move(*made);
  ends_of_lines_ = std::move(*ends);
  return {};
}

Result<void> TextEdit::set_removed(std::string_view listed) {
  auto made = CharClass::parse(listed);
  if (!made) return made.error();
  removed_ = std::move(*made);
  return {};
}

std::string_view TextEdit::apply(std::string_view text, Arena& arena, MatchScratch& scratch) const {
  if (trimmed_) text = trim(text, arena, scratch);
  if (removed_) text = remove(text, arena, scratch);
  if (letter_case_) text = with_letter_case(text, *letter_case_, arena);
  return text;
}

std::string_view TextEdit::trim(std::string_view text, Arena& arena, MatchScratch& scratch) const {
  if (text.find('\n') != std::string_view::npos) {
    Remainder kept(text, arena);
    MatchCursor cursor;
    std::size_t done = 0;
    while (ends_of_lines_->find_next(text, scratch, cursor) == MatchStatus::Matched) {
      kept.add(text.substr(done, scratch.begin(0) - done));
      done = scratch.end(0);
    }
    kept.add(text.substr(done));
    return kept.text();
  }
  const char* begin = text.data();
  const char* end = begin + text.size();
  std::size_t length = 0;
  while (trimmed_->contains_at(begin, end, scratch, length)) begin += length;
  while (begin != end) {
    const char* last = end - 1;
    while (last != begin && is_continuation(*last)) --last;
    if (!trimmed_->contains_at(last, end, scratch, length)) break;
    end = last;
  }
  return between(begin, end);
}

std::string_view TextEdit::remove(std::string_view text, Arena& arena, MatchScratch& scratch) const {
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* listed = removed_->find(at, end, scratch);
  if (listed == end) return text;
  Remainder kept(text, arena);
  while (listed != end) {
    kept.add(between(at, listed));
    std::size_t length = 0;
    removed_->contains_at(listed, end, scratch, length);
    at = listed + length;
    listed = removed_->find(at, end, scratch);
  }
  kept.add(between(at, end));
  return kept.text();
}

}  // namespace logboom
