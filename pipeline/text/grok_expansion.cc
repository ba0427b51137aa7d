#include "pipeline/text/grok_expansion.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace logboom {
namespace {

constexpr std::size_t kDeepestExpansion = 500;
constexpr std::size_t kFarthestNearName = 3;

// The character classes of Logstash: A-z holds the six signs between Z and a as well.
bool is_name_character(char c) { return (c >= 'A' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_field_character(char c) { return is_name_character(c) || c == '@' || c == ':' || c == '.' || c == '-'; }

template <class Belongs>
std::string_view take_while(std::string_view text, std::size_t offset, Belongs belongs) {
  std::size_t end = offset;
  while (end < text.size() && belongs(text[end])) ++end;
  return text.substr(offset, end - offset);
}

// Up to the } that is not the partner of a { inside; a backslash takes the next character along.
std::optional<std::string_view> take_definition(std::string_view text, std::size_t offset) {
  std::size_t depth = 0;
  for (std::size_t i = offset; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}') {
      if (depth == 0) return text.substr(offset, i - offset);
      --depth;
    }
  }
  return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t kept = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({kept, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row[b.size()];
}

std::string near_names(const PatternLibrary& library, std::string_view name) {
  std::vector<std::pair<std::size_t, std::string>> near;
  if (name.size() <= 100) {
    for (const auto& entry : library.patterns()) {
      if (entry.first.size() > name.size() + kFarthestNearName || name.size() > entry.first.size() + kFarthestNearName)
        continue;
      const std::size_t distance = edit_distance(name, entry.first);
      if (distance <= std::min(kFarthestNearName, name.size() / 2)) near.emplace_back(distance, entry.first);
    }
  }
  if (near.empty()) return {};
  std::sort(near.begin(), near.end());
  std::string out = "; did you mean ";
  for (std::size_t i = 0; i < near.size() && i < 3; ++i)
    out += fmt::format("{}\"{}\"", i == 0 ? "" : " or ", near[i].second);
  return out + "?";
}

class Expansion {
 public:
  Expansion(const PatternLibrary& library, const GrokOptions& options) : library_(library), options_(options) {}

  Result<void> run(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t next = std::min(text.find('%', i), text.size());
      out_ += text.substr(i, next - i);
      if (out_.size() > PatternLibrary::kMaxExpandedBytes) {
        return error(ErrorCode::TooLarge,
                     fmt::format("the expression grows beyond {} bytes", PatternLibrary::kMaxExpandedBytes));
      }
      if (next == text.size()) break;
      if (chain_.empty()) top_offset_ = next;
      const auto reference = read_grok_reference(text, next);
      if (!reference) {
        out_ += '%';
        i = next + 1;
        continue;
      }
      if (auto done = replace(*reference); !done) return done;
      i = next + reference->length;
    }
    return {};
  }

  std::string take() { return std::move(out_); }

 private:
  struct Link {
    std::string name;
    std::string origin;
  };

  Error error(ErrorCode code, std::string problem) const {
    std::string message = fmt::format("at offset {}: {}", top_offset_, problem);
    if (!chain_.empty()) message += fmt::format(" (in pattern {}, {})", chain_.back().name, chain_.back().origin);
    return Error{code, std::move(message)};
  }

  Error cycle(std::size_t begin, std::string_view name) const {
    std::string path;
    for (std::size_t i = begin; i < chain_.size(); ++i) path += chain_[i].name + " -> ";
    return error(ErrorCode::InvalidArgument, fmt::format("patterns refer to each other in a circle: {}{}", path, name));
  }

  Result<void> replace(const GrokReference& reference) {
    if (++replacements_ > PatternLibrary::kMaxReplacements) {
      return error(ErrorCode::TooLarge,
                   fmt::format("the expression needs more than {} replacements", PatternLibrary::kMaxReplacements));
    }
    if (!reference.definition.empty()) {
      inline_.insert_or_assign(std::string(reference.name),
                               PatternLibrary::Pattern{std::string(reference.definition), "defined in place"});
    }
    const PatternLibrary::Pattern* found = library_.find(reference.name);
    if (const auto own = inline_.find(reference.name); own != inline_.end()) found = &own->second;
    if (found == nullptr) {
      return error(ErrorCode::NotFound,
                   fmt::format("there is no pattern \"{}\"{}", reference.name, near_names(library_, reference.name)));
    }
    for (std::size_t i = 0; i < chain_.size(); ++i) {
      if (chain_[i].name == reference.name) return cycle(i, reference.name);
    }
    if (chain_.size() >= kDeepestExpansion) return error(ErrorCode::TooLarge, "patterns refer to each other too deeply");

    if (!reference.field.empty()) {
      out_ += fmt::format("(?<{}:{}>", reference.name, reference.field);
    } else if (options_.named_captures_only) {
      out_ += "(?:";
    } else {
      out_ += fmt::format("(?<{}>", reference.name);
    }
    const PatternLibrary::Pattern pattern = *found;  // a definition inside may replace it
    chain_.push_back({std::string(reference.name), pattern.origin});
    if (auto done = run(pattern.expression); !done) return done;
    chain_.pop_back();
    out_ += ')';
    return {};
  }

  const PatternLibrary& library_;
  GrokOptions options_;
  std::map<std::string, PatternLibrary::Pattern, std::less<>> inline_;
  std::vector<Link> chain_;
  std::string out_;
  std::size_t replacements_ = 0;
  std::size_t top_offset_ = 0;
};

}  // namespace

std::optional<GrokReference> read_grok_reference(std::string_view text, std::size_t offset) {
  if (text.substr(offset, 2) != "%{") return std::nullopt;
  GrokReference reference;
  std::size_t at = offset + 2;
  reference.name = take_while(text, at, is_name_character);
  if (reference.name.empty()) return std::nullopt;
  at += reference.name.size();
  if (at < text.size() && text[at] == ':') {
    reference.field = take_while(text, at + 1, is_field_character);
    if (!reference.field.empty()) at += 1 + reference.field.size();
  }
  if (at < text.size() && text[at] == '=') {
    const auto definition = take_definition(text, at + 1);
    if (!definition) return std::nullopt;
    reference.definition = *definition;
    at += 1 + definition->size();
  }
  const std::size_t close = text.find('}', at);
  if (close == std::string_view::npos) return std::nullopt;
  reference.length = close + 1 - offset;
  return reference;
}

Result<std::string> expand_grok_references(const PatternLibrary& library, std::string_view expression,
                                           const GrokOptions& options) {
  Expansion expansion(library, options);
  if (auto done = expansion.run(expression); !done) return done.error();
  return expansion.take();
}

GrokCapture capture_of_group_name(std::string_view name) {
  GrokCapture capture;
  capture.name = name;
  const std::size_t first = name.find(':');
  if (first == std::string_view::npos) {
    capture.field = name;
    return capture;
  }
  const std::size_t second = name.find(':', first + 1);
  capture.field = name.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
  if (second != std::string_view::npos) {
    const std::string_view type = name.substr(second + 1, name.find(':', second + 1) - second - 1);
    if (type == "int") capture.type = CaptureType::Int;
    if (type == "float") capture.type = CaptureType::Float;
  }
  return capture;
}

}  // namespace logboom
