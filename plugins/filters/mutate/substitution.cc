#include "plugins/filters/mutate/substitution.h"

#include <cstring>
#include <utility>

namespace logboom {

Result<Substitution> Substitution::make(const std::string& needle, const std::string& replacement) {
  Substitution made;
  made.needle_ = FieldTemplate::parse(needle);
  made.replacement_ = FieldTemplate::parse(replacement);
  if (!made.needle_.is_literal()) return made;
  made.is_plain_text_ = !needle.empty() && needle.find_first_of("\\^$.|?*+()[]{}") == std::string::npos;
  if (made.is_plain_text_) return made;
  auto matcher = Matcher::compile(needle);
  if (!matcher) return matcher.error();
  made.matcher_ = std::move(*matcher);
  return made;
}

bool Substitution::prepare(const Event& event) {
  current_replacement_ = replacement_.render(event);
  if (needle_.is_literal()) return true;
  std::string needle(needle_.render(event));
  const auto known = made_.find(needle);
  if (known != made_.end()) {
    matcher_ = known->second;
    return true;
  }
  auto matcher = Matcher::compile(needle);
  if (!matcher) return false;
  matcher_ = *matcher;
  if (made_.size() >= kKeptExpressions) made_.clear();
  made_.emplace(std::move(needle), std::move(*matcher));
  return true;
}

bool Substitution::replace(std::string_view text, Arena& arena, std::string_view& result) {
  out_.clear();
  result = text;
  has_match_ = false;
  if (!(is_plain_text_ ? replace_literal(text) : replace_matches(text))) return false;
  if (has_match_) result = out_.empty() ? std::string_view("") : arena.copy(out_);
  return true;
}

bool Substitution::replace_literal(std::string_view text) {
  const std::string& needle = needle_.text();
  std::size_t copied = 0;
  while (copied < text.size()) {
    const void* found = memmem(text.data() + copied, text.size() - copied, needle.data(), needle.size());
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    has_match_ = true;
    out_.append(text, copied, at - copied);
    if (!append_replacement(text, text.substr(at, needle.size()), nullptr)) return false;
    copied = at + needle.size();
  }
  if (has_match_) out_.append(text, copied);
  return true;
}

bool Substitution::replace_matches(std::string_view text) {
  std::size_t copied = 0;
  MatchCursor cursor;
  while (matcher_->find_next(text, scratch_, cursor) == MatchStatus::Matched) {
    const std::size_t begin = scratch_.begin(0);
    has_match_ = true;
    out_.append(text, copied, begin - copied);
    if (!append_replacement(text, scratch_.group(0), &scratch_)) return false;
    copied = scratch_.end(0);
  }
  if (has_match_) out_.append(text, copied);
  return true;
}

std::optional<std::string_view> Substitution::named_group(std::string_view name, const MatchScratch& scratch) const {
  std::optional<std::string_view> found;
  for (const NamedGroup& group : matcher_->groups()) {
    if (group.name != name) continue;
    if (scratch.is_set(group.index)) found = scratch.group(group.index);  // of several with this name the last that matched
    if (!found) found = std::string_view();
  }
  return found;
}

bool Substitution::append_replacement(std::string_view text, std::string_view match, const MatchScratch* scratch) {
  std::string_view rest = current_replacement_;
  for (;;) {
    const std::size_t escape = rest.find('\\');
    if (escape == std::string_view::npos || escape + 1 == rest.size()) break;
    out_ += rest.substr(0, escape);
    const char kind = rest[escape + 1];
    std::size_t taken = 2;
    const auto before = static_cast<std::size_t>(match.data() - text.data());
    if (kind >= '1' && kind <= '9') {
      if (scratch != nullptr) out_ += scratch->group(static_cast<std::size_t>(kind - '0'));
    } else if (kind == '0' || kind == '&') {
      out_ += match;
    } else if (kind == '`') {
      out_ += text.substr(0, before);
    } else if (kind == '\'') {
      out_ += text.substr(before + match.size());
    } else if (kind == '\\') {
      out_ += '\\';
    } else if (kind == 'k' && rest.size() > escape + 2 && rest[escape + 2] == '<' &&
               rest.find('>', escape) != std::string_view::npos) {
      const std::size_t close = rest.find('>', escape);
      const std::string_view name = rest.substr(escape + 3, close - escape - 3);
      const auto group = scratch != nullptr ? named_group(name, *scratch) : std::nullopt;
      if (!group) return false;
      out_ += *group;
      taken = close - escape + 1;
    } else {
      out_ += rest.substr(escape, 2);
    }
    if (out_.size() > kLargestResult) return false;
    rest.remove_prefix(escape + taken);
  }
  out_ += rest;
  return out_.size() <= kLargestResult;
}

}  // namespace logboom
