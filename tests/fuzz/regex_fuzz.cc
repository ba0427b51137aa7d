// The text engine on hostile expressions and texts: the first byte holds options, then the expression up to a NUL, then the
// text. An expression is compiled or refused with a reason; a text is matched or not, and the scanner, PCRE2 and the linear
// engine agree.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/utf8.h"
#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_library.h"

namespace {

using namespace logboom;

constexpr std::size_t kLongestExpression = 200;
constexpr std::size_t kLongestText = 2000;

std::string places(const MatchScratch& scratch) {
  std::string out;
  for (std::size_t i = 0; i < scratch.group_count(); ++i) {
    if (scratch.is_set(i) && (scratch.begin(i) > scratch.end(i) || scratch.end(i) > kLongestText)) std::abort();
    out += scratch.is_set(i) ? std::to_string(scratch.begin(i)) + "," + std::to_string(scratch.end(i)) + " " : "- ";
  }
  return out;
}

void compare(const Matcher& all, const Matcher& plain, std::string_view text) {
  static MatchScratch scratch;
  static MatchScratch plain_scratch;
  const MatchStatus status = all.match_untrusted(text, scratch);
  const MatchStatus expected = plain.match_untrusted(text, plain_scratch);
  if (!is_valid_utf8(text)) {
    if (status != MatchStatus::NoMatch) std::abort();
    return;
  }
  if (status == MatchStatus::Matched && all.linear_says_maybe(text) == false) std::abort();
  if (status == MatchStatus::OverBudget || expected == MatchStatus::OverBudget) return;
  if (status != expected) std::abort();
  if (status == MatchStatus::Matched && places(scratch) != places(plain_scratch)) std::abort();
  MatchCursor cursor;
  std::size_t matches = 0;
  while (all.find_next(text, scratch, cursor) == MatchStatus::Matched)
    if (++matches > text.size() + 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string_view expression = input.substr(0, input.find('\0'));
  const std::string_view text = input.substr(std::min(input.size(), expression.size() + 1)).substr(0, kLongestText);
  if (expression.size() > kLongestExpression) return 0;
  MatcherOptions options;
  options.ignore_case = (data[0] & 1) != 0;
  options.dot_matches_newline = (data[0] & 2) != 0;
  options.captures_unnamed = (data[0] & 4) == 0;
  std::string regex(expression);
  if ((data[0] & 8) != 0) {
    const auto expanded = PatternLibrary::bundled(PatternSet::EcsV1).expand(expression);
    if (!expanded) return expanded.error().message.empty() ? 1 : 0;
    regex = expanded->regex;
  }
  const auto all = Matcher::compile(regex, options);
  options.may_scan = false;
  const auto plain = Matcher::compile(regex, options);
  if (!all) {
    if (all.error().message.empty() || plain) std::abort();
    return 0;
  }
  compare(**all, **plain, text);
  compare(**all, **plain, text);  // engines learn from what they have seen
  return 0;
}
