#include "plugins/inputs/file/glob.h"

#include "tests/plugins/recording_sink.h"

using namespace logboom;

namespace {
std::vector<std::string> names(const TemporaryFolder& folder, const std::vector<std::string>& patterns,
                               const std::vector<std::string>& excluded = {}) {
  std::vector<std::string> absolute;
  for (const std::string& pattern : patterns) absolute.push_back(folder.at(pattern));
  std::vector<std::string> found;
  for (const FoundFile& file : find_files(absolute, excluded)) found.push_back(file.path.substr(folder.path().size() + 1));
  return found;
}
using Names = std::vector<std::string>;
}  // namespace

TEST_CASE("patterns find regular files by name, each once, sorted", "[input][file][glob]") {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder.at("d/e/f"));
  std::filesystem::create_directories(folder.at("d/.hidden"));
  std::filesystem::create_directories(folder.at("folder.log"));
  for (const std::string name : {"a.log", "b.log", "c.txt", ".h.log", "d/a.log", "d/e/f/z.log", "d/.hidden/x.log", "e{1}"})
    folder.write(name, "x");
  CHECK(names(folder, {"*.log"}) == Names{"a.log", "b.log"});
  CHECK(names(folder, {"*.log", "a.*", "a.log"}) == Names{"a.log", "b.log"});
  CHECK(names(folder, {"[ac].{log,txt}"}) == Names{"a.log", "c.txt"});
  CHECK(names(folder, {"**/*.log"}) == Names{"a.log", "b.log", "d/a.log", "d/e/f/z.log"});
  CHECK(names(folder, {"d/**/z.log"}) == Names{"d/e/f/z.log"});
  CHECK(names(folder, {"?.log"}, {"b*"}) == Names{"a.log"});
  CHECK(names(folder, {"nowhere/*.log", "missing.log"}).empty());
}

TEST_CASE("patterns that follow folders into themselves end", "[input][file][glob]") {
  TemporaryFolder folder;
  std::filesystem::create_directory_symlink(folder.path(), folder.at("loop"));
  folder.write("a.log", "");
  CHECK(names(folder, {"**/*.log"}) == Names{"a.log"});
}

TEST_CASE("braces are expanded, nested ones too, and their number is bounded", "[input][file][glob]") {
  CHECK(expand_braces("a{b,c{d,e}}f") == Names{"abf", "acdf", "acef"});
  CHECK(expand_braces("{a") == Names{"{a"});
  std::string bomb;
  for (int i = 0; i < 40; ++i) bomb += "{a,b}";
  CHECK(expand_braces(bomb).size() <= 1000);
}
