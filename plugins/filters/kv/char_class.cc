#include "plugins/filters/kv/char_class.h"

#include <fmt/core.h>

#include <cctype>
#include <utility>

#include "pipeline/base/utf8.h"

namespace logboom {
namespace {

constexpr unsigned char kFirstWideByte = 0x80;

bool is_wide(char c) { return static_cast<unsigned char>(c) >= kFirstWideByte; }

/// False only for what surely lists nothing beyond ASCII.
bool may_list_wide(std::string_view listed) {
  static constexpr std::string_view kNarrowEscapes = "tnrfvaesdwhc";
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const char c = listed[i];
    if (is_wide(c) || c == '^' || c == '[' || c == '&') return true;
    if (c != '\\') continue;
    if (++i == listed.size()) return true;
    const bool is_narrow = std::ispunct(static_cast<unsigned char>(listed[i])) != 0 || listed[i] == ' ' ||
                           kNarrowEscapes.find(listed[i]) != std::string_view::npos;
    if (!is_narrow) return true;
  }
  return false;
}

std::bitset<128> without_backslash(std::bitset<128> set) { return set.reset('\\'); }

}  // namespace

CharClass::CharClass(const std::bitset<128>& members, const std::bitset<128>& others)
    : members_(members), others_(others), ordinary_(without_backslash(others)) {}

Result<CharClass> CharClass::parse(std::string_view listed) {
  auto matcher = Matcher::compile(fmt::format("\\A[{}]", listed), {.captures = false});
  if (!matcher) return matcher.error();
  std::bitset<128> members;
  MatchScratch scratch;
  for (std::size_t byte = 0; byte < members.size(); ++byte) {
    const char c = static_cast<char>(byte);
    const bool is_listed = (*matcher)->match({&c, 1}, scratch) == MatchStatus::Matched;
    // Not a class but, say, "a]|[b": what matches is then no single character.
    if (is_listed && scratch.end(0) != 1) return Error{ErrorCode::InvalidArgument, "] has to be written \\]"};
    members[byte] = is_listed;
  }
  CharClass made(members, ~members);
  if (may_list_wide(listed)) made.wide_ = std::move(*matcher);
  return made;
}

bool CharClass::contains_wide(const char* at, const char* end, MatchScratch& scratch, std::size_t& length) const {
  if (!wide_) return false;
  length = utf8_sequence_length({at, static_cast<std::size_t>(end - at)});
  return length != 0 && wide_->match({at, length}, scratch) == MatchStatus::Matched;
}

bool CharClass::contains_at(const char* at, const char* end, MatchScratch& scratch, std::size_t& length) const {
  if (at == end) return false;
  if (is_wide(*at)) return contains_wide(at, end, scratch, length);
  length = 1;
  return members_.contains(*at);
}

const char* CharClass::skip_unquoted(const char* at, const char* end, MatchScratch& scratch, const char*& escape) const {
  std::size_t length = 0;
  for (;;) {
    at = ordinary_.skip(at, end);
    if (at == end) return at;
    if (*at == '\\' && end - at > 1 && at[1] == ' ') {
      escape = at;
      at += 2;
    } else if (contains_at(at, end, scratch, length)) {
      return at;
    } else {
      ++at;
    }
  }
}

const char* CharClass::find(const char* at, const char* end, MatchScratch& scratch) const {
  std::size_t length = 0;
  for (;; ++at) {
    at = others_.skip(at, end);
    if (at == end || contains_at(at, end, scratch, length)) return at;
  }
}

}  // namespace logboom
