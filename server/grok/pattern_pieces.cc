#include "server/grok/pattern_pieces.h"

#include "pipeline/base/utf8.h"

namespace logboom {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

class Cutter {
 public:
  explicit Cutter(std::string_view pattern) : pattern_(pattern) {}

  std::vector<std::vector<PatternPiece>> cut() {
    std::vector<std::vector<PatternPiece>> alternatives(1);
    std::size_t at = 0;
    while (at < pattern_.size()) {
      if (pattern_[at] == '|') {
        alternatives.emplace_back();
        ++at;
        continue;
      }
      PatternPiece piece;
      const std::size_t atom_end = end_of_atom(at, piece);
      const std::size_t end = end_of_quantifier(atom_end);
      if (end != atom_end) piece.is_literal = false;
      piece.text = pattern_.substr(at, end - at);
      alternatives.back().push_back(piece);
      at = end;
    }
    return alternatives;
  }

 private:
  char at_or_nul(std::size_t at) const { return at < pattern_.size() ? pattern_[at] : '\0'; }

  std::size_t end_of_atom(std::size_t at, PatternPiece& piece) const {
    const char c = pattern_[at];
    if (c == '%' && at_or_nul(at + 1) == '{') {
      const std::size_t end = end_of_braces(at + 1);
      const std::size_t name_end = pattern_.find_first_of(":=}", at + 2);
      if (name_end != kNone) piece.reference = pattern_.substr(at + 2, name_end - at - 2);
      return end;
    }
    if (c == '\\') return end_of_escape(at);
    if (c == '[') return end_of_class(at);
    if (c == '(') return end_of_group(at);
    if (c == '^' || c == '$' || c == '.') return at + 1;
    piece.is_literal = true;
    const std::size_t length = utf8_sequence_length(pattern_.substr(at));
    return at + (length == 0 ? 1 : length);
  }

  std::size_t end_of_braces(std::size_t open) const {
    int depth = 0;
    for (std::size_t at = open; at < pattern_.size(); ++at) {
      if (pattern_[at] == '\\') {
        ++at;
      } else if (pattern_[at] == '{') {
        ++depth;
      } else if (pattern_[at] == '}' && --depth == 0) {
        return at + 1;
      }
    }
    return pattern_.size();
  }

  std::size_t end_of_escape(std::size_t at) const {
    const char kind = at_or_nul(at + 1);
    const std::size_t behind = std::min(at + 2, pattern_.size());
    const char open = at_or_nul(behind);
    if (open == '{' && (kind == 'p' || kind == 'P' || kind == 'u' || kind == 'x' || kind == 'o'))
      return end_behind('}', behind);
    if ((kind == 'k' || kind == 'g') && open == '<') return end_behind('>', behind);
    std::size_t digits = 0;
    if (kind == 'x') digits = 2;
    if (kind == 'u') digits = 4;
    std::size_t end = behind;
    while (digits-- > 0 && isxdigit(static_cast<unsigned char>(at_or_nul(end))) != 0) ++end;
    return end;
  }

  std::size_t end_behind(char closer, std::size_t from) const {
    const std::size_t at = pattern_.find(closer, from);
    return at == kNone ? pattern_.size() : at + 1;
  }

  std::size_t end_of_class(std::size_t open) const {
    int depth = 0;
    for (std::size_t at = open; at < pattern_.size(); ++at) {
      if (pattern_[at] == '\\') {
        ++at;
      } else if (pattern_[at] == '[') {
        ++depth;
        if (at_or_nul(at + 1) == '^') ++at;
        if (at_or_nul(at + 1) == ']') ++at;  // a first ] stands for itself
      } else if (pattern_[at] == ']' && --depth == 0) {
        return at + 1;
      }
    }
    return pattern_.size();
  }

  std::size_t end_of_group(std::size_t open) const {
    int depth = 0;
    for (std::size_t at = open; at < pattern_.size();) {
      const char c = pattern_[at];
      if (c == '\\') {
        at = end_of_escape(at);
      } else if (c == '[') {
        at = end_of_class(at);
      } else {
        ++at;
        if (c == '(') ++depth;
        if (c == ')' && --depth == 0) return at;
      }
    }
    return pattern_.size();
  }

  std::size_t end_of_quantifier(std::size_t at) const {
    for (;;) {
      const char c = at_or_nul(at);
      if (c == '*' || c == '+' || c == '?') {
        ++at;
      } else if (c == '{' && (isdigit(static_cast<unsigned char>(at_or_nul(at + 1))) != 0 || at_or_nul(at + 1) == ',')) {
        at = end_behind('}', at);
      } else {
        return at;
      }
    }
  }

  std::string_view pattern_;
};

}  // namespace

std::vector<std::vector<PatternPiece>> cut_pattern(std::string_view pattern) { return Cutter(pattern).cut(); }

}  // namespace logboom
