#include "pipeline/text/pattern_library.h"

#include <fmt/core.h>
#include <glob.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "pipeline/text/bundled_patterns.h"
#include "pipeline/text/grok_expansion.h"
#include "pipeline/text/regex_parser.h"

namespace logboom {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
constexpr std::size_t kExcerptBytes = 30;

std::string escaped_for_glob(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (std::string_view("\\*?[]{}").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::vector<std::string> paths_that_fit(const std::string& glob_expression) {
  glob_t found{};
  std::vector<std::string> out;
  if (glob(glob_expression.c_str(), GLOB_BRACE, nullptr, &found) == 0)
    out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return out;
}

PatternLibrary load_bundled(PatternSet set) {
  PatternLibrary library;
  for (const BundledPatternFile& file : bundled_pattern_files(set))
    library.load_text(file.text, fmt::format("bundled {}", file.name));
  return library;
}

Error invalid_result(const Error& error, std::string_view regex) {
  // "at offset N: …" counts in the expanded expression, so the place is shown.
  std::size_t offset = 0;
  std::string_view digits = error.message;
  if (digits.rfind("at offset ", 0) == 0) {
    for (digits.remove_prefix(10); !digits.empty() && digits[0] >= '0' && digits[0] <= '9'; digits.remove_prefix(1)) {
      offset = offset * 10 + static_cast<std::size_t>(digits[0] - '0');
    }
  }
  return Error{error.code, fmt::format("the expanded expression is not valid {} (there: {})", error.message,
                                       regex.substr(std::min(offset, regex.size()), kExcerptBytes))};
}

}  // namespace

const PatternLibrary& PatternLibrary::bundled(PatternSet set) {
  static const PatternLibrary legacy = load_bundled(PatternSet::Legacy);
  static const PatternLibrary ecs_v1 = load_bundled(PatternSet::EcsV1);
  return set == PatternSet::Legacy ? legacy : ecs_v1;
}

void PatternLibrary::add(std::string_view name, std::string_view expression, std::string_view origin) {
  patterns_.insert_or_assign(std::string(name), Pattern{std::string(expression), std::string(origin)});
}

std::size_t PatternLibrary::load_text(std::string_view text, std::string_view origin) {
  std::size_t added = 0;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(kWhiteSpace), line.size()));
    if (line.empty() || line[0] == '#') continue;
    const std::size_t name_end = line.find_first_of(kWhiteSpace);
    if (name_end == std::string_view::npos) continue;
    const std::size_t expression_begin = line.find_first_not_of(kWhiteSpace, name_end);
    if (expression_begin == std::string_view::npos) continue;
    add(line.substr(0, name_end), line.substr(expression_begin), fmt::format("{}:{}", origin, line_number));
    ++added;
  }
  return added;
}

Result<std::size_t> PatternLibrary::load_directory(const std::filesystem::path& directory,
                                                   std::string_view glob_expression) {
  std::error_code failure;
  std::vector<std::string> paths;
  if (std::filesystem::is_directory(directory, failure)) {
    paths = paths_that_fit(escaped_for_glob(directory.string()) + "/" + std::string(glob_expression));
  } else {
    paths = paths_that_fit(directory.string());
    if (paths.empty())
      return Error{ErrorCode::NotFound, fmt::format("there is no pattern directory \"{}\"", directory.string())};
  }
  std::size_t added = 0;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_regular_file(path, failure)) continue;
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file) return Error{ErrorCode::Io, fmt::format("cannot read the pattern file \"{}\"", path)};
    added += load_text(text, path);
  }
  return added;
}

const PatternLibrary::Pattern* PatternLibrary::find(std::string_view name) const {
  const auto found = patterns_.find(name);
  return found == patterns_.end() ? nullptr : &found->second;
}

Result<GrokExpression> PatternLibrary::expand(std::string_view grok_expression, const GrokOptions& options) const {
  auto regex = expand_grok_references(*this, grok_expression, options);
  if (!regex) return regex.error();
  RegexParseOptions parse_options;
  parse_options.dot_matches_newline = true;
  parse_options.captures_unnamed = false;
  const auto tree = parse_regex(*regex, parse_options);
  if (!tree) return invalid_result(tree.error(), *regex);

  GrokExpression out;
  std::map<std::string, std::vector<std::size_t>, std::less<>> groups_of_name;
  std::vector<std::string_view> names;
  for (const RegexGroupName& group : tree->names) {
    auto& groups = groups_of_name[group.name];
    if (groups.empty()) names.push_back(group.name);
    groups.push_back(group.index);
  }
  for (const std::string_view name : names) {
    GrokCapture capture = capture_of_group_name(name);
    for (const std::size_t group : groups_of_name.find(name)->second) {
      capture.group = group;
      out.captures.push_back(capture);
      capture.type = CaptureType::None;
    }
  }
  out.regex = std::move(*regex);
  return out;
}

}  // namespace logboom
