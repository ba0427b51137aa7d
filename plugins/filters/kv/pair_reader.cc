#include "plugins/filters/kv/pair_reader.h"

#include <fmt/core.h>
#include <time.h>

#include <cstring>
#include <utility>

namespace logboom {
namespace {

constexpr std::string_view kOpeners = "\"'([<";
constexpr std::string_view kClosers = "\"')]>";
constexpr std::size_t kQuotes = 2;  // the first of them; the others are brackets
// A pair may be found within the matcher's limits after a look at all of the text behind it, and so may the next.
constexpr std::uint32_t kPairsBetweenLooks = 64;
constexpr double kSecondsPerText = 0.1;
constexpr double kSecondsPerByte = 1e-6;

/// Processor time of this thread.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Result<CharClass> read_class(std::string_view option, std::string_view listed) {
  auto made = CharClass::parse(listed);
  if (made) return made;
  return Error{ErrorCode::InvalidArgument,
               fmt::format("{} is read as the inside of [ and ] of a regular expression: {}", option, made.error().message)};
}

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

const char* skip_blanks(const char* at, const char* end) {
  while (at != end && *at == ' ') ++at;
  return at;
}

}  // namespace

CharacterPairs::CharacterPairs(CharClass field_split, CharClass value_split, CharClass either,
                               const PairSeparators& separators)
    : field_split_(std::move(field_split)),
      value_split_(std::move(value_split)),
      either_(std::move(either)),
      is_lenient_(separators.is_lenient),
      include_brackets_(separators.include_brackets) {}

Result<CharacterPairs> CharacterPairs::make(const PairSeparators& separators) {
  auto field_split = read_class("field_split", separators.field_split);
  if (!field_split) return field_split.error();
  auto value_split = read_class("value_split", separators.value_split);
  if (!value_split) return value_split.error();
  auto either = read_class("value_split with field_split behind it", separators.value_split + separators.field_split);
  if (!either) return either.error();
  return CharacterPairs(std::move(*field_split), std::move(*value_split), std::move(*either), separators);
}

/// Where the value begins when a value splitter stands at `at`, else nullptr.
const char* CharacterPairs::behind_value_split(const char* at, Cursor& cursor) const {
  const char* const end = cursor.end_;
  const char* const splitter = is_lenient_ ? skip_blanks(at, end) : at;
  std::size_t length = 0;
  if (value_split_.contains_at(splitter, end, cursor.scratch_, length))
    return is_lenient_ ? skip_blanks(splitter + length, end) : splitter + length;
  // The last of the blanks may be the splitter itself.
  return splitter != at && value_split_.contains(' ') ? splitter : nullptr;
}

PairOutcome CharacterPairs::next(Cursor& cursor, Pair& pair) const {
  const char* const end = cursor.end_;
  const char* at = cursor.at_;
  while (at != end) {
    const char* const key = at;
    const char* escape = nullptr;
    at = either_.skip_unquoted(at, end, cursor.scratch_, escape);
    if (at == key) {  // a separator
      std::size_t length = 0;
      either_.contains_at(at, end, cursor.scratch_, length);
      at += length;
      continue;
    }
    const char* value = behind_value_split(at, cursor);
    const char* key_end = at;
    if (value == nullptr && escape != nullptr) {  // then a part of "\\ " splits after all
      if (value_split_.contains('\\')) {
        key_end = escape == key ? at : escape;
      } else if (value_split_.contains(' ') && !field_split_.contains('\\')) {
        key_end = escape + 1;
      }
      if (key_end != at) value = behind_value_split(key_end, cursor);
    }
    if (value == nullptr) continue;
    pair.key = between(key, key_end);
    cursor.at_ = value;
    read_value(cursor, pair);
    return PairOutcome::Found;
  }
  cursor.at_ = end;
  return PairOutcome::End;
}

/// Text in quotes or brackets, when a field separator or the end of a line is behind it.
bool CharacterPairs::read_enclosed(Cursor& cursor, Pair& pair) const {
  const std::size_t kind = kOpeners.find(*cursor.at_);
  if (kind == std::string_view::npos || (kind >= kQuotes && !include_brackets_)) return false;
  const char* const content = cursor.at_ + 1;
  const char*& closer = cursor.closers_[kind];
  if (closer == nullptr || closer < content) {
    closer = static_cast<const char*>(memchr(content, kClosers[kind], static_cast<std::size_t>(cursor.end_ - content)));
    if (closer == nullptr) closer = cursor.end_;
  }
  if (closer == cursor.end_) return false;
  const char* const behind = closer + 1;
  std::size_t length = 0;
  if (field_split_.contains_at(behind, cursor.end_, cursor.scratch_, length)) {
    cursor.at_ = behind + length;
  } else if (behind == cursor.end_ || *behind == '\n') {
    cursor.at_ = behind;
  } else {
    return false;
  }
  pair.value = between(content, closer);
  return true;
}

void CharacterPairs::read_value(Cursor& cursor, Pair& pair) const {
  const char* const value = cursor.at_;
  if (value != cursor.end_ && read_enclosed(cursor, pair)) return;
  const char* escape = nullptr;
  const char* const value_end = field_split_.skip_unquoted(value, cursor.end_, cursor.scratch_, escape);
  pair.value = between(value, value_end);
  std::size_t length = 0;
  cursor.at_ = field_split_.contains_at(value_end, cursor.end_, cursor.scratch_, length) ? value_end + length : value_end;
}

Result<PatternPairs> PatternPairs::make(const PairSeparators& separators, std::uint64_t budget) {
  const auto separator = [](std::string_view pattern, std::string_view listed) {
    return pattern.empty() ? fmt::format("[{}]", listed) : fmt::format("(?:{})", pattern);
  };
  for (const auto& [option, pattern] :
       {std::pair<std::string_view, std::string_view>{"field_split_pattern", separators.field_split_pattern},
        {"value_split_pattern", separators.value_split_pattern}}) {
    const auto alone = Matcher::compile(pattern);
    if (!alone) return Error{ErrorCode::InvalidArgument, fmt::format("{}: {}", option, alone.error().message)};
  }
  const std::string field_split = separator(separators.field_split_pattern, separators.field_split);
  const std::string blanks = separators.is_lenient ? " *" : "";
  const std::string value_split = blanks + separator(separators.value_split_pattern, separators.value_split) + blanks;
  std::string expression = fmt::format(R"((?<key>(?:\\ |(?!{}|{}).)+){}(?:)", value_split, field_split, value_split);
  for (std::size_t kind = 0; kind < kOpeners.size(); ++kind) {
    if (kind >= kQuotes && !separators.include_brackets) break;
    expression += fmt::format(R"(\{0}(?<value>[^\{1}]*)\{1}|)", kOpeners[kind], kClosers[kind]);
  }
  expression += separators.field_split_pattern.empty() ? fmt::format(R"((?<value>(?:\\ |[^{}])+))", separators.field_split)
                                                       : fmt::format(R"((?<value>(?:\\ |(?!{}).)+))", field_split);
  expression += fmt::format(")?(?:{}|$)", field_split);
  PatternPairs made;
  auto matcher = Matcher::compile(expression, {.captures_unnamed = false});
  if (!matcher)
    return Error{ErrorCode::InvalidArgument, "the splitting patterns cannot stand side by side: " + matcher.error().message};
  made.matcher_ = std::move(*matcher);
  made.budget_ = budget;
  for (const NamedGroup& group : made.matcher_->groups()) {
    if (group.name == "key") made.key_group_ = group.index;
    if (group.name == "value") made.value_groups_.push_back(group.index);
  }
  return made;
}

PatternPairs::Cursor::Cursor(std::string_view text, MatchScratch& scratch)
    : scratch_(scratch),
      text_(text),
      deadline_(thread_seconds() + kSecondsPerText + kSecondsPerByte * static_cast<double>(text.size())) {}

PairOutcome PatternPairs::next(Cursor& cursor, Pair& pair) const {
  if (++cursor.pairs_ % kPairsBetweenLooks == 0 && thread_seconds() > cursor.deadline_) return PairOutcome::OverBudget;
  switch (matcher_->find_next(cursor.text_, cursor.scratch_, cursor.place_, budget_)) {
    case MatchStatus::NoMatch: return PairOutcome::End;
    case MatchStatus::OverBudget: return PairOutcome::OverBudget;
    case MatchStatus::Matched: break;
  }
  pair.key = cursor.scratch_.group(key_group_);
  pair.value = {};
  for (const std::size_t group : value_groups_)
    if (cursor.scratch_.is_set(group)) pair.value = cursor.scratch_.group(group);
  return PairOutcome::Found;
}

}  // namespace logboom
