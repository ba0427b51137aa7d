#include "plugins/inputs/file/glob.h"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <set>

namespace logboom {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxBraceResults = 1000;

bool has_wildcard(std::string_view part) { return part.find_first_of("*?[\\") != std::string_view::npos; }

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> open(opendir(folder.c_str()));
  if (!open) return names;
  while (const dirent* entry = readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_folder(const std::string& path, bool follows_links) {
  struct stat status {};
  return (follows_links ? stat(path.c_str(), &status) : lstat(path.c_str(), &status)) == 0 && S_ISDIR(status.st_mode);
}

class Walker {
 public:
  Walker(const std::vector<std::string>& excluded, std::vector<FoundFile>& out) : excluded_(excluded), out_(out) {}

  void walk(const std::string& folder, std::string_view rest, int depth) {
    while (!rest.empty() && rest.front() == '/') rest.remove_prefix(1);
    if (rest.empty() || depth > kMaxDepth) return;
    const std::size_t slash = rest.find('/');
    const std::string part(rest.substr(0, slash));
    const std::string_view below = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (part == "**" && !below.empty()) {
      walk(folder, below, depth + 1);
      for (const std::string& name : names_in(folder))
        if (name.front() != '.' && is_folder(folder + name, false)) walk(folder + name + "/", rest, depth + 1);
    } else if (!has_wildcard(part)) {
      take(folder + part, part, below, depth);
    } else {
      for (const std::string& name : names_in(folder))
        if (fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0) take(folder + name, name, below, depth);
    }
  }

 private:
  void take(const std::string& path, const std::string& name, std::string_view below, int depth) {
    if (!below.empty()) {
      if (is_folder(path, true)) walk(path + "/", below, depth + 1);
      return;
    }
    struct stat status {};
    if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    for (const std::string& pattern : excluded_)
      if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return;
    FoundFile found;
    found.path = path;
    found.identity = {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)};
    if (!seen_.insert(path).second) return;
    found.size = static_cast<std::uint64_t>(status.st_size);
    found.modified = static_cast<double>(status.st_mtim.tv_sec) + static_cast<double>(status.st_mtim.tv_nsec) * 1e-9;
    out_.push_back(std::move(found));
  }

  const std::vector<std::string>& excluded_;
  std::vector<FoundFile>& out_;
  std::set<std::string> seen_;
};

/// The `}` that closes the `{` at `open`, or npos.
std::size_t closing_brace(std::string_view pattern, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < pattern.size(); ++i) {
    if (pattern[i] == '{') ++depth;
    if (pattern[i] == '}' && --depth == 0) return i;
  }
  return std::string_view::npos;
}

}  // namespace

std::vector<std::string> expand_braces(std::string_view pattern) {
  std::vector<std::string> done;
  std::vector<std::string> waiting{std::string(pattern)};
  while (!waiting.empty() && done.size() + waiting.size() <= kMaxBraceResults) {
    const std::string current = std::move(waiting.back());
    waiting.pop_back();
    const std::size_t open = current.find('{');
    const std::size_t close = open == std::string::npos ? open : closing_brace(current, open);
    if (close == std::string::npos) {
      done.push_back(current);
      continue;
    }
    int depth = 0;
    std::size_t start = open + 1;
    std::vector<std::string> alternatives;
    for (std::size_t i = open + 1; i <= close; ++i) {
      if (i == close || (current[i] == ',' && depth == 0)) {
        alternatives.push_back(current.substr(0, open) + current.substr(start, i - start) + current.substr(close + 1));
        start = i + 1;
      } else if (current[i] == '{') {
        ++depth;
      } else if (current[i] == '}') {
        --depth;
      }
    }
    for (auto at = alternatives.rbegin(); at != alternatives.rend(); ++at) waiting.push_back(std::move(*at));
  }
  return done;
}

std::vector<FoundFile> find_files(const std::vector<std::string>& patterns, const std::vector<std::string>& excluded) {
  std::vector<FoundFile> found;
  std::vector<std::string> excluded_plain;
  for (const std::string& pattern : excluded)
    for (std::string& plain : expand_braces(pattern)) excluded_plain.push_back(std::move(plain));
  Walker walker(excluded_plain, found);
  for (const std::string& pattern : patterns)
    for (const std::string& plain : expand_braces(pattern)) walker.walk("/", plain, 0);
  std::sort(found.begin(), found.end(),
            [](const FoundFile& left, const FoundFile& right) { return left.path < right.path; });
  return found;
}

}  // namespace logboom
