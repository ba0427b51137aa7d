#include "pipeline/event/time_pattern.h"

namespace logboom {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

bool PatternReader::next(PatternToken& token) {
  token = {};
  if (at_ == pattern_.size()) return false;
  if (is_letter(pattern_[at_])) {
    token.letter = pattern_[at_];
    while (at_ < pattern_.size() && pattern_[at_] == token.letter) {
      ++at_;
      ++token.count;
    }
    return true;
  }
  bool is_quoted = false;
  for (; at_ < pattern_.size(); ++at_) {
    const char c = pattern_[at_];
    if (c == '\'') {
      if (at_ + 1 < pattern_.size() && pattern_[at_ + 1] == '\'') {
        token.literal += c;
        ++at_;
      } else {
        is_quoted = !is_quoted;
      }
    } else if (!is_quoted && is_letter(c)) {
      break;
    } else if (dialect_ == PatternDialect::Java && !is_quoted && c == '[') {
      ++optional_depth_;
    } else if (dialect_ == PatternDialect::Java && !is_quoted && c == ']') {
      has_reserved_ = has_reserved_ || optional_depth_ == 0;
      if (optional_depth_ > 0) --optional_depth_;
    } else {
      if (dialect_ == PatternDialect::Java && !is_quoted && (c == '{' || c == '}' || c == '#')) has_reserved_ = true;
      token.literal += c;
    }
  }
  has_open_quote_ = is_quoted;
  return true;
}

}  // namespace logboom
