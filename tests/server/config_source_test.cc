#include "server/config_source.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "pipeline/base/metrics.h"
#include "pipeline/compile/compiler.h"

namespace logboom {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

/// A folder of configuration files, checked as `-f FOLDER` does.
struct CheckedFolder {
  using Files = std::vector<std::pair<std::string, std::string>>;
  explicit CheckedFolder(const Files& files) {
    char name[] = "/tmp/config-source-XXXXXX";
    folder = mkdtemp(name);
    for (const auto& [file, text] : files) std::ofstream(folder + "/" + file) << text;
    Settings settings;
    REQUIRE(settings.set("path.config", folder, "test").has_value());
    const VariableLookup none = [](std::string_view) { return std::optional<std::string>(); };
    auto graph = load_graph(settings, none, diagnostics);
    REQUIRE(graph.has_value());
    sources = graph->sources;
    MetricScope metrics;
    CompileSettings compile_settings;
    compile_settings.metrics = &metrics;
    is_accepted = compile_plan(std::move(*graph), compile_settings, diagnostics) != nullptr;
    report = diagnostics.render();
  }
  ~CheckedFolder() { fs::remove_all(folder); }
  /// "file:line:column message" of every problem, in order.
  std::vector<std::string> problems() const {
    std::vector<std::string> found;
    for (std::size_t at = 0; (at = report.find(folder + "/", at)) != std::string::npos;) {
      const std::size_t begin = at + folder.size() + 1;
      at = report.find('\n', begin);
      found.push_back(report.substr(begin, at - begin));
    }
    return found;
  }
  std::string folder;
  Diagnostics diagnostics;
  std::vector<std::shared_ptr<const SourceText>> sources;
  bool is_accepted = false;
  std::string report;
};

TEST_CASE("a mistake in the syntax hides no other mistake, and none follows from it", "[config]") {
  const CheckedFolder folder(
      {{"10-in.conf", "input {\n  stdin { codec => jsn }\n}\n"},
       {"20-filter.conf",
        "filter {\n"
        "  mutate { add_tag => \"x\", convert => { \"a\" => \"int\" } }\n"  // the comma is what is reported
        "  if [a] = 1 {\n"
        "    mutat { }\n"
        "  }\n"
        "  grok { mach => { } }\n"
        "  json { source => \"${NOWHERE}\" }\n"
        "  drop { percentage => \"${NOWHERE}\" }\n"
        "}\n"},
       {"30-out.conf", "output { relabel { label => \"@LOST\" } stdou { } }\nlabel @LOST { filter { ] } }\n"}});
  INFO(folder.report);
  CHECK_FALSE(folder.is_accepted);
  const std::vector<std::string> problems = folder.problems();
  REQUIRE(problems.size() == 9);
  const char* expected[] = {"10-in.conf:2:20: error: there is no codec \"jsn\"",
                            "20-filter.conf:2:26: error: options are separated by white space",
                            "20-filter.conf:3:10: error: \"=\" is no operator",
                            "20-filter.conf:4:5: error: there is no filter \"mutat\"",
                            "20-filter.conf:6:10: error: filter \"grok\" has no option \"mach\"",
                            "20-filter.conf:7:21: error: variable NOWHERE is not set",
                            "20-filter.conf:8:25: error: variable NOWHERE is not set",
                            "30-out.conf:1:39: error: there is no output \"stdou\"",
                            "30-out.conf:2:24: error: expected a plugin"};
  for (std::size_t i = 0; i < 9; ++i) CHECK_THAT(problems[i], Catch::StartsWith(expected[i]));
}

TEST_CASE("a configuration without an input is refused, one without an output is warned about", "[config]") {
  const char* text = GENERATE("", "# nothing\n", "output { null { } }");
  const CheckedFolder without_input(CheckedFolder::Files{{"a.conf", text}});
  CHECK_FALSE(without_input.is_accepted);
  CHECK_THAT(without_input.report, Contains("a.conf:1:1: error: there is no input"));
  const CheckedFolder without_output(CheckedFolder::Files{{"a.conf", "input { generator { count => 1 } }"}});
  CHECK(without_output.is_accepted);
  CHECK_THAT(without_output.report, Contains("a.conf:1:1: warning: there is no output"));
}

TEST_CASE("a configuration somewhere in the network is refused, one that is not there is named", "[config]") {
  CHECK_THAT(config_files("https://host/web.conf").error().message, Contains("not fetched over the network"));
  CHECK_THAT(config_files("/nowhere/*.conf").error().message, Contains("no configuration found at \"/nowhere/*.conf\""));
}

TEST_CASE("files of a folder are joined in the order of their names, hidden and backup files apart", "[config]") {
  const CheckedFolder folder({{"b.conf", "input { generator { count => 1 } }"},
                              {"a.conf", "output { null { } }"},
                              {".hidden", "]"},
                              {"a.conf~", "]"}});
  INFO(folder.report);
  CHECK(folder.is_accepted);
  REQUIRE(folder.sources.size() == 2);
  CHECK_THAT(folder.sources[0]->name(), Catch::EndsWith("/a.conf"));
}

}  // namespace
}  // namespace logboom
