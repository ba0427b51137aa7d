// Who may include whom: reads every #include of the tree and names each edge that the layers forbid.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path& root() {
  static const fs::path path = fs::current_path();
  return path;
}

/// What a folder of pipeline/ may include besides itself.
const std::map<std::string, std::set<std::string>>& layers() {
  static const std::map<std::string, std::set<std::string>> allowed = {
      {"base", {}},
      {"event", {"base"}},
      {"config", {"base"}},
      {"text", {"base"}},
      {"net", {"base"}},
      {"plugin", {"base", "event", "config", "text", "net"}},
      {"store", {"base", "event"}},
      {"dead_letter", {"base", "event", "config", "text", "net", "plugin", "store"}},
      {"queue", {"base", "event", "config", "text", "net", "store"}},
      {"compile", {"base", "event", "config", "text", "net", "plugin"}},
      {"run", {"base", "event", "config", "text", "net", "plugin", "store", "dead_letter", "queue", "compile"}},
  };
  return allowed;
}

const std::set<std::string>& layers_for_plugins() {
  static const std::set<std::string> allowed = {"base", "event", "text", "net", "plugin"};
  return allowed;
}

std::vector<std::string> parts_of(const fs::path& path) {
  std::vector<std::string> parts;
  for (const auto& part : path) parts.push_back(part.string());
  return parts;
}

/// A folder that holds a plugin of its own name belongs to that plugin; others are shared by the plugins of their kind.
bool is_plugin_folder(const std::string& kinds, const std::string& folder) {
  return fs::exists(root() / "plugins" / kinds / folder / (folder + ".cc"));
}

/// Why `file` must not include `included` (both relative to the root); empty when it may.
std::string objection(const fs::path& file, const fs::path& included) {
  const auto from = parts_of(file);
  const auto to = parts_of(included);
  if (from[0] == "tests") return "";
  if (to[0] == "tests") return "nothing includes tests/";
  if (from[0] == "pipeline") {
    if (to[0] != "pipeline") return "the engine includes nothing but itself";
    if (from.size() < 3 || layers().count(from[1]) == 0) return "a folder that is no layer";
    if (from[1] == to[1] || layers().at(from[1]).count(to[1]) > 0) return "";
    return "pipeline/" + from[1] + " may not see pipeline/" + to[1];
  }
  if (from[0] == "plugins") {
    if (to[0] == "pipeline")
      return layers_for_plugins().count(to[1]) > 0 ? ""
                                                   : "plugins reach pipeline/" + to[1] + " through pipeline/plugin/ only";
    if (to[0] != "plugins") return "plugins include the engine and their own folder only";
    if (from[1] != to[1]) return "a plugin includes nothing of another kind";
    if (to.size() == 3) return "a header beside a plugin's file belongs to no folder";
    if (from.size() > 3 && from[2] == to[2]) return "";
    return is_plugin_folder(to[1], to[2]) ? "no header leaves the folder of plugin " + to[2] : "";
  }
  if (from[0] == "server") return to[0] == "plugins" ? "plugins are linked into the server, never included" : "";
  return "";
}

struct Include {
  int line = 0;
  std::string path;
};

std::vector<Include> includes_of(const fs::path& file) {
  std::vector<Include> found;
  std::ifstream in(file);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line.compare(hash, 1, "#") != 0) continue;
    const std::size_t word = line.find("include", hash);
    if (word == std::string::npos || line.find_first_not_of(" \t", hash + 1) != word) continue;
    const std::size_t open = line.find('"', word);
    if (open == std::string::npos) continue;
    found.push_back({number, line.substr(open + 1, line.find('"', open + 1) - open - 1)});
  }
  return found;
}

TEST_CASE("no include crosses the layers", "[lint]") {
  std::vector<std::string> forbidden;
  std::size_t edges = 0;
  for (const char* top : {"pipeline", "plugins", "server", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root() / top)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cc") continue;
      const fs::path file = fs::relative(entry.path(), root());
      for (const Include& include : includes_of(entry.path())) {
        ++edges;
        const bool is_from_root = fs::exists(root() / include.path);
        // Generated sources are written at build time; everything else is named from the root.
        const std::string why =
            is_from_root ? objection(file, include.path) : "no such file: name it from the root of the tree";
        if (!why.empty())
          forbidden.push_back(file.string() + ":" + std::to_string(include.line) + ": \"" + include.path + "\": " + why);
      }
    }
  }
  CHECK(edges > 200);
  std::string report;
  for (const std::string& line : forbidden) report += line + "\n";
  INFO(report);
  CHECK(forbidden.empty());
}

TEST_CASE("the rules themselves refuse what they should", "[lint]") {
  const auto [from, to, is_allowed] = GENERATE(table<const char*, const char*, bool>({
      {"pipeline/base/log.cc", "pipeline/base/log.h", true},
      {"pipeline/base/log.cc", "pipeline/event/value.h", false},
      {"pipeline/event/value.h", "pipeline/base/result.h", true},
      {"pipeline/event/value.h", "pipeline/config/graph.h", false},
      {"pipeline/text/matcher.h", "pipeline/event/value.h", false},
      {"pipeline/plugin/options.h", "pipeline/config/graph.h", true},
      {"pipeline/plugin/filter.h", "pipeline/queue/queue.h", false},
      {"pipeline/queue/queue.h", "pipeline/plugin/filter.h", false},
      {"pipeline/compile/plan.h", "pipeline/queue/queue.h", false},
      {"pipeline/compile/plan.h", "pipeline/plugin/filter.h", true},
      {"pipeline/run/pipeline.h", "pipeline/queue/queue.h", true},
      {"pipeline/run/pipeline.h", "server/settings.h", false},
      {"pipeline/run/pipeline.h", "tests/support/run_filter.h", false},
      {"plugins/filters/drop.cc", "pipeline/plugin/registry.h", true},
      {"plugins/filters/drop.cc", "pipeline/config/graph.h", false},
      {"plugins/filters/drop.cc", "pipeline/run/pipeline.h", false},
      {"plugins/filters/drop.cc", "plugins/filters/mutate/conversion.h", false},
      {"plugins/filters/mutate/mutate.cc", "plugins/filters/mutate/conversion.h", true},
      {"plugins/inputs/file/file.cc", "plugins/outputs/file/target_file.h", false},
      {"plugins/codecs/json.cc", "plugins/codecs/text/charset.h", true},
      {"plugins/filters/drop.cc", "server/settings.h", false},
      {"server/main.cc", "pipeline/run/pipeline.h", true},
      {"server/main.cc", "plugins/filters/mutate/conversion.h", false},
      {"server/main.cc", "tests/support/run_filter.h", false},
      {"tests/support/run_filter.cc", "pipeline/run/plan_runner.h", true},
  }));
  CAPTURE(from, to);
  CHECK(objection(from, to).empty() == is_allowed);
}

TEST_CASE("every folder of the engine is a layer that the rules know", "[lint]") {
  for (const auto& entry : fs::directory_iterator(root() / "pipeline")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().filename().string());
    CHECK(layers().count(entry.path().filename().string()) == 1);
  }
}

}  // namespace
