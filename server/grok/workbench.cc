#include "server/grok/workbench.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace logboom {
namespace {

constexpr std::size_t kLongestShown = 300;
constexpr std::size_t kMostCompiled = 1000;  // prefixes that are remembered
constexpr int kDeepestLook = 30;
constexpr std::size_t kTellsAlternatives = 4;  // bytes that one of several has to come further

std::string shortened(std::string_view text) {
  if (text.size() <= kLongestShown) return std::string(text);
  return fmt::format("{}… ({} bytes)", text.substr(0, kLongestShown), text.size());
}

const char* type_name(CaptureType type) {
  switch (type) {
    case CaptureType::Int: return "int";
    case CaptureType::Float: return "float";
    case CaptureType::None: break;
  }
  return "text";
}

std::string text_of(const std::vector<PatternPiece>& pieces, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += pieces[i].text;
  return text;
}

/// What stands in a group without a quantifier, empty for other pieces.
std::string_view inside_of_group(std::string_view piece) {
  if (piece.size() < 2 || piece.front() != '(' || piece.back() != ')') return {};
  std::string_view inside = piece.substr(1, piece.size() - 2);
  if (inside.empty() || inside.front() != '?') return inside;
  if (inside.rfind("?:", 0) == 0 || inside.rfind("?>", 0) == 0) return inside.substr(2);
  const bool is_named = inside.rfind("?<", 0) == 0 && inside.size() > 2 && inside[2] != '=' && inside[2] != '!';
  const std::size_t name_end = inside.find('>');
  return is_named && name_end != std::string_view::npos ? inside.substr(name_end + 1) : std::string_view();
}

/// The name in %{NAME} or %{NAME:field}, empty for other pieces and for those that define it or repeat.
std::string_view name_of_reference(std::string_view piece) {
  if (piece.rfind("%{", 0) != 0 || piece.find('}') != piece.size() - 1 || piece.find('=') != std::string_view::npos)
    return {};
  return piece.substr(2, piece.find_first_of(":}") - 2);
}

bool takes_anything(const PatternPiece& piece) {
  return piece.reference == "GREEDYDATA" || piece.reference == "DATA" || piece.text == ".*" || piece.text == ".*?";
}

}  // namespace

std::shared_ptr<const Matcher> GrokWorkbench::compile(const std::string& text) {
  if (const auto known = compiled_.find(text); known != compiled_.end()) return known->second;
  if (compiled_.size() >= kMostCompiled) compiled_.clear();
  std::shared_ptr<const Matcher>& made = compiled_[text];
  const auto expression = library_.expand(text, options_);
  if (!expression) return nullptr;
  auto matcher = Matcher::compile(expression->regex, {.dot_matches_newline = true, .captures = false});
  if (matcher) made = std::move(*matcher);
  return made;
}

Result<void> GrokWorkbench::add(std::string_view pattern) {
  Pattern made;
  made.text = pattern;
  auto expression = library_.expand(pattern, options_);
  if (!expression) return expression.error();
  auto matcher = Matcher::compile(expression->regex, {.dot_matches_newline = true, .captures_unnamed = false});
  if (!matcher) return matcher.error();
  made.expression = std::move(*expression);
  made.matcher = std::move(*matcher);
  texts_.push_back(std::make_unique<std::string>(pattern));
  for (auto& pieces : cut_pattern(*texts_.back())) {
    Alternative alternative{std::move(pieces), {}};
    alternative.prefixes.resize(alternative.pieces.size() + 1);
    made.alternatives.push_back(std::move(alternative));
  }
  patterns_.push_back(std::move(made));
  return {};
}

std::optional<GrokMatch> GrokWorkbench::match(std::string_view line) {
  for (std::size_t at = 0; at < patterns_.size(); ++at) {
    const Pattern& pattern = patterns_[at];
    if (pattern.matcher->match(line, scratch_) != MatchStatus::Matched) continue;
    GrokMatch made{at, scratch_.begin(0), scratch_.end(0), {}};
    for (const GrokCapture& capture : pattern.expression.captures)
      if (scratch_.is_set(capture.group))
        made.fields.push_back({capture.field, scratch_.begin(capture.group), scratch_.end(capture.group)});
    std::stable_sort(made.fields.begin(), made.fields.end(),
                     [](const FieldSpan& a, const FieldSpan& b) { return a.begin < b.begin; });
    return made;
  }
  return std::nullopt;
}

bool GrokWorkbench::fits(Alternative& alternative, std::size_t count, std::string_view line) {
  auto& prefix = alternative.prefixes[count];
  if (prefix == nullptr) prefix = compile(text_of(alternative.pieces, count));
  return prefix != nullptr && prefix->match(line, scratch_) == MatchStatus::Matched;
}

bool GrokWorkbench::fits(const std::string& prefix, std::string_view line) {
  const auto matcher = compile(prefix);
  return matcher != nullptr && matcher->match(line, scratch_) == MatchStatus::Matched;
}

void GrokWorkbench::note_failing(const std::vector<PatternPiece>& pieces, std::size_t at, GrokDiagnosis& found) const {
  const PatternPiece& piece = pieces[at];
  found.failing = piece.text;
  found.expression.clear();
  for (std::size_t next = at + 1; piece.is_literal && next < pieces.size() && pieces[next].is_literal; ++next)
    found.failing += pieces[next].text;
  if (const auto* named = piece.reference.empty() ? nullptr : library_.find(piece.reference))
    found.expression = named->expression;
}

void GrokWorkbench::look_inside(std::string_view piece, std::string_view line, GrokDiagnosis& found, int depth) {
  std::string_view inside = inside_of_group(piece);
  const std::string_view name = inside.empty() ? name_of_reference(piece) : std::string_view();
  if (const auto* named = name.empty() ? nullptr : library_.find(name)) inside = named->expression;
  if (inside.empty() || depth == kDeepestLook) return;

  // Of the alternatives inside, the one that comes furthest. One that fits whole tells nothing.
  const std::string before = found.prefix;
  std::optional<GrokDiagnosis> best;
  std::string_view best_piece;
  const auto alternatives = cut_pattern(inside);
  for (const auto& pieces : alternatives) {
    std::size_t fitting = 0;
    std::size_t failing = pieces.size() + 1;
    while (failing - fitting > 1) {
      const std::size_t middle = fitting + (failing - fitting) / 2;
      (fits(before + text_of(pieces, middle), line) ? fitting : failing) = middle;
    }
    if (fitting == pieces.size()) continue;
    GrokDiagnosis made = found;
    made.prefix = before + text_of(pieces, fitting);
    if (fitting > 0 && fits(made.prefix, line)) {
      made.begin = scratch_.begin(0);
      made.end = scratch_.end(0);
    }
    if (best && made.end <= best->end) continue;
    note_failing(pieces, fitting, made);
    best_piece = pieces[fitting].text;
    best = std::move(made);
  }
  if (!best) return;
  // "Foo" is not a month that fails behind the F of February.
  if (alternatives.size() > 1 && best->end < found.end + kTellsAlternatives) return;
  // Without a step forward the piece as it was says more than the first of its parts.
  GrokDiagnosis deeper = *best;
  if (!name.empty()) deeper.within.emplace_back(name);
  look_inside(best_piece, line, deeper, depth + 1);
  if (deeper.end > found.end) found = std::move(deeper);
}

GrokDiagnosis GrokWorkbench::diagnose(std::string_view line) {
  GrokDiagnosis best;
  bool has_best = false;
  for (std::size_t at = 0; at < patterns_.size(); ++at) {
    if (patterns_[at].matcher->match(line, scratch_) == MatchStatus::OverBudget) {
      if (!has_best) best.pattern = at;
      best.is_over_budget |= !has_best;
      continue;
    }
    for (Alternative& alternative : patterns_[at].alternatives) {
      // What n pieces match, fewer match as well.
      std::size_t fitting = 0;
      std::size_t failing = alternative.pieces.size();
      while (failing - fitting > 1) {
        const std::size_t middle = fitting + (failing - fitting) / 2;
        (fits(alternative, middle, line) ? fitting : failing) = middle;
      }
      GrokDiagnosis made;
      made.pattern = at;
      made.prefix = text_of(alternative.pieces, fitting);
      if (fits(alternative, fitting, line)) {
        made.begin = scratch_.begin(0);
        made.end = scratch_.end(0);
      }
      if (fitting < alternative.pieces.size()) {
        note_failing(alternative.pieces, fitting, made);
        look_inside(alternative.pieces[fitting].text, line, made, 0);
      }
      if (!has_best || made.end > best.end) best = std::move(made);
      has_best = true;
    }
  }
  return best;
}

std::string GrokWorkbench::explain(std::size_t at) const {
  const Pattern& pattern = patterns_[at];
  const Matcher& matcher = *pattern.matcher;
  std::string out = fmt::format("{}\n  expression   {} bytes: {}\n", shortened(pattern.text),
                                pattern.expression.regex.size(), shortened(pattern.expression.regex));
  const bool has_scanner = !matcher.scanner_note().empty();
  out += fmt::format("  scanner      {}\n",
                     has_scanner ? "yes: ASCII lines that fit at the first try are walked through once"
                                 : "no: the expression repeats groups that capture, refers back, or calls itself");
  out += "  PCRE2        yes: the lines that the scanner leaves, compiled to machine code, within a limit of steps\n";
  const std::string doubts = matcher.engine_note();
  out += fmt::format("  linear (RE2) {}\n",
                     doubts.empty() ? "yes: says no to lines on which PCRE2 would take too many steps" : "no: " + doubts);
  out += fmt::format("  begins       {}\n", matcher.is_anchored()
                                                ? "at the start of the text only"
                                                : "anywhere: write ^ in front when it is meant for whole lines");
  std::string literals;
  for (const std::string& literal : matcher.required_literals())
    if (literal.size() > 1) literals += fmt::format(" \"{}\"", literal);
  out += fmt::format("  every match  {}\n", literals.empty()
                                                ? "holds no fixed text that could be looked for first"
                                                : "holds" + literals + ", looked for first where lines often miss");
  for (const GrokCapture& capture : pattern.expression.captures)
    out += fmt::format("  captures     {} ({})\n", capture.field, type_name(capture.type));
  advise(pattern, out);
  return out;
}

void GrokWorkbench::advise(const Pattern& pattern, std::string& out) const {
  for (const Alternative& alternative : pattern.alternatives) {
    std::size_t greedy = 0;
    for (const PatternPiece& piece : alternative.pieces) greedy += takes_anything(piece) ? 1 : 0;
    if (!alternative.pieces.empty() && takes_anything(alternative.pieces.front()))
      out += fmt::format("  advice       {} in front takes part in every search: leave it out or begin with what is known\n",
                         alternative.pieces.front().text);
    if (greedy > 2)
      out += fmt::format(
          "  advice       {} pieces take anything: lines that do not match are tried in very many ways; NOTSPACE, WORD, "
          "NUMBER or [^…]* say where a field ends\n",
          greedy);
  }
}

}  // namespace logboom
