#include "pipeline/text/pattern_library.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "pipeline/text/matcher.h"

namespace logboom {
namespace {

PatternLibrary small_library() {
  PatternLibrary library;
  library.load_text(
      "# words and numbers\n"
      "WORD \\b\\w+\\b\n"
      "INT (?:[+-]?\\d+)\r\n"
      "\n"
      "MALFORMED\n"
      "   PAIR  %{WORD:key}=%{INT:value:int}\n",
      "base");
  return library;
}

std::string regex_of(const PatternLibrary& library, std::string_view expression, const GrokOptions& options = {}) {
  const auto expanded = library.expand(expression, options);
  return expanded ? expanded->regex : "error: " + expanded.error().message;
}

// "group field type" of every capture.
std::vector<std::string> captures_of(const PatternLibrary& library, std::string_view expression) {
  const auto expanded = library.expand(expression);
  if (!expanded) FAIL(expanded.error().message);
  std::vector<std::string> out;
  for (const GrokCapture& capture : expanded->captures) {
    const char* type = capture.type == CaptureType::Int ? "int" : capture.type == CaptureType::Float ? "float" : "text";
    out.push_back(std::to_string(capture.group) + " " + capture.field + " " + type);
  }
  return out;
}

struct PatternFolder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("logboom_patterns_" + std::to_string(std::random_device()()));
  PatternFolder() { std::filesystem::create_directories(path); }
  ~PatternFolder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
};

}  // namespace

TEST_CASE("pattern text is read line by line, with comments and malformed lines left out", "[text][grok]") {
  const PatternLibrary library = small_library();
  CHECK(library.size() == 3);
  REQUIRE(library.find("INT") != nullptr);
  CHECK(library.find("INT")->expression == "(?:[+-]?\\d+)");
  CHECK(library.find("INT")->origin == "base:3");
  CHECK(library.find("PAIR")->expression == "%{WORD:key}=%{INT:value:int}");
  CHECK(library.find("MALFORMED") == nullptr);
}

TEST_CASE("a later definition wins", "[text][grok]") {
  PatternLibrary library = small_library();
  library.add("WORD", "[a-z]+", "pattern_definitions");
  CHECK(regex_of(library, "%{WORD}") == "(?:[a-z]+)");
}

TEST_CASE("references expand to groups", "[text][grok]") {
  const PatternLibrary library = small_library();
  CHECK(regex_of(library, "a %{WORD} b") == "a (?:\\b\\w+\\b) b");
  CHECK(regex_of(library, "%{WORD:x}") == "(?<WORD:x>\\b\\w+\\b)");
  CHECK(regex_of(library, "%{WORD:}") == "(?:\\b\\w+\\b)");
  CHECK(regex_of(library, "%{WORD any junk}") == "(?:\\b\\w+\\b)");
  CHECK(regex_of(library, "%{} %{ WORD} 100% %") == "%{} %{ WORD} 100% %");
  CHECK(regex_of(library, "%{WORD", {}) == "%{WORD");
  GrokOptions all;
  all.named_captures_only = false;
  CHECK(regex_of(library, "%{INT}", all) == "(?<INT>(?:[+-]?\\d+))");
  CHECK(regex_of(library, "%{PAIR}") == "(?:(?<WORD:key>\\b\\w+\\b)=(?<INT:value:int>(?:[+-]?\\d+)))");
}

TEST_CASE("a pattern may be defined in place", "[text][grok]") {
  const PatternLibrary library = small_library();
  CHECK(regex_of(library, "%{HEX:h=[0-9a-f]{2}} %{HEX}") == "(?<HEX:h>[0-9a-f]{2}) (?:[0-9a-f]{2})");
  CHECK(regex_of(library, "%{FIZZLE=\\d+}") == "(?:\\d+)");
  CHECK(regex_of(library, "%{BRACE=a\\}b}") == "(?:a\\}b)");
  CHECK(library.find("HEX") == nullptr);
}

TEST_CASE("captures carry field and type", "[text][grok]") {
  const PatternLibrary library = small_library();
  using Captures = std::vector<std::string>;
  CHECK(captures_of(library, "%{PAIR}") == Captures{"1 key text", "2 value int"});
  CHECK(captures_of(library, "%{INT:[a][b]:float} (x) (?<foo>y) (?<INT:n:int>z) (?<[c][d]>w)") ==
        Captures{"1 [a][b] float", "2 foo text", "3 n int", "4 [c][d] text"});
  CHECK(captures_of(library, "%{INT:n:long}") == Captures{"1 n text"});
  CHECK(captures_of(library, "%{WORD:foo-bar.baz}") == Captures{"1 foo-bar.baz text"});
}

TEST_CASE("of captures with the same name and type only the first is converted", "[text][grok]") {
  const PatternLibrary library = small_library();
  CHECK(captures_of(library, "%{INT:n:int} %{WORD:w} %{INT:n:int} %{INT:n:float}") ==
        std::vector<std::string>{"1 n int", "3 n text", "2 w text", "4 n float"});
}

TEST_CASE("captures are numbered as the matcher numbers them", "[text][grok]") {
  const auto expanded = small_library().expand("(?:x |(q))%{PAIR}( |\\t)%{WORD:last}");
  REQUIRE(expanded);
  MatcherOptions options;
  options.dot_matches_newline = true;
  options.captures_unnamed = false;
  const auto matcher = Matcher::compile(expanded->regex, options);
  REQUIRE(matcher);
  MatchScratch scratch;
  REQUIRE((*matcher)->match("x count=42 end", scratch) == MatchStatus::Matched);
  REQUIRE(expanded->captures.size() == 3);
  CHECK(scratch.group(expanded->captures[1].group) == "42");
  CHECK(scratch.group(expanded->captures[2].group) == "end");
}

TEST_CASE("an unknown name is reported with place and near names", "[text][grok]") {
  PatternLibrary library = small_library();
  library.add("LINE", "%{WROD:x}", "extra:7");
  const auto direct = library.expand("a %{WODR}");
  REQUIRE_FALSE(direct);
  CHECK(direct.error().code == ErrorCode::NotFound);
  CHECK_THAT(direct.error().message,
             Catch::Contains("at offset 2") && Catch::Contains("\"WODR\"") && Catch::Contains("did you mean \"WORD\"?"));
  const auto nested = library.expand("%{LINE}");
  REQUIRE_FALSE(nested);
  CHECK_THAT(nested.error().message, Catch::Contains("in pattern LINE, extra:7"));
}

TEST_CASE("a circle of patterns is named", "[text][grok]") {
  PatternLibrary library;
  library.load_text("A x%{B}\nB y%{C}\nC z%{A}\n", "circle");
  const auto expanded = library.expand("%{A}");
  REQUIRE_FALSE(expanded);
  CHECK_THAT(expanded.error().message, Catch::Contains("A -> B -> C -> A"));
}

TEST_CASE("expansion is bounded", "[text][grok]") {
  PatternLibrary library;
  library.add("P0", "x", "bomb");
  for (int i = 1; i < 40; ++i) {
    const std::string below = "%{P" + std::to_string(i - 1) + "}";
    library.add("P" + std::to_string(i), below + below, "bomb");
  }
  const auto expanded = library.expand("%{P39}");
  REQUIRE_FALSE(expanded);
  CHECK(expanded.error().code == ErrorCode::TooLarge);
  library.add("BIG", std::string(400'000, 'x'), "bomb");
  CHECK_FALSE(library.expand("%{BIG}%{BIG}%{BIG}"));
}

TEST_CASE("an expansion that is no expression shows where", "[text][grok]") {
  PatternLibrary library;
  library.add("OPEN", "ab(c", "here");
  const auto expanded = library.expand("%{OPEN} d");
  REQUIRE_FALSE(expanded);
  CHECK_THAT(expanded.error().message, Catch::Contains("closing )") && Catch::Contains("(?:ab(c) d"));
}

TEST_CASE("directories are read in order of file name by glob", "[text][grok]") {
  const PatternFolder folder;
  folder.write("b.grok", "X second\n");
  folder.write("a.grok", "X first\nY why\n");
  folder.write("c.txt", "X third\n");
  PatternLibrary library;
  const auto grok_files = library.load_directory(folder.path, "*.grok");
  REQUIRE(grok_files);
  CHECK(*grok_files == 3);
  CHECK(library.find("X")->expression == "second");
  CHECK(library.find("Y")->origin == (folder.path / "a.grok").string() + ":2");
  REQUIRE(library.load_directory(folder.path));
  CHECK(library.find("X")->expression == "third");
  REQUIRE(library.load_directory(folder.path / "a.grok"));
  CHECK(library.find("X")->expression == "first");
  const auto missing = library.load_directory(folder.path / "nowhere");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::NotFound);
}

TEST_CASE("every bundled pattern expands and compiles", "[text][grok]") {
  for (const PatternSet set : {PatternSet::Legacy, PatternSet::EcsV1}) {
    const PatternLibrary& library = PatternLibrary::bundled(set);
    MatcherOptions options;
    options.dot_matches_newline = true;
    options.captures_unnamed = false;
    for (const auto& entry : library.patterns()) {
      INFO(entry.first << " from " << entry.second.origin);
      const auto expanded = library.expand("%{" + entry.first + "}");
      if (!expanded) FAIL(expanded.error().message);
      const auto matcher = Matcher::compile(expanded->regex, options);
      if (!matcher) FAIL(matcher.error().message);
    }
  }
}

namespace {

/// What a pattern needs: "scanner" walks it without backtracking, "linear" can settle it where that would be dear; "pcre2"
/// has neither and ends in OverBudget on hard texts.
std::string engines_of(const Matcher& matcher) {
  std::string engines = matcher.scanner_note().empty() ? "" : "scanner ";
  engines += matcher.engine_note().empty() ? "linear" : "pcre2";
  return engines;
}

}  // namespace

// A pattern that moves to a weaker engine shows here before users see it. LOGBOOM_WRITE_ENGINES=FILE writes the list anew.
TEST_CASE("every bundled pattern needs the engine that the list says", "[text][grok]") {
  std::string made;
  for (const PatternSet set : {PatternSet::Legacy, PatternSet::EcsV1}) {
    const PatternLibrary& library = PatternLibrary::bundled(set);
    for (const auto& [name, pattern] : library.patterns()) {
      const auto expanded = library.expand("%{" + name + "}");
      REQUIRE(expanded.has_value());
      const auto matcher = Matcher::compile(expanded->regex, {.dot_matches_newline = true, .captures_unnamed = false});
      REQUIRE(matcher.has_value());
      const std::string engines = engines_of(**matcher);
      if (engines == "scanner linear") continue;  // the usual case
      made += std::string(set == PatternSet::Legacy ? "legacy " : "ecs-v1 ") + name + ' ' + engines + '\n';
    }
  }
  if (const char* path = std::getenv("LOGBOOM_WRITE_ENGINES")) std::ofstream(path) << made;
  std::ifstream list("tests/pipeline/text/data/pattern_engines.txt");
  const std::string expected((std::istreambuf_iterator<char>(list)), {});
  CHECK(made == expected);
}

}  // namespace logboom
