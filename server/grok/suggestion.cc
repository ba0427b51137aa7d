#include "server/grok/suggestion.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "pipeline/text/matcher.h"

namespace logboom {
namespace {

constexpr std::size_t kFewestFieldsOfALine = 4;  // a pattern of the library with fewer is a part of lines
constexpr std::size_t kLongestToken = 4096;

std::shared_ptr<const Matcher> compiled(const PatternLibrary& library, const std::string& pattern,
                                        GrokExpression* out = nullptr) {
  auto expression = library.expand(pattern);
  if (!expression) return nullptr;
  auto matcher = Matcher::compile(expression->regex, {.dot_matches_newline = true, .captures_unnamed = false});
  if (out != nullptr) *out = std::move(*expression);
  return matcher ? *matcher : nullptr;
}

bool matches_all(const Matcher& matcher, const std::vector<std::string>& lines, MatchScratch& scratch) {
  return std::all_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return matcher.match(line, scratch) == MatchStatus::Matched; });
}

/// The library's pattern that takes all lines whole and sets the most fields in each, or "".
std::string whole_line_pattern(const std::vector<std::string>& lines, const PatternLibrary& library) {
  std::string best;
  std::size_t most = kFewestFieldsOfALine - 1;
  MatchScratch scratch;
  for (const auto& [name, pattern] : library.patterns()) {
    GrokExpression expression;
    const std::string whole = "\\A%{" + name + "}\\z";
    const auto matcher = compiled(library, whole, &expression);
    if (matcher == nullptr || expression.captures.size() <= most) continue;
    std::size_t fewest = expression.captures.size();
    for (const std::string& line : lines) {
      std::set<std::string> set;
      if (matcher->match(line, scratch) == MatchStatus::Matched)
        for (const GrokCapture& capture : expression.captures)
          if (!scratch.group(capture.group).empty()) set.insert(capture.field);
      fewest = std::min(fewest, set.size());
      if (fewest <= most) break;
    }
    if (fewest <= most) continue;
    most = fewest;
    best = "^%{" + name + "}$";
  }
  return best;
}

/// A kind of text that is always a field, and what it is called.
struct Kind {
  const char* pattern;
  const char* ecs_field;
  const char* legacy_field;
};
// From the most special to the most general; the first that takes a text up to its border wins.
constexpr Kind kKinds[] = {
    {"TIMESTAMP_ISO8601", "timestamp", "timestamp"},
    {"HTTPDATE", "timestamp", "timestamp"},
    {"DATESTAMP_RFC2822", "timestamp", "timestamp"},
    {"DATESTAMP_OTHER", "timestamp", "timestamp"},
    {"SYSLOGTIMESTAMP", "timestamp", "timestamp"},
    {"DATESTAMP", "timestamp", "timestamp"},
    {"YEAR}/%{MONTHNUM}/%{MONTHDAY} %{TIME", "timestamp", "timestamp"},
    {"UUID", "[trace][id]", "uuid"},
    {"MAC", "[host][mac]", "mac"},
    {"IP", "[source][ip]", "ip"},
    {"URI", "[url][original]", "url"},
    {"EMAILADDRESS", "[user][email]", "email"},
    {"TIME", "time", "time"},
    {"LOGLEVEL", "[log][level]", "level"},
    {"UNIXPATH", "path", "path"},
    {"WINPATH", "path", "path"},
    {"QUOTEDSTRING", "quoted", "quoted"},
    {"NUMBER", "number", "number"},
};

enum class TokenType {
  Constant,  // the text itself
  Blank,
  Named,  // a Kind
  Word,
  Text,  // no blanks, ends at what follows
  Rest,  // whatever follows
};

struct Token {
  TokenType type = TokenType::Constant;
  std::string text;
  std::size_t kind = 0;
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0; }

bool is_joint(char c) { return std::string_view(".-/@#$").find(c) != std::string_view::npos; }

class Tokenizer {
 public:
  explicit Tokenizer(const PatternLibrary& library) {
    for (const Kind& kind : kKinds) matchers_.push_back(compiled(library, fmt::format("\\A%{{{}}}", kind.pattern)));
  }

  std::vector<Token> cut(std::string_view line) {
    std::vector<Token> tokens;
    std::size_t at = 0;
    while (at < line.size()) {
      tokens.push_back(next(line, at));
      at += tokens.back().text.size();
    }
    return tokens;
  }

 private:
  Token next(std::string_view line, std::size_t at) {
    const std::string_view rest = line.substr(at);
    const auto up_to = [&](auto&& belongs) {
      std::size_t end = 0;
      while (end < rest.size() && belongs(rest[end])) ++end;
      return std::string(rest.substr(0, end));
    };
    if (rest[0] == ' ' || rest[0] == '\t') return {TokenType::Blank, up_to([](char c) { return c == ' ' || c == '\t'; }), 0};
    const bool is_inside_word = at > 0 && is_word(line[at - 1]) && is_word(rest[0]);
    for (std::size_t kind = 0; !is_inside_word && kind < matchers_.size(); ++kind) {
      if (matchers_[kind] == nullptr) continue;
      if (matchers_[kind]->match(rest.substr(0, kLongestToken), scratch_) != MatchStatus::Matched) continue;
      std::string_view text = scratch_.group(0);
      // Punctuation at the end closes a sentence or a bracket and is no part of an address or a path.
      while (text.size() > 1 && std::string_view(".,:;").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
      const bool ends_well = text.size() == rest.size() || !is_word(rest[text.size()]) || !is_word(text.back());
      if (!text.empty() && ends_well) return {TokenType::Named, std::string(text), kind};
    }
    if (is_word(rest[0])) {
      std::string text = up_to(is_word);
      if (is_inside_word) return {TokenType::Word, std::move(text), 0};
      // com.acme.Main, pool-1, a/b: one name
      bool is_compound = false;
      for (std::size_t end = text.size(); end + 1 < rest.size() && is_joint(rest[end]) && is_word(rest[end + 1]);
           is_compound = true) {
        for (++end; end < rest.size() && is_word(rest[end]);) ++end;
        text = rest.substr(0, end);
      }
      return {is_compound ? TokenType::Text : TokenType::Word, std::move(text), 0};
    }
    return {TokenType::Constant, std::string(1, rest[0]), 0};
  }

  std::vector<std::shared_ptr<const Matcher>> matchers_;
  MatchScratch scratch_;
};

bool has_fraction(const Token& token) { return token.text.find('.') != std::string::npos; }

/// Makes `common` what it has in common with `other`: as long as both go the same way.
void generalise(std::vector<Token>& common, const std::vector<Token>& other) {
  std::size_t at = 0;
  for (; at < common.size() && at < other.size(); ++at) {
    Token& mine = common[at];
    const Token& theirs = other[at];
    if (mine.type == theirs.type && mine.kind == theirs.kind) {
      if (mine.type == TokenType::Constant && mine.text != theirs.text) break;
      if (mine.type == TokenType::Named) {
        if (has_fraction(theirs)) mine.text = theirs.text;
      } else if (mine.text != theirs.text) {
        mine.text.clear();
      }
      continue;
    }
    const auto has_letters = [](const Token& token) {
      return token.type == TokenType::Word || token.type == TokenType::Named || token.type == TokenType::Text;
    };
    if (!has_letters(mine) || !has_letters(theirs)) break;
    mine = {TokenType::Text, "", 0};
  }
  if (at < common.size() || at < other.size()) {
    common.resize(at);
    common.push_back({TokenType::Rest, "", 0});
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}%").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string name_from(std::string_view word) {
  std::string name;
  for (const char c : word) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool is_good = !name.empty() &&
                       std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) && (c & 0x80) == 0; }) &&
                       std::isdigit(static_cast<unsigned char>(name[0])) == 0;
  return is_good ? name : "";
}

/// Writes tokens as a pattern and finds names for its fields.
class PatternWriter {
 public:
  explicit PatternWriter(PatternSet names) : names_(names) {}

  std::string write(const std::vector<Token>& tokens, std::size_t count) {
    used_.clear();
    std::string out = "^";
    for (std::size_t at = 0; at < count; ++at) out += piece(tokens, at);
    if (count < tokens.size()) out += "%{GREEDYDATA:" + fresh("message") + "}";
    return out + "$";
  }

 private:
  std::string piece(const std::vector<Token>& tokens, std::size_t at) {
    const Token& token = tokens[at];
    switch (token.type) {
      case TokenType::Constant: return escaped(token.text);
      case TokenType::Blank: return token.text.empty() ? "%{SPACE}" : token.text;
      case TokenType::Word:
        if (!token.text.empty()) return token.text;
        return fmt::format("%{{WORD:{}}}", fresh(or_else(hint(tokens, at), "word")));
      case TokenType::Text: {
        if (!token.text.empty()) return escaped(token.text);
        const bool ends_at_blank = at + 1 == tokens.size() || tokens[at + 1].type == TokenType::Blank;
        return fmt::format("%{{{}:{}}}", ends_at_blank ? "NOTSPACE" : "DATA", fresh(or_else(hint(tokens, at), "text")));
      }
      case TokenType::Rest: return "%{GREEDYDATA:" + fresh("message") + "}";
      case TokenType::Named: break;
    }
    const Kind& kind = kKinds[token.kind];
    std::string name = names_ == PatternSet::EcsV1 ? kind.ecs_field : kind.legacy_field;
    const bool is_plain = name == "number" || name == "quoted" || name == "path" || name == "time";
    if (const std::string before = is_plain ? hint(tokens, at) : std::string(); !before.empty()) name = before;
    if (name == "[source][ip]" && used_.count(name) != 0) name = "[destination][ip]";
    name = fresh(name);
    if (std::string_view(kind.pattern) == "NUMBER")
      return fmt::format("%{{NUMBER:{}:{}}}", name, has_fraction(token) ? "float" : "int");
    // A kind of several patterns is captured by a group.
    if (std::string_view(kind.pattern).find('}') != std::string_view::npos)
      return fmt::format("(?<{}>%{{{}}})", name, kind.pattern);
    return fmt::format("%{{{}:{}}}", kind.pattern, name);
  }

  static std::string or_else(std::string name, const char* other) { return name.empty() ? other : name; }

  /// The word in front: key=value, key: value, "port 22".
  static std::string hint(const std::vector<Token>& tokens, std::size_t at) {
    for (std::size_t back = 1; back <= 3 && back <= at; ++back) {
      const Token& before = tokens[at - back];
      if (before.type == TokenType::Word) return name_from(before.text);
      const bool may_stand_between = before.type == TokenType::Blank || before.text == "=" || before.text == ":" ||
                                     before.text == "[" || before.text == "\"";
      if (!may_stand_between) return "";
    }
    return "";
  }

  std::string fresh(const std::string& name) {
    const int count = ++used_[name];
    if (count == 1) return name;
    return name.back() == ']' ? fmt::format("{}{}]", name.substr(0, name.size() - 1), count)
                              : fmt::format("{}{}", name, count);
  }

  PatternSet names_;
  std::map<std::string, int> used_;
};

}  // namespace

std::string suggest_pattern(const std::vector<std::string>& lines, const PatternLibrary& library, PatternSet names) {
  if (std::string whole = whole_line_pattern(lines, library); !whole.empty()) return whole;
  Tokenizer tokenizer(library);
  std::vector<Token> common = tokenizer.cut(lines.front());
  for (std::size_t i = 1; i < lines.size(); ++i) generalise(common, tokenizer.cut(lines[i]));
  // What the tokens promise may not hold (a reference takes more than the token did): then the tail becomes one field.
  PatternWriter writer(names);
  MatchScratch scratch;
  for (std::size_t count = common.size(); count > 0; --count) {
    std::string pattern = writer.write(common, count);
    const auto matcher = compiled(library, pattern);
    if (matcher != nullptr && matches_all(*matcher, lines, scratch)) return pattern;
  }
  return "^%{GREEDYDATA:message}$";
}

}  // namespace logboom
