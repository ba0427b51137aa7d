// The tree against its own house rules: reference pages are up to date, every plugin has a test, files stay small and well
// named.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "server/reference_pages.h"

namespace {

namespace fs = std::filesystem;

const fs::path& root() {
  static const fs::path path = fs::current_path();
  return path;
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool is_source(const fs::path& path) { return path.extension() == ".h" || path.extension() == ".cc"; }

/// One line per finding, so that all are shown at once.
std::string lines(const std::vector<std::string>& findings) {
  std::string out;
  for (const std::string& finding : findings) out += finding + "\n";
  return out;
}

TEST_CASE("the reference pages are what the declarations say", "[lint][docs]") {
  const fs::path directory = root() / "docs" / "reference";
  std::vector<std::string> findings;
  const auto pages = logboom::reference_pages();
  for (const auto& [name, text] : pages) {
    if (!fs::exists(directory / name)) {
      findings.push_back("docs/reference/" + name + " is missing");
    } else if (text_of(directory / name) != text) {
      findings.push_back("docs/reference/" + name + " is out of date");
    }
  }
  if (fs::exists(directory))
    for (const auto& entry : fs::directory_iterator(directory))
      if (pages.count(entry.path().filename().string()) == 0)
        findings.push_back(entry.path().filename().string() + " belongs to no plugin");
  INFO(lines(findings) << "run make docs");
  CHECK(findings.empty());
  CHECK(pages.count("filter-mutate.md") == 1);
  CHECK(pages.count("settings.md") == 1);
}

TEST_CASE("every plugin has a test of its name", "[lint]") {
  std::vector<std::string> findings;
  std::size_t plugins = 0;
  for (const char* kinds : {"inputs", "codecs", "filters", "outputs"}) {
    for (const auto& entry : fs::directory_iterator(root() / "plugins" / kinds)) {
      const std::string name = entry.path().stem().string();
      const bool is_plugin =
          entry.is_directory() ? fs::exists(entry.path() / (name + ".cc")) : entry.path().extension() == ".cc";
      if (!is_plugin) continue;
      ++plugins;
      const fs::path tests = root() / "tests" / "plugins" / kinds;
      // A folder may have its tests in one file or in a folder of its own.
      if (fs::exists(tests / (name + "_test.cc")) || fs::exists(tests / name / (name + "_test.cc"))) continue;
      findings.push_back("plugins/" + std::string(kinds) + "/" + name + " has no tests/plugins/" + kinds + "/" + name +
                         "_test.cc");
    }
  }
  INFO(lines(findings));
  CHECK(findings.empty());
  CHECK(plugins > 20);
}

TEST_CASE("no file is a drawer for everything", "[lint]") {
  const std::set<std::string> drawers = {"util", "utils", "common", "misc", "helper", "helpers"};
  std::vector<std::string> findings;
  for (const char* top : {"pipeline", "plugins", "server", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root() / top)) {
      std::istringstream words(entry.path().stem().string());
      for (std::string word; std::getline(words, word, '_');)
        if (drawers.count(word) > 0) findings.push_back(fs::relative(entry.path(), root()).string());
    }
  }
  INFO(lines(findings) << "name a file after its one idea");
  CHECK(findings.empty());
}

TEST_CASE("no source file is longer than 450 lines", "[lint]") {
  std::vector<std::string> findings;
  std::size_t files = 0;
  for (const char* top : {"pipeline", "plugins", "server"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root() / top)) {
      if (!is_source(entry.path())) continue;
      ++files;
      const std::string text = text_of(entry.path());
      const auto count = std::count(text.begin(), text.end(), '\n');
      if (count > 450)
        findings.push_back(fs::relative(entry.path(), root()).string() + " has " + std::to_string(count) + " lines");
    }
  }
  INFO(lines(findings) << "name the second concept and split");
  CHECK(findings.empty());
  CHECK(files > 100);
}

TEST_CASE("every header is included once", "[lint]") {
  std::vector<std::string> findings;
  for (const char* top : {"pipeline", "plugins", "server", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator(root() / top))
      if (entry.path().extension() == ".h" && text_of(entry.path()).find("#pragma once\n") == std::string::npos)
        findings.push_back(fs::relative(entry.path(), root()).string() + " lacks #pragma once");
  INFO(lines(findings));
  CHECK(findings.empty());
}

}  // namespace
