#include "server/config_source.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "pipeline/config/intact_graph.h"
#include "pipeline/config/logstash_parser.h"

namespace logboom {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxConfigBytes = 64 * 1024 * 1024;

bool is_wanted(const std::string& path) {
  std::error_code ignored;
  return !path.empty() && path.back() != '~' && fs::is_regular_file(path, ignored);
}

Result<std::string> read_file(const std::string& path) {
  std::error_code problem;
  const auto size = fs::file_size(path, problem);
  if (!problem && size > kMaxConfigBytes)
    return Error{ErrorCode::TooLarge,
                 fmt::format("{} is larger than {} bytes; is it a configuration?", path, kMaxConfigBytes)};
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return Error{ErrorCode::Io, fmt::format("{} cannot be read", path)};
  return text.str();
}

/// A pipeline that no event enters is a mistake; one that none leaves is odd.
void check_ends(const Graph& graph, Diagnostics& diagnostics) {
  const SourceSpan begin{graph.sources.front().get(), 0, 1};
  if (graph.inputs.empty())
    diagnostics.error(begin, "there is no input, so no event would ever come",
                      "write input { ... }; a directory or a glob for -f takes in several files");
  if (graph.outputs.empty())
    diagnostics.warning(begin, "there is no output: what comes out of the filters is thrown away", "write output { ... }");
}

}  // namespace

Result<std::vector<std::string>> config_files(const std::string& path) {
  if (path.rfind("http://", 0) == 0 || path.rfind("https://", 0) == 0)
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("configurations are not fetched over the network: load {} down and give the file (-f)", path)};
  std::vector<std::string> files;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    for (const auto& entry : fs::directory_iterator(path, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name[0] != '.' && is_wanted(entry.path().string())) files.push_back(entry.path().string());
    }
  } else if (is_wanted(path)) {
    files.push_back(path);
  } else {
    glob_t found{};
    if (glob(path.c_str(), GLOB_BRACE, nullptr, &found) == 0)
      for (std::size_t i = 0; i < found.gl_pathc; ++i)
        if (is_wanted(found.gl_pathv[i])) files.emplace_back(found.gl_pathv[i]);
    globfree(&found);
  }
  if (files.empty())
    return Error{ErrorCode::NotFound,
                 fmt::format("no configuration found at \"{}\": give a file, a directory or a glob (-f)", path)};
  std::sort(files.begin(), files.end());
  return files;
}

Result<Graph> load_graph(const Settings& settings, const VariableLookup& lookup, Diagnostics& diagnostics) {
  Graph graph;
  const LogstashParserOptions options{.support_escapes = settings.boolean("config.support_escapes")};
  const std::string text = settings.text("config.string");
  if (settings.has("config.string")) {
    parse_logstash(std::make_shared<SourceText>("config.string", text), options, graph, diagnostics);
    if (!diagnostics.has_errors()) {
      if (graph.inputs.empty())
        parse_logstash(std::make_shared<SourceText>("default input", "input { stdin { type => stdin } }"), options, graph,
                       diagnostics);
      if (graph.outputs.empty())
        parse_logstash(std::make_shared<SourceText>("default output", "output { stdout { codec => rubydebug } }"), options,
                       graph, diagnostics);
    }
  } else {
    auto files = config_files(settings.text("path.config"));
    if (!files) return files.error();
    for (const std::string& file : *files) {
      auto content = read_file(file);
      if (!content) return content.error();
      parse_logstash(std::make_shared<SourceText>(file, std::move(*content)), options, graph, diagnostics);
    }
  }
  resolve_variables(graph, lookup, diagnostics);
  if (diagnostics.has_errors()) {
    leave_out_errors(graph, diagnostics);
  } else {
    check_ends(graph, diagnostics);
  }
  return graph;
}

}  // namespace logboom
